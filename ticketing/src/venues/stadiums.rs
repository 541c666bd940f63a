//! Which stadiums there are: the read table, how events make it, and its questions. One stadium is
//! read from its stream.

use cqrs_es::Aggregate;
use shared_events::{Envelope, StadiumEvent, StadiumId};
use uuid::Uuid;

use super::stadium::Stadium;
use crate::platform::event_store::{EventStore, ReadError};
use crate::platform::read_table::{ReadRow, read_table};

read_table! {
    /// One stadium as it stands.
    pub struct StadiumRow of "stadiums" {
        /// Which stadium.
        stadium_id: Uuid = "uuid",
        /// What it is called; may be empty.
        name: String = "text",
        /// What it is like.
        description: String = "text",
        /// Whether it is no more.
        closed: bool = "boolean",
        /// The position of the first event in this row: lists are in this order.
        first_position: i64 = "bigint",
        /// The sequence of the last event in this row.
        sequence: i64 = "bigint",
    }
}

/// The row after one more event.
pub fn project(mut row: StadiumRow, event: &Envelope<StadiumEvent>) -> StadiumRow {
    row.stadium_id = event.aggregate_id;
    row.sequence = event.sequence;
    if event.sequence == 1 {
        row.first_position = event.position;
    }
    match &event.payload {
        StadiumEvent::Defined { name, description }
        | StadiumEvent::Described { name, description } => {
            row.name.clone_from(name);
            row.description.clone_from(description);
        }
        StadiumEvent::Closed => row.closed = true,
        StadiumEvent::SeatsPlanned { .. }
        | StadiumEvent::SeatAdded { .. }
        | StadiumEvent::SeatMoved { .. }
        | StadiumEvent::SeatRemoved { .. }
        | StadiumEvent::Booked { .. }
        | StadiumEvent::Unbooked { .. } => {}
    }
    row
}

/// Reads stadiums; cheap to clone.
#[derive(Clone)]
pub struct Stadiums {
    store: EventStore,
}

impl Stadiums {
    /// Reads from the store's database.
    pub fn new(store: EventStore) -> Self {
        Self { store }
    }

    /// One stadium, as current as its last event; `None` if there is none.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer or an event can not be read.
    pub async fn find(&self, id: StadiumId) -> Result<Option<StadiumRow>, ReadError> {
        let events = self.store.stream(Stadium::TYPE, id.0).await?;
        let row = events.iter().fold(StadiumRow::default(), project);
        Ok((!events.is_empty() && !row.closed).then_some(row))
    }

    /// Stadiums, oldest first, as the projection has them; `after` is the first position of
    /// the last one before.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn list(&self, after: i64, limit: i64) -> Result<Vec<StadiumRow>, ReadError> {
        let text = format!(
            "select {} from stadiums where not closed and first_position > $1 \
             order by first_position limit $2",
            StadiumRow::names()
        );
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(&text).await?;
        let rows = client.query(&statement, &[&after, &limit]).await?;
        Ok(rows.iter().map(|row| StadiumRow::read(row, 0)).collect::<Result<_, _>>()?)
    }
}
