//! Reading history: streams for decisions, logs for readers, with upcasting. Writing goes through
//! [`AppendQueue`].
//!
//! A reader of a log needs only `position > checkpoint`: positions are commit order, so what is
//! read is complete up to the last position read.

use std::sync::Arc;

use cqrs_es::{Aggregate, DomainEvent};
use serde_json::value::RawValue;
use shared_events::{DecodeError, Envelope};
use tokio_postgres::{GenericClient, Row, Statement};
use uuid::Uuid;

use super::append::{Append, AppendError, Appended, StreamAppend};
use super::append_queue::AppendQueue;
use super::database::{Database, DatabaseError};
use super::grouped_reads::GroupedReads;
use super::log_signal::LogSignal;

/// An event as stored: its payload is not decoded yet.
pub type StoredEvent = Envelope<Box<RawValue>>;

/// What [`stored_event`] reads, with a condition on `e`.
macro_rules! select_events {
    ($condition:literal) => {
        concat!(
            "select log, (select history from logs l where l.log = e.log), position, event_id, \
             aggregate, aggregate_id, sequence, event_type, event_version, recorded_at, correlation, \
             causation, traceparent, payload::text from events e ",
            $condition
        )
    };
}

/// Streams in the order they are asked for. `offset 0` keeps the planner from joining the tables as
/// a whole.
const STREAMS: &str = concat!(
    "select e.*, asked.n::int from unnest($1::text[], $2::uuid[]) \
     with ordinality asked(aggregate, id, n) cross join lateral (",
    select_events!("where e.aggregate_id = asked.id and e.aggregate = asked.aggregate offset 0"),
    ") e order by asked.n, e.sequence"
);
/// Whether each of these streams is where it was seen, all at one moment. `offset 0` as above.
const ARE_AT: &str = "select coalesce(bool_and(coalesce(e.sequence, 0) = seen.sequence), true) \
     from unnest($1::text[], $2::uuid[], $3::bigint[]) seen(aggregate, id, sequence) \
     left join lateral (select sequence from events \
         where aggregate_id = seen.id and aggregate = seen.aggregate \
         order by sequence desc limit 1 offset 0) e on true";
/// The statement that [`read_log`] needs; prepare it once for each connection.
pub const READ_LOG: &str =
    select_events!("where log = $1 and position > $2 order by position limit $3");

pub(crate) use select_events;

/// Where the position stands among what [`select_events`] selects.
pub const POSITION: usize = 2;
/// How many columns that is: where whatever is selected besides begins.
pub const EVENT_COLUMNS: usize = 14;

/// One log of the history; cheap to clone.
#[derive(Clone)]
pub struct EventStore {
    log: &'static str,
    database: Database,
    queue: AppendQueue,
    signal: Arc<LogSignal>,
    streams: GroupedReads<StreamId, Vec<StoredEvent>>,
}

type StreamId = (&'static str, Uuid);

/// An aggregate as its events made it.
#[derive(Clone, Debug)]
pub struct Loaded<A> {
    /// Its state.
    pub state: A,
    /// The sequence of its last event; 0 if there is none.
    pub sequence: i64,
}

/// Why history could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Postgres did not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A stored event can not be read by this program: a newer one wrote it, or history is damaged.
    #[error("the event at position {position} of {log} can not be read")]
    Event {
        /// In which log.
        log: String,
        /// Where.
        position: i64,
        /// Why.
        source: DecodeError,
    },
}

impl From<tokio_postgres::Error> for ReadError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

impl EventStore {
    /// Opens a log and starts its writer.
    pub fn open(log: &'static str, database: Database) -> Self {
        let signal = LogSignal::new(log);
        let queue = AppendQueue::start(log, database.clone(), Arc::clone(&signal));
        let reads = database.clone();
        let streams = GroupedReads::start(move |asked| read_streams(reads.clone(), asked));
        Self { log, database, queue, signal, streams }
    }

    /// The log's name.
    pub fn log(&self) -> &'static str {
        self.log
    }

    /// News of the log.
    pub fn signal(&self) -> &Arc<LogSignal> {
        &self.signal
    }

    /// The database the log is in.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Appends all of it or nothing; returns after the commit.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.queue.append(append).await
    }

    /// How many appends wait.
    pub fn queue_depth(&self) -> usize {
        self.queue.depth()
    }

    /// Replays a stream. A stream without events is the aggregate's default state at sequence 0.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer or an event can not be read.
    pub async fn load<A: Aggregate>(&self, id: Uuid) -> Result<Loaded<A>, ReadError> {
        let mut loaded = Loaded { state: A::default(), sequence: 0 };
        for event in self.stream::<A::Event>(A::TYPE, id).await? {
            loaded.sequence = event.sequence;
            loaded.state.apply(event.payload);
        }
        Ok(loaded)
    }

    /// The events of one stream, in order.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer or an event can not be read.
    pub async fn stream<E: DomainEvent>(
        &self,
        aggregate: &'static str,
        id: Uuid,
    ) -> Result<Vec<Envelope<E>>, ReadError> {
        let events = self.streams.read((aggregate, id)).await?;
        events.into_iter().map(decode).collect()
    }

    /// Whether all of these streams are where they were seen: what was read from them one after
    /// the other was true at one moment.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn are_at(&self, streams: &[StreamAppend]) -> Result<bool, ReadError> {
        let aggregates: Vec<_> = streams.iter().map(|stream| stream.aggregate).collect();
        let ids: Vec<_> = streams.iter().map(|stream| stream.id).collect();
        let sequences: Vec<_> = streams.iter().map(|stream| stream.expected).collect();
        let client = self.database.get().await?;
        let statement = client.prepare_cached(ARE_AT).await?;
        let row = client.query_one(&statement, &[&aggregates, &ids, &sequences]).await?;
        Ok(row.try_get(0)?)
    }
}

/// Which history a log is.
///
/// # Errors
/// [`DatabaseError`] if Postgres does not answer or the log was never created.
pub async fn history(database: &Database, log: &str) -> Result<Uuid, DatabaseError> {
    let client = database.get().await?;
    let row = client.query_one("select history from logs where log = $1", &[&log]).await?;
    Ok(row.try_get(0)?)
}

async fn read_streams(
    database: Database,
    asked: Vec<StreamId>,
) -> Result<Vec<Vec<StoredEvent>>, DatabaseError> {
    let (aggregates, ids): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    let client = database.get().await?;
    let statement = client.prepare_cached(STREAMS).await?;
    let mut streams = vec![Vec::new(); ids.len()];
    for row in client.query(&statement, &[&aggregates, &ids]).await? {
        if let Some(stream) = streams.get_mut(nth(&row, EVENT_COLUMNS)?) {
            stream.push(stored_event(&row)?);
        }
    }
    Ok(streams)
}

/// Which of the keys that were asked for together a row answers: `with ordinality` counts from 1.
///
/// # Errors
/// If the column is of another type.
pub fn nth(row: &Row, column: usize) -> Result<usize, tokio_postgres::Error> {
    let ordinality: i32 = row.try_get(column)?;
    Ok(usize::try_from(ordinality - 1).unwrap_or_default())
}

/// Events of a log after a position, in order, at most `limit`. `statement` is [`READ_LOG`],
/// prepared.
///
/// # Errors
/// If Postgres does not answer.
pub async fn read_log(
    client: &impl GenericClient,
    statement: &Statement,
    log: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<StoredEvent>, tokio_postgres::Error> {
    let rows = client.query(statement, &[&log, &after, &limit]).await?;
    rows.iter().map(stored_event).collect()
}

/// The last position of a log, 0 if it is empty.
///
/// # Errors
/// If Postgres does not answer.
pub async fn head(client: &impl GenericClient, log: &str) -> Result<i64, tokio_postgres::Error> {
    let text = "select coalesce((select position from events where log = $1 \
                order by position desc limit 1), 0)";
    client.query_one(text, &[&log]).await?.try_get(0)
}

/// The event in a row that begins with what [`select_events`] selects.
///
/// # Errors
/// If the row is of another shape.
pub fn stored_event(row: &Row) -> Result<StoredEvent, tokio_postgres::Error> {
    let position: i64 = row.try_get(POSITION)?;
    let payload: String = row.try_get(13)?;
    Ok(Envelope {
        log: row.try_get(0)?,
        history: row.try_get(1)?,
        position,
        previous: position - 1,
        event_id: row.try_get(3)?,
        aggregate: row.try_get(4)?,
        aggregate_id: row.try_get(5)?,
        sequence: row.try_get(6)?,
        event_type: row.try_get(7)?,
        event_version: row.try_get(8)?,
        recorded_at: row.try_get(9)?,
        correlation: row.try_get(10)?,
        causation: row.try_get(11)?,
        traceparent: row.try_get(12)?,
        // What jsonb prints is JSON; null would be refused by whoever decodes it.
        payload: RawValue::from_string(payload).unwrap_or_else(|_| RawValue::NULL.to_owned()),
    })
}

/// Reads an event's payload, lifting older versions.
///
/// # Errors
/// [`ReadError::Event`] names the event's place.
pub fn decode<E: DomainEvent>(stored: StoredEvent) -> Result<Envelope<E>, ReadError> {
    let (aggregate, kind) = (&stored.aggregate, &stored.event_type);
    let payload =
        shared_events::decode(aggregate, kind, &stored.event_version, stored.payload.get());
    match payload {
        Ok(payload) => Ok(stored.with_payload(payload)),
        Err(source) => Err(ReadError::Event { log: stored.log, position: stored.position, source }),
    }
}
