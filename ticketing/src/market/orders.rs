//! Who ordered what: the read table of orders, how events make it, and its questions. One order is
//! read from its stream; lists are as the projection has them. Whether an order's time is over is
//! asked of the clock.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use secrecy::ExposeSecret;
use shared_events::{AccountId, Envelope, OrderEvent, OrderId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::listings::TITLE;
use super::order::Order;
use crate::platform::event_store::{EventStore, ReadError};
use crate::platform::read_table::{ReadRow, read_table};
use crate::platform::vault::Vault;

read_table! {
    /// One order as it stands, without the title of its ticket.
    pub struct OrderRow of "orders" {
        /// Which order.
        order_id: Uuid = "uuid",
        /// Whose.
        buyer: Uuid = "uuid",
        /// Which ticket.
        listing_id: Uuid = "uuid",
        /// Whose ticket it was.
        seller: Uuid = "uuid",
        /// The ticket's title, in the vault.
        title_id: Uuid = "uuid",
        /// Its price in hundredths.
        price_minor: i64 = "bigint",
        /// Of which currency.
        currency: String = "text",
        /// When it was placed.
        placed_at: DateTime<Utc> = "timestamptz",
        /// The first instant at which it can no longer be paid.
        expires_at: DateTime<Utc> = "timestamptz",
        /// As it was recorded: `created`, `awaiting_payment`, `completed`, `cancelled`, `expired`
        /// or `refunded`.
        status: String = "text",
        /// Its last payment.
        payment_id: Option<Uuid> = "uuid",
        /// While a payment is made: the first instant at which the ticket is held no longer.
        held_until: Option<DateTime<Utc>> = "timestamptz",
        /// Why it was cancelled or refunded.
        reason: Option<String> = "text",
        /// The sequence of the last event in this row.
        sequence: i64 = "bigint",
    }
}

/// Names of an order's states.
pub mod status {
    /// It can be paid.
    pub const CREATED: &str = "created";
    /// A payment is being made.
    pub const AWAITING_PAYMENT: &str = "awaiting_payment";
    /// Paid.
    pub const COMPLETED: &str = "completed";
    /// Given up.
    pub const CANCELLED: &str = "cancelled";
    /// Not paid in time.
    pub const EXPIRED: &str = "expired";
    /// The money went back.
    pub const REFUNDED: &str = "refunded";

    /// All of them.
    pub const ALL: [&str; 6] = [CREATED, AWAITING_PAYMENT, COMPLETED, CANCELLED, EXPIRED, REFUNDED];
}

impl OrderRow {
    /// Its state at this moment, whether or not somebody has recorded that its time is over.
    pub fn status_at(&self, now: DateTime<Utc>) -> &str {
        let end = match self.status.as_str() {
            status::CREATED => self.expires_at,
            status::AWAITING_PAYMENT => self.held_until.unwrap_or(self.expires_at),
            _ => return &self.status,
        };
        if now >= end { status::EXPIRED } else { &self.status }
    }
}

/// The row after one more event.
pub fn project(mut row: OrderRow, event: &Envelope<OrderEvent>) -> OrderRow {
    row.order_id = event.aggregate_id;
    row.sequence = event.sequence;
    row.held_until = None;
    let status = match &event.payload {
        OrderEvent::Placed { buyer, listing, seller, title, price, expires_at } => {
            row.buyer = buyer.0;
            row.listing_id = listing.0;
            row.seller = seller.0;
            row.title_id = title.0;
            row.price_minor = price.price_minor;
            row.currency = price.currency.to_string();
            row.placed_at = event.recorded_at;
            row.expires_at = *expires_at;
            status::CREATED
        }
        OrderEvent::PaymentStarted { payment, until } => {
            row.payment_id = Some(payment.0);
            row.held_until = Some(*until);
            status::AWAITING_PAYMENT
        }
        OrderEvent::PaymentDeclined { .. } => status::CREATED,
        OrderEvent::Completed { payment } => {
            row.payment_id = Some(payment.0);
            status::COMPLETED
        }
        OrderEvent::Cancelled { reason } => {
            row.reason = Some(super::words::cancelled(*reason).to_owned());
            status::CANCELLED
        }
        OrderEvent::Expired => status::EXPIRED,
        OrderEvent::Refunded { payment, reason } => {
            row.payment_id = Some(payment.0);
            row.reason = Some(super::words::refunded(*reason).to_owned());
            status::REFUNDED
        }
    };
    row.status = status.to_owned();
    row
}

/// An order with the title of its ticket.
#[derive(Clone, Debug)]
pub struct Found {
    /// The order.
    pub row: OrderRow,
    /// The title; empty if it was erased.
    pub title: String,
}

/// Which orders a list has.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this account's.
    pub buyer: Option<AccountId>,
    /// Only those in this state at the moment: one of [`status::ALL`].
    pub status: Option<&'static str>,
}

/// Reads orders; cheap to clone.
#[derive(Clone)]
pub struct Orders {
    store: EventStore,
    vault: Vault,
}

impl Orders {
    /// Reads from the store's database.
    pub fn new(store: EventStore) -> Self {
        let vault = Vault::new(store.database().clone());
        Self { store, vault }
    }

    /// One order, as current as its last event; `None` if there is none.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer or an event can not be read.
    pub async fn find(&self, id: OrderId) -> Result<Option<Found>, ReadError> {
        let events = self.store.stream(Order::TYPE, id.0).await?;
        if events.is_empty() {
            return Ok(None);
        }
        let row = events.iter().fold(OrderRow::default(), project);
        let mut titles = self.vault.find(&[row.title_id], TITLE).await?;
        let title = titles.remove(&row.title_id).map(|title| title.expose_secret().to_owned());
        Ok(Some(Found { row, title: title.unwrap_or_default() }))
    }

    /// The orders that a filter matches, oldest first, as the projection has them.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn list(
        &self,
        filter: &Filter,
        after: Option<Uuid>,
        limit: i64,
        now: DateTime<Utc>,
    ) -> Result<Vec<Found>, ReadError> {
        let Filter { buyer, status } = filter;
        // Two statements, because a prepared one has one plan.
        let whose = if buyer.is_some() { "buyer = $1" } else { "$1::uuid is null" };
        let text = format!(
            "select {}, coalesce((select value from vault \
                 where id = title_id and name = '{TITLE}'), '') from orders \
             where {whose} and order_id > $3 and ($2::text is null or $2 = case \
                 when status = 'created' and expires_at <= $5 then 'expired' \
                 when status = 'awaiting_payment' and held_until <= $5 then 'expired' \
                 else status end) \
             order by order_id limit $4",
            OrderRow::names()
        );
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(&text).await?;
        let (buyer, after) = (buyer.map(|buyer| buyer.0), after.unwrap_or(Uuid::nil()));
        let parameters: [&(dyn ToSql + Sync); 5] = [&buyer, status, &after, &limit, &now];
        let rows = client.query(&statement, &parameters).await?;
        let read = |row: &Row| {
            let title = row.try_get(OrderRow::COLUMNS.len())?;
            Ok(Found { row: OrderRow::read(row, 0)?, title })
        };
        Ok(rows.iter().map(read).collect::<Result<_, tokio_postgres::Error>>()?)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn an_order_reads_as_expired_from_its_end_on_whatever_was_recorded() {
        let (end, later) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + TimeDelta::minutes(10));
        let before = end - TimeDelta::microseconds(1);
        let mut row =
            OrderRow { status: status::CREATED.into(), expires_at: end, ..OrderRow::default() };
        assert_eq!((row.status_at(before), row.status_at(end)), ("created", "expired"));
        row.status = status::AWAITING_PAYMENT.into();
        row.held_until = Some(later);
        assert_eq!((row.status_at(end), row.status_at(later)), ("awaiting_payment", "expired"));
        row.status = status::COMPLETED.into();
        assert_eq!(row.status_at(later), "completed");
    }
}
