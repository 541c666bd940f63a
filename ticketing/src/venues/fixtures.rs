//! Which matches there are: the read table, how events make it, and its questions. One match is
//! read from its stream.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use shared_events::{Envelope, FixtureEvent, FixtureId, StadiumId};
use uuid::Uuid;

use super::fixture::Fixture;
use crate::platform::event_store::{EventStore, ReadError};
use crate::platform::read_table::{ReadRow, read_table};

read_table! {
    /// One match as it stands.
    pub struct FixtureRow of "fixtures" {
        /// Which match.
        fixture_id: Uuid = "uuid",
        /// Where.
        stadium_id: Uuid = "uuid",
        /// What it is called; may be empty.
        title: String = "text",
        /// Its first instant.
        starts_at: DateTime<Utc> = "timestamptz",
        /// Its end.
        ends_at: DateTime<Utc> = "timestamptz",
        /// Whether only holders of a used access link may buy.
        requires_link: bool = "boolean",
        /// Whether it does not take place.
        cancelled: bool = "boolean",
        /// The position of the first event in this row: lists are in this order.
        first_position: i64 = "bigint",
        /// The sequence of the last event in this row.
        sequence: i64 = "bigint",
    }
}

/// The row after one more event.
pub fn project(mut row: FixtureRow, event: &Envelope<FixtureEvent>) -> FixtureRow {
    row.fixture_id = event.aggregate_id;
    row.sequence = event.sequence;
    if event.sequence == 1 {
        row.first_position = event.position;
    }
    match &event.payload {
        FixtureEvent::Scheduled { stadium, title, starts_at, ends_at, requires_link } => {
            row.stadium_id = stadium.0;
            row.title.clone_from(title);
            row.starts_at = *starts_at;
            row.ends_at = *ends_at;
            row.requires_link = *requires_link;
        }
        FixtureEvent::Edited { title, requires_link } => {
            row.title.clone_from(title);
            row.requires_link = *requires_link;
        }
        FixtureEvent::Moved { starts_at, ends_at } => {
            row.starts_at = *starts_at;
            row.ends_at = *ends_at;
        }
        FixtureEvent::Cancelled => row.cancelled = true,
        FixtureEvent::SeatsOffered { .. }
        | FixtureEvent::TicketRepriced { .. }
        | FixtureEvent::TicketWithdrawn { .. } => {}
    }
    row
}

/// Reads matches; cheap to clone.
#[derive(Clone)]
pub struct Fixtures {
    store: EventStore,
}

impl Fixtures {
    /// Reads from the store's database.
    pub fn new(store: EventStore) -> Self {
        Self { store }
    }

    /// One match, as current as its last event; `None` if there is none.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer or an event can not be read.
    pub async fn find(&self, id: FixtureId) -> Result<Option<FixtureRow>, ReadError> {
        let events = self.store.stream(Fixture::TYPE, id.0).await?;
        let row = events.iter().fold(FixtureRow::default(), project);
        Ok((!events.is_empty() && !row.cancelled).then_some(row))
    }

    /// Matches, oldest first, as the projection has them; `after` is the first position of the last
    /// one before.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn list(
        &self,
        stadium: Option<StadiumId>,
        after: i64,
        limit: i64,
    ) -> Result<Vec<FixtureRow>, ReadError> {
        let whose = if stadium.is_some() { "stadium_id = $1" } else { "$1::uuid is null" };
        let text = format!(
            "select {} from fixtures where {whose} and not cancelled and first_position > $2 \
             order by first_position limit $3",
            FixtureRow::names()
        );
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(&text).await?;
        let stadium = stadium.map(|id| id.0);
        let rows = client.query(&statement, &[&stadium, &after, &limit]).await?;
        Ok(rows.iter().map(|row| FixtureRow::read(row, 0)).collect::<Result<_, _>>()?)
    }
}
