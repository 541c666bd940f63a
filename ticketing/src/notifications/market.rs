//! What people are told of their orders: that one will soon no longer hold its ticket, and that its
//! money went back. Projected from the log of the market. When an order ends, what is planned of it
//! is withdrawn; what was due by then stays listed, but its mail is not sent any more.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use deadpool_postgres::Transaction;
use serde_json::{Value, json};
use shared_events::topology::{MARKET_LOG, PROJECT_MARKET_NOTICES, Queue};
use shared_events::{AccountId, Envelope, OrderEvent};
use uuid::Uuid;

use super::kind::Kind;
use super::notice::{Known, Notice, write};
use crate::platform::event_store::{ReadError, StoredEvent, decode};
use crate::platform::projections::Projection;

/// The table, the projection and its checkpoint have one name.
pub(super) const NAME: &str = "market_notices";
/// How long before the end of a hold its buyer is told; of a short one, half of it.
const BEFORE_END: TimeDelta = TimeDelta::minutes(5);

/// Projects what buyers are told of their orders.
pub struct MarketNotices;

#[async_trait]
impl Projection for MarketNotices {
    fn name(&self) -> &'static str {
        NAME
    }

    fn log(&self) -> &'static str {
        MARKET_LOG
    }

    fn queue(&self) -> &'static Queue {
        &PROJECT_MARKET_NOTICES
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
        for event in events.iter().filter(|event| event.aggregate == "order") {
            news.note(&decode::<OrderEvent>(event.clone())?);
        }
        // Of each order in this order: it is placed before it ends, and ends before it is refunded.
        write(transaction, NAME, &news.placed, Known::Stays).await?;
        news.withdraw_ended(transaction).await?;
        let refunded = news.refunded(transaction).await?;
        write(transaction, NAME, &refunded, Known::Stays).await?;
        Ok(())
    }
}

/// What a batch of events says.
#[derive(Default)]
struct News {
    placed: Vec<Notice>,
    /// When orders ended, the first time.
    ended: HashMap<Uuid, DateTime<Utc>>,
    /// Order, event and time of each refund.
    refunds: Vec<(Uuid, Uuid, DateTime<Utc>)>,
}

impl News {
    fn note(&mut self, event: &Envelope<OrderEvent>) {
        let order = event.aggregate_id;
        match &event.payload {
            OrderEvent::Placed { buyer, title, expires_at, .. } => self.placed.push(Notice {
                person: *buyer,
                kind: Kind::OrderExpiring,
                cause: event.event_id,
                about: order,
                due_at: Some(told_at(event.recorded_at, *expires_at)),
                until: Some(*expires_at),
                // `until` is when it ends to make sense, which a payment brings forward.
                details: json!({ "title_id": title.0, "until": expires_at }),
            }),
            OrderEvent::Completed { .. } | OrderEvent::Cancelled { .. } | OrderEvent::Expired => {
                self.ended.entry(order).or_insert(event.recorded_at);
            }
            OrderEvent::Refunded { .. } => {
                self.refunds.push((order, event.event_id, event.recorded_at));
            }
            OrderEvent::PaymentStarted { .. } | OrderEvent::PaymentDeclined { .. } => {}
        }
    }

    async fn withdraw_ended(
        &self,
        transaction: &Transaction<'_>,
    ) -> Result<(), tokio_postgres::Error> {
        if self.ended.is_empty() {
            return Ok(());
        }
        let (orders, at): (Vec<Uuid>, Vec<DateTime<Utc>>) = self.ended.iter().unzip();
        let text = "update market_notices n set \
                        withdrawn_at = case when n.due_at > e.at then e.at end, \
                        until = case when n.due_at > e.at then n.until \
                            else least(n.until, e.at) end \
                    from unnest($1::uuid[], $2::timestamptz[]) e(id, at) \
                    where n.about = e.id and n.kind = 'order_expiring' \
                        and n.withdrawn_at is null";
        let statement = transaction.prepare_cached(text).await?;
        transaction.execute(&statement, &[&orders, &at]).await?;
        Ok(())
    }

    /// The buyers are those whom the first notice of the order is for.
    async fn refunded(
        &self,
        transaction: &Transaction<'_>,
    ) -> Result<Vec<Notice>, tokio_postgres::Error> {
        if self.refunds.is_empty() {
            return Ok(Vec::new());
        }
        let orders: Vec<Uuid> = self.refunds.iter().map(|(order, ..)| *order).collect();
        let text = "select about, person, details from market_notices \
                    where about = any($1) and kind = 'order_expiring'";
        let statement = transaction.prepare_cached(text).await?;
        let rows = transaction.query(&statement, &[&orders]).await?;
        let mut known: HashMap<Uuid, (Uuid, Value)> = HashMap::new();
        for row in &rows {
            known.insert(row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?));
        }
        let notice = |(order, cause, at): &(Uuid, Uuid, DateTime<Utc>)| {
            let (person, details) = known.get(order)?.clone();
            Some(Notice {
                person: AccountId(person),
                kind: Kind::OrderRefunded,
                cause: *cause,
                about: *order,
                due_at: Some(*at),
                until: None,
                details: json!({ "title_id": details.get("title_id") }),
            })
        };
        Ok(self.refunds.iter().filter_map(notice).collect())
    }
}

/// When the buyer of an order is told that it will end.
fn told_at(placed_at: DateTime<Utc>, expires_at: DateTime<Utc>) -> DateTime<Utc> {
    expires_at - BEFORE_END.min((expires_at - placed_at) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buyer_is_told_five_minutes_before_the_end_or_halfway_of_a_short_hold() {
        let placed = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let after = |minutes| placed + TimeDelta::minutes(minutes);
        assert_eq!(told_at(placed, after(15)), after(10));
        assert_eq!(told_at(placed, after(10)), after(5));
        assert_eq!(told_at(placed, after(2)), after(1));
    }
}
