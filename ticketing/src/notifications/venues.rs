//! What people are told of matches for which they have tickets: that one takes place at another
//! time or not at all, and that their money went back. Projected from the log of the venues, with
//! who has tickets for what. That a match moved is no news any more once it has moved again, or is
//! cancelled: it stays listed, but ends, and if its mail still waits, it is not sent.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use deadpool_postgres::Transaction;
use serde_json::{Value, json};
use shared_events::topology::{PROJECT_VENUE_NOTICES, Queue, VENUES_LOG};
use shared_events::{AccountId, Envelope, FixtureEvent, PurchaseEvent};
use uuid::Uuid;

use super::kind::Kind;
use super::notice::{Known, Notice, ROWS_AT_ONCE, write};
use crate::platform::event_store::{ReadError, StoredEvent, decode};
use crate::platform::projections::Projection;

/// The table, the projection and its checkpoint have one name.
pub(super) const NAME: &str = "venue_notices";

/// Projects what holders of tickets are told.
pub struct VenueNotices;

#[async_trait]
impl Projection for VenueNotices {
    fn name(&self) -> &'static str {
        NAME
    }

    fn log(&self) -> &'static str {
        VENUES_LOG
    }

    fn queue(&self) -> &'static Queue {
        &PROJECT_VENUE_NOTICES
    }

    fn tables(&self) -> &'static [&'static str] {
        &[NAME, "ticket_holders"]
    }

    async fn apply(
        &self,
        transaction: &Transaction<'_>,
        events: &[StoredEvent],
    ) -> Result<(), ReadError> {
        // Purchases gather until somebody asks who has tickets.
        let mut bought = Bought::default();
        for event in events {
            match event.aggregate.as_str() {
                "purchase" => {
                    let event = decode::<PurchaseEvent>(event.clone())?;
                    if !bought.note(&event) {
                        bought.write(transaction).await?;
                        refund(transaction, &event).await?;
                    }
                }
                "fixture" if ["Moved", "Cancelled"].contains(&event.event_type.as_str()) => {
                    bought.write(transaction).await?;
                    tell_holders(transaction, &decode::<FixtureEvent>(event.clone())?).await?;
                }
                _ => {}
            }
        }
        bought.write(transaction).await?;
        Ok(())
    }
}

/// Purchases that are not written yet.
#[derive(Default)]
struct Bought {
    fixtures: Vec<Uuid>,
    purchases: Vec<Uuid>,
    buyers: Vec<Uuid>,
}

impl Bought {
    /// Whether it was a purchase.
    fn note(&mut self, event: &Envelope<PurchaseEvent>) -> bool {
        let PurchaseEvent::Made { buyer, tickets, .. } = &event.payload else { return false };
        let mut fixtures: Vec<Uuid> = tickets.iter().map(|ticket| ticket.fixture.0).collect();
        fixtures.sort_unstable();
        fixtures.dedup();
        for fixture in fixtures {
            self.fixtures.push(fixture);
            self.purchases.push(event.aggregate_id);
            self.buyers.push(buyer.0);
        }
        true
    }

    async fn write(&mut self, transaction: &Transaction<'_>) -> Result<(), tokio_postgres::Error> {
        let Self { fixtures, purchases, buyers } = std::mem::take(self);
        let text = "insert into ticket_holders (fixture_id, purchase_id, buyer) \
                    select * from unnest($1::uuid[], $2::uuid[], $3::uuid[]) on conflict do nothing";
        let pieces = fixtures.chunks(ROWS_AT_ONCE).zip(purchases.chunks(ROWS_AT_ONCE));
        for ((fixtures, purchases), buyers) in pieces.zip(buyers.chunks(ROWS_AT_ONCE)) {
            let statement = transaction.prepare_cached(text).await?;
            transaction.execute(&statement, &[&fixtures, &purchases, &buyers]).await?;
        }
        Ok(())
    }
}

async fn refund(
    transaction: &Transaction<'_>,
    event: &Envelope<PurchaseEvent>,
) -> Result<(), tokio_postgres::Error> {
    let text = "delete from ticket_holders where purchase_id = $1 returning buyer";
    let statement = transaction.prepare_cached(text).await?;
    let rows = transaction.query(&statement, &[&event.aggregate_id]).await?;
    let Some(buyer) = rows.first() else { return Ok(()) };
    let notice = Notice {
        person: AccountId(buyer.try_get(0)?),
        kind: Kind::PurchaseRefunded,
        cause: event.event_id,
        about: event.aggregate_id,
        due_at: Some(event.recorded_at),
        until: None,
        details: json!({}),
    };
    write(transaction, NAME, &[notice], Known::Stays).await
}

async fn tell_holders(
    transaction: &Transaction<'_>,
    event: &Envelope<FixtureEvent>,
) -> Result<(), tokio_postgres::Error> {
    let (kind, starts_at): (_, Option<DateTime<Utc>>) = match &event.payload {
        FixtureEvent::Moved { starts_at, .. } => (Kind::MatchMoved, Some(*starts_at)),
        _ => (Kind::MatchCancelled, None),
    };
    let text = "select distinct on (buyer) buyer, purchase_id from ticket_holders \
                where fixture_id = $1 order by buyer, purchase_id";
    let statement = transaction.prepare_cached(text).await?;
    let rows = transaction.query(&statement, &[&event.aggregate_id]).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let text = "update venue_notices set until = least(until, $2) \
                where about = $1 and kind = 'match_moved'";
    let statement = transaction.prepare_cached(text).await?;
    transaction.execute(&statement, &[&event.aggregate_id, &event.recorded_at]).await?;
    let details = json!({ "title": title(transaction, event).await?, "starts_at": starts_at });
    let mut notices = Vec::with_capacity(rows.len());
    for row in &rows {
        // A match that is cancelled is nowhere to be read any more; what was bought is.
        let about = if starts_at.is_some() { event.aggregate_id } else { row.try_get(1)? };
        notices.push(Notice {
            person: AccountId(row.try_get(0)?),
            kind,
            cause: event.event_id,
            about,
            due_at: Some(event.recorded_at),
            until: starts_at,
            details: details.clone(),
        });
    }
    write(transaction, NAME, &notices, Known::Stays).await
}

/// What the match was called then: everybody may read it, and it stands in history.
async fn title(
    transaction: &Transaction<'_>,
    event: &Envelope<FixtureEvent>,
) -> Result<Value, tokio_postgres::Error> {
    let text = "select payload->'title' from events \
                where aggregate = 'fixture' and aggregate_id = $1 and sequence < $2 \
                    and event_type in ('Scheduled', 'Edited') order by sequence desc limit 1";
    let statement = transaction.prepare_cached(text).await?;
    let row = transaction.query_opt(&statement, &[&event.aggregate_id, &event.sequence]).await?;
    row.map_or(Ok(Value::Null), |row| row.try_get(0))
}
