//! What people are told of their links: that one can be used. Projected from the log of the links.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use deadpool_postgres::Transaction;
use serde_json::json;
use shared_events::link_request::{Outcome, Requester};
use shared_events::topology::{LINKS_LOG, PROJECT_LINK_NOTICES, Queue};
use shared_events::{Envelope, LinkRequestEvent};
use uuid::Uuid;

use super::kind::Kind;
use super::notice::{Known, Notice, write};
use crate::platform::event_store::{ReadError, StoredEvent, decode};
use crate::platform::projections::Projection;

/// The table, the projection and its checkpoint have one name.
pub(super) const NAME: &str = "link_notices";

/// Projects what accounts are told of their links. Guests have nowhere to be told.
pub struct LinkNotices;

#[async_trait]
impl Projection for LinkNotices {
    fn name(&self) -> &'static str {
        NAME
    }

    fn log(&self) -> &'static str {
        LINKS_LOG
    }

    fn queue(&self) -> &'static Queue {
        &PROJECT_LINK_NOTICES
    }

    fn tables(&self) -> &'static [&'static str] {
        &[NAME]
    }

    async fn apply(
        &self,
        transaction: &Transaction<'_>,
        events: &[StoredEvent],
    ) -> Result<(), ReadError> {
        let mut news = News::default();
        for event in events {
            news.note(&decode::<LinkRequestEvent>(event.clone())?);
        }
        write(transaction, NAME, &news.asked, Known::Stays).await?;
        news.write_opened(transaction).await?;
        Ok(())
    }
}

/// What a batch of events says.
#[derive(Default)]
struct News {
    /// Notices whose time the rule has yet to say.
    asked: Vec<Notice>,
    requests: Vec<Uuid>,
    opens: Vec<DateTime<Utc>>,
    closes: Vec<DateTime<Utc>>,
}

impl News {
    fn note(&mut self, event: &Envelope<LinkRequestEvent>) {
        match &event.payload {
            LinkRequestEvent::Requested { requester: Requester::Account(person), .. } => {
                self.asked.push(Notice {
                    person: *person,
                    kind: Kind::LinkReady,
                    cause: event.event_id,
                    about: event.aggregate_id,
                    due_at: None,
                    until: None,
                    details: json!({}),
                });
            }
            LinkRequestEvent::RuleEvaluated {
                outcome: Outcome::Opens { opens_at, closes_at },
                ..
            } => {
                self.requests.push(event.aggregate_id);
                self.opens.push(*opens_at);
                self.closes.push(*closes_at);
            }
            _ => {}
        }
    }

    /// Of a guest's request there is no row.
    async fn write_opened(
        &self,
        transaction: &Transaction<'_>,
    ) -> Result<(), tokio_postgres::Error> {
        if self.requests.is_empty() {
            return Ok(());
        }
        let text = "update link_notices n set due_at = o.opens_at, until = o.closes_at \
                    from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) \
                        o(request, opens_at, closes_at) \
                    where n.about = o.request and n.due_at is null";
        let statement = transaction.prepare_cached(text).await?;
        transaction.execute(&statement, &[&self.requests, &self.opens, &self.closes]).await?;
        Ok(())
    }
}
