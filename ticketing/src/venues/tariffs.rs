//! Which named prices there are: the read table, how events make it, and its questions. One is read
//! from its stream.

use cqrs_es::Aggregate;
use shared_events::{Envelope, TariffEvent, TariffId};
use uuid::Uuid;

use super::tariff::Tariff;
use crate::platform::event_store::{EventStore, ReadError};
use crate::platform::read_table::{ReadRow, read_table};

read_table! {
    /// One named price as it stands.
    pub struct TariffRow of "tariffs" {
        /// Which one.
        tariff_id: Uuid = "uuid",
        /// Its name.
        name: String = "text",
        /// How much it is, in hundredths.
        price_minor: i64 = "bigint",
        /// Of which currency.
        currency: String = "text",
        /// Whether it is no more.
        removed: bool = "boolean",
        /// The position of the first event in this row: lists are in this order.
        first_position: i64 = "bigint",
        /// The sequence of the last event in this row.
        sequence: i64 = "bigint",
    }
}

/// The row after one more event.
pub fn project(mut row: TariffRow, event: &Envelope<TariffEvent>) -> TariffRow {
    row.tariff_id = event.aggregate_id;
    row.sequence = event.sequence;
    if event.sequence == 1 {
        row.first_position = event.position;
    }
    match &event.payload {
        TariffEvent::Defined { name, price } | TariffEvent::Changed { name, price } => {
            row.name.clone_from(name);
            row.price_minor = price.price_minor;
            row.currency = price.currency.to_string();
        }
        TariffEvent::Removed => row.removed = true,
    }
    row
}

/// Reads named prices; cheap to clone.
#[derive(Clone)]
pub struct Tariffs {
    store: EventStore,
}

impl Tariffs {
    /// Reads from the store's database.
    pub fn new(store: EventStore) -> Self {
        Self { store }
    }

    /// One named price, as current as its last event; `None` if there is none.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer or an event can not be read.
    pub async fn find(&self, id: TariffId) -> Result<Option<TariffRow>, ReadError> {
        let events = self.store.stream(Tariff::TYPE, id.0).await?;
        let row = events.iter().fold(TariffRow::default(), project);
        Ok((!events.is_empty() && !row.removed).then_some(row))
    }

    /// Named prices, oldest first, as the projection has them; `after` is the first position of
    /// the last one before.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn list(&self, after: i64, limit: i64) -> Result<Vec<TariffRow>, ReadError> {
        let text = format!(
            "select {} from tariffs where not removed and first_position > $1 \
             order by first_position limit $2",
            TariffRow::names()
        );
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(&text).await?;
        let rows = client.query(&statement, &[&after, &limit]).await?;
        Ok(rows.iter().map(|row| TariffRow::read(row, 0)).collect::<Result<_, _>>()?)
    }
}
