//! Who has bought what: the read table of purchases, how events make it, and its questions. One
//! purchase is read from its stream.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use shared_events::{BoughtTicket, Envelope, PurchaseEvent, PurchaseId};
use uuid::Uuid;

use super::purchase::Purchase;
use crate::platform::event_store::{EventStore, ReadError};
use crate::platform::read_table::{ReadRow, read_table};

read_table! {
    /// One purchase as it stands, without its tickets.
    pub struct PurchaseRow of "purchases" {
        /// Which purchase.
        purchase_id: Uuid = "uuid",
        /// Whose.
        buyer: Uuid = "uuid",
        /// From which wallet.
        wallet_id: Uuid = "uuid",
        /// What all of it cost, in hundredths.
        total_minor: i64 = "bigint",
        /// Of which currency.
        currency: String = "text",
        /// How many tickets.
        tickets: i64 = "bigint",
        /// When it was made.
        made_at: DateTime<Utc> = "timestamptz",
        /// When it was refunded.
        refunded_at: Option<DateTime<Utc>> = "timestamptz",
        /// The sequence of the last event in this row.
        sequence: i64 = "bigint",
    }
}

/// The row after one more event.
pub fn project(mut row: PurchaseRow, event: &Envelope<PurchaseEvent>) -> PurchaseRow {
    row.purchase_id = event.aggregate_id;
    row.sequence = event.sequence;
    match &event.payload {
        PurchaseEvent::Made { buyer, wallet, total, tickets } => {
            row.buyer = buyer.0;
            row.wallet_id = wallet.0;
            row.total_minor = total.price_minor;
            row.currency = total.currency.to_string();
            row.tickets = i64::try_from(tickets.len()).unwrap_or(i64::MAX);
            row.made_at = event.recorded_at;
        }
        PurchaseEvent::Refunded { .. } => row.refunded_at = Some(event.recorded_at),
    }
    row
}

/// A purchase with its tickets.
#[derive(Clone, Debug)]
pub struct Found {
    /// The purchase.
    pub row: PurchaseRow,
    /// Its tickets.
    pub tickets: Vec<BoughtTicket>,
}

/// Reads purchases; cheap to clone.
#[derive(Clone)]
pub struct Purchases {
    store: EventStore,
}

impl Purchases {
    /// Reads from the store's database.
    pub fn new(store: EventStore) -> Self {
        Self { store }
    }

    /// One purchase, as current as its last event; `None` if there is none.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer or an event can not be read.
    pub async fn find(&self, id: PurchaseId) -> Result<Option<Found>, ReadError> {
        let events = self.store.stream::<PurchaseEvent>(Purchase::TYPE, id.0).await?;
        let tickets = events.iter().find_map(|event| match &event.payload {
            PurchaseEvent::Made { tickets, .. } => Some(tickets.clone()),
            PurchaseEvent::Refunded { .. } => None,
        });
        let row = events.iter().fold(PurchaseRow::default(), project);
        Ok(tickets.map(|tickets| Found { row, tickets }))
    }

    /// Purchases, oldest first, as the projection has them.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn list(
        &self,
        buyer: Option<Uuid>,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<PurchaseRow>, ReadError> {
        let whose = if buyer.is_some() { "buyer = $1" } else { "$1::uuid is null" };
        let text = format!(
            "select {} from purchases where {whose} and purchase_id > $2 \
             order by purchase_id limit $3",
            PurchaseRow::names()
        );
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(&text).await?;
        let after = after.unwrap_or(Uuid::nil());
        let rows = client.query(&statement, &[&buyer, &after, &limit]).await?;
        Ok(rows.iter().map(|row| PurchaseRow::read(row, 0)).collect::<Result<_, _>>()?)
    }
}
