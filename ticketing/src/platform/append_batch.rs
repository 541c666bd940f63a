//! A batch of appends as the columns that `append_events` takes, and its outcomes read back.
//!
//! Here stands what the function's comment in `schema/current/append_events.sql` means by slots.
//! Not here: connections.

use std::collections::HashMap;
use std::hash::Hash;

use chrono::{DateTime, Utc};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row, Statement};
use uuid::Uuid;

use super::append::{Append, AppendError, Appended};

/// What one call of `append_events` says of one append.
pub(super) type Outcome = Result<Appended, AppendError>;

const CALL: &str = "select outcome, first_position from append_events(\
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
    $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, \
    $41, $42, $43, $44)";

/// Prepares the call for [`Columns::call`].
pub(super) async fn prepare(client: &Client) -> Result<Statement, tokio_postgres::Error> {
    client.prepare_typed(CALL, &[Type::TEXT]).await
}

/// The arguments of `append_events`, one vector a parameter.
#[derive(Default)]
pub(super) struct Columns<'a> {
    counts: Vec<i32>,
    shared: bool,
    streams: Streams<'a>,
    messages: Messages<'a>,
    keys: Keys<'a>,
    events: Events<'a>,
    deadlines: Deadlines<'a>,
    secrets: Secrets<'a>,
}

#[derive(Default)]
struct Streams<'a> {
    append: Vec<i32>,
    slot: Vec<i32>,
    aggregate: Vec<&'a str>,
    id: Vec<Uuid>,
    expected: Vec<i64>,
    count: Vec<i32>,
}

#[derive(Default)]
struct Messages<'a> {
    append: Vec<i32>,
    slot: Vec<i32>,
    consumer: Vec<&'a str>,
    id: Vec<Uuid>,
    at: Vec<DateTime<Utc>>,
}

#[derive(Default)]
struct Keys<'a> {
    append: Vec<i32>,
    slot: Vec<i32>,
    key: Vec<&'a [u8]>,
    fingerprint: Vec<&'a [u8]>,
    status: Vec<i16>,
    body: Vec<&'a str>,
    at: Vec<DateTime<Utc>>,
}

#[derive(Default)]
struct Events<'a> {
    append: Vec<i32>,
    nth: Vec<i32>,
    id: Vec<Uuid>,
    aggregate: Vec<&'a str>,
    aggregate_id: Vec<Uuid>,
    sequence: Vec<i64>,
    event_type: Vec<&'a str>,
    version: Vec<&'a str>,
    at: Vec<DateTime<Utc>>,
    correlation: Vec<Uuid>,
    causation: Vec<Option<Uuid>>,
    traceparent: Vec<Option<&'a str>>,
    payload: Vec<&'a str>,
}

#[derive(Default)]
struct Deadlines<'a> {
    append: Vec<i32>,
    id: Vec<Uuid>,
    kind: Vec<&'a str>,
    subject: Vec<Uuid>,
    due: Vec<DateTime<Utc>>,
}

#[derive(Default)]
struct Secrets<'a> {
    append: Vec<i32>,
    id: Vec<Uuid>,
    name: Vec<&'a str>,
    value: Vec<&'a str>,
    expires: Vec<Option<DateTime<Utc>>>,
}

/// Gives equal things the same number and notices whether any that is written came twice.
struct Slots<K> {
    /// The number, and whether anybody writes.
    numbers: HashMap<K, (i32, bool)>,
    shared: bool,
}

impl<K: Eq + Hash> Slots<K> {
    fn new() -> Self {
        Self { numbers: HashMap::new(), shared: false }
    }

    fn number(&mut self, key: K) -> i32 {
        self.number_of(key, true)
    }

    /// The same, for a thing that may be only looked at: things that are all looked at and never
    /// written do not meet each other.
    fn number_of(&mut self, key: K, written: bool) -> i32 {
        let next = number(self.numbers.len());
        let (slot, any_written) = self.numbers.entry(key).or_insert((next, written));
        *any_written |= written;
        self.shared |= *slot != next && *any_written;
        *slot
    }
}

/// Postgres counts from 1, and a batch is far smaller than an `i32`.
fn number(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX - 1) + 1
}

impl<'a> Columns<'a> {
    /// Lays out the appends in their order.
    pub(super) fn of(appends: impl IntoIterator<Item = &'a Append>) -> Self {
        let mut columns = Self::default();
        let (mut streams, mut messages, mut keys) = (Slots::new(), Slots::new(), Slots::new());
        for (index, append) in appends.into_iter().enumerate() {
            let n = number(index);
            let count = columns.add_streams(n, append, &mut streams);
            columns.counts.push(count);
            columns.add_attached(n, append);
            if let Some(message) = &append.attached.message {
                columns.messages.slot.push(messages.number(*message));
            }
            if let Some((key, _)) = &append.attached.answer {
                columns.keys.slot.push(keys.number(key.key()));
            }
        }
        columns.shared = streams.shared || messages.shared || keys.shared;
        columns
    }

    fn add_streams(
        &mut self,
        n: i32,
        append: &'a Append,
        slots: &mut Slots<(&'static str, Uuid)>,
    ) -> i32 {
        let mut nth = 0;
        for stream in &append.streams {
            let rows = &mut self.streams;
            rows.append.push(n);
            let written = !stream.events.is_empty();
            rows.slot.push(slots.number_of((stream.aggregate, stream.id), written));
            rows.aggregate.push(stream.aggregate);
            rows.id.push(stream.id);
            rows.expected.push(stream.expected);
            rows.count.push(number(stream.events.len()) - 1);
            for (event, sequence) in stream.events.iter().zip(stream.expected + 1..) {
                let rows = &mut self.events;
                rows.append.push(n);
                rows.nth.push(nth);
                rows.id.push(event.id);
                rows.aggregate.push(stream.aggregate);
                rows.aggregate_id.push(stream.id);
                rows.sequence.push(sequence);
                rows.event_type.push(&event.event_type);
                rows.version.push(&event.event_version);
                rows.at.push(append.recorded_at);
                rows.correlation.push(append.origin.correlation);
                rows.causation.push(append.origin.causation);
                rows.traceparent.push(append.origin.traceparent.as_deref());
                rows.payload.push(&event.payload);
                nth += 1;
            }
        }
        nth
    }

    fn add_attached(&mut self, n: i32, append: &'a Append) {
        if let Some(message) = &append.attached.message {
            self.messages.append.push(n);
            self.messages.consumer.push(message.consumer);
            self.messages.id.push(message.id);
            self.messages.at.push(append.recorded_at);
        }
        if let Some((key, answer)) = &append.attached.answer {
            self.keys.append.push(n);
            self.keys.key.push(key.key());
            self.keys.fingerprint.push(key.fingerprint());
            self.keys.status.push(i16::try_from(answer.status).unwrap_or(i16::MAX));
            self.keys.body.push(&answer.body);
            self.keys.at.push(append.recorded_at);
        }
        for deadline in &append.attached.deadlines {
            self.deadlines.append.push(n);
            self.deadlines.id.push(Uuid::now_v7());
            self.deadlines.kind.push(deadline.kind);
            self.deadlines.subject.push(deadline.subject);
            self.deadlines.due.push(deadline.due_at);
        }
        for secret in &append.attached.secrets {
            self.secrets.append.push(n);
            self.secrets.id.push(secret.id);
            self.secrets.name.push(secret.name);
            self.secrets.value.push(&secret.value);
            self.secrets.expires.push(secret.expires_at);
        }
    }

    /// One round trip, one transaction: returns once Postgres has committed.
    pub(super) async fn call(
        &self,
        client: &Client,
        statement: &Statement,
        log: &str,
    ) -> Result<Vec<Outcome>, tokio_postgres::Error> {
        let rows = client.query(statement, &self.parameters(&log)).await?;
        rows.iter().map(outcome).collect()
    }

    #[rustfmt::skip] // one line a column group, in the order of the function's parameters
    fn parameters<'b>(&'b self, log: &'b &str) -> [&'b (dyn ToSql + Sync); 44] {
        let Self { counts, shared, .. } = self;
        let (s, m, k) = (&self.streams, &self.messages, &self.keys);
        let (e, d, v) = (&self.events, &self.deadlines, &self.secrets);
        [
            log, counts, shared,
            &s.append, &s.slot, &s.aggregate, &s.id, &s.expected, &s.count,
            &m.append, &m.slot, &m.consumer, &m.id, &m.at,
            &k.append, &k.slot, &k.key, &k.fingerprint, &k.status, &k.body, &k.at,
            &e.append, &e.nth, &e.id, &e.aggregate, &e.aggregate_id, &e.sequence,
            &e.event_type, &e.version, &e.at, &e.correlation, &e.causation, &e.traceparent,
            &e.payload,
            &d.append, &d.id, &d.kind, &d.subject, &d.due,
            &v.append, &v.id, &v.name, &v.value, &v.expires,
        ]
    }
}

fn outcome(row: &Row) -> Result<Outcome, tokio_postgres::Error> {
    Ok(match row.try_get::<_, i16>(0)? {
        0 => Ok(Appended { first_position: row.try_get(1)? }),
        1 => Err(AppendError::Conflict),
        2 => Err(AppendError::AlreadyProcessed),
        _ => Err(AppendError::KeyTaken),
    })
}
