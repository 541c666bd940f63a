//! The append queue: the only way into history. Callers queue; one writer task per log takes all
//! that wait and writes them in one round trip and one transaction under the log's lock (group
//! commit, never a timer).
//!
//! Promises: an answer `Ok` means committed; a refused append left no trace; positions are commit
//! order. If the reply to COMMIT is lost, the writer looks its event ids up under the lock and
//! tells each caller the truth, or `Unavailable` if it can not know. Not here: decisions, and how a
//! batch is laid out (`append_batch.rs`).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;
use tokio_postgres::Statement;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use super::append::{Append, AppendError, Appended};
use super::append_batch::{Columns, Outcome, prepare};
use super::causes::causes;
use super::database::{Connection, Database, DatabaseError};
use super::log_signal::LogSignal;
use super::workers::restarted;

/// Appends that may wait; one more is refused at once. At 40,000 a second this is less than half a
/// second.
pub const QUEUE_PLACES: usize = 16_384;
/// Appends in one batch.
const BATCH_APPENDS: usize = 256;
/// Events in one batch; a batch always takes at least one append.
const BATCH_EVENTS: usize = 4_096;
/// Bytes of payload in one batch; a batch always takes at least one append.
const BATCH_BYTES: usize = 1 << 20;
/// Longer than the server's `statement_timeout`, so it is the server that gives up first.
const REPLY_LIMIT: Duration = Duration::from_secs(7);
/// How long the fate of a batch is looked for: connecting, waiting until whoever holds the lock is
/// over, and reading. Callers wait meanwhile, and so does everybody behind them.
const LOOK_UP_LIMIT: Duration = Duration::from_secs(12);
/// Pause after a failed attempt to connect. Callers are refused meanwhile, not kept.
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);

/// The way into one log; cheap to clone.
#[derive(Clone)]
pub struct AppendQueue {
    sender: mpsc::Sender<Waiting>,
}

struct Waiting {
    append: Append,
    answer: oneshot::Sender<Outcome>,
}

impl AppendQueue {
    /// Starts the writer of `log`. It ends when the last clone of the queue is dropped and all is
    /// written; if it panics, it is started again with a new connection.
    pub fn start(log: &'static str, database: Database, signal: Arc<LogSignal>) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE_PLACES);
        let receiver = Arc::new(Mutex::new(receiver));
        restarted("log writer", move || {
            let (database, signal) = (database.clone(), Arc::clone(&signal));
            let writer = Writer { log, database, signal, connection: None };
            writer.run(Arc::clone(&receiver))
        });
        Self { sender }
    }

    /// Appends all of it or nothing; returns after the commit.
    ///
    /// # Errors
    /// See [`AppendError`]; [`AppendError::Overloaded`] at once if [`QUEUE_PLACES`] appends wait,
    /// [`AppendError::Unavailable`] if the writer came to grief over it.
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let (answer, outcome) = oneshot::channel();
        self.sender.try_send(Waiting { append, answer }).map_err(|refused| match refused {
            TrySendError::Full(_) => AppendError::Overloaded,
            TrySendError::Closed(_) => AppendError::Unavailable,
        })?;
        outcome.await.unwrap_or(Err(AppendError::Unavailable))
    }

    /// How many appends wait.
    pub fn depth(&self) -> usize {
        QUEUE_PLACES - self.sender.capacity()
    }
}

struct Writer {
    log: &'static str,
    database: Database,
    signal: Arc<LogSignal>,
    connection: Option<(Connection, Statement)>,
}

/// Why a batch as a whole came to nothing.
enum Failure {
    /// The server refused the data of at least one append.
    Data,
    /// The server answered that nothing was committed.
    Refused,
    /// Nobody knows.
    Unknown,
}

impl Writer {
    async fn run(mut self, receiver: Arc<Mutex<mpsc::Receiver<Waiting>>>) {
        // There is one writer at a time: this only hands the queue on from one that panicked.
        let mut receiver = receiver.lock().await;
        let mut kept: Option<Waiting> = None;
        loop {
            let mut batch = Vec::with_capacity(BATCH_APPENDS);
            match kept.take() {
                Some(first) => batch.push(first),
                None => match receiver.recv().await {
                    Some(first) => batch.push(first),
                    None => return,
                },
            }
            kept = fill(&mut batch, &mut receiver);
            // Whoever stopped waiting has given up: writing for them would only delay the others.
            batch.retain(|waiting| !waiting.answer.is_closed());
            if !batch.is_empty() {
                metrics::histogram!("ticketing_append_batch_size").record(batch.len() as f64);
                self.write(batch).await;
            }
        }
    }

    async fn write(&mut self, batch: Vec<Waiting>) {
        let outcomes = match self.try_write(batch.iter().map(|waiting| &waiting.append)).await {
            Ok(outcomes) => outcomes,
            Err(Failure::Data) => self.write_singly(&batch).await,
            Err(Failure::Refused) => vec![Err(AppendError::Unavailable); batch.len()],
            Err(Failure::Unknown) => self.find_out(&batch).await,
        };
        let mut head = 0;
        for (waiting, outcome) in batch.iter().zip(&outcomes) {
            if let Ok(appended) = outcome {
                let events: usize = waiting.append.streams.iter().map(|s| s.events.len()).sum();
                head = appended.first_position + i64::try_from(events).unwrap_or(0) - 1;
                for stream in &waiting.append.streams {
                    self.signal.stream_changed(stream.id);
                }
            }
        }
        // The news before the answers: who was answered can wait for what follows from it.
        if head > 0 {
            self.signal.head_moved(head);
        }
        for (waiting, outcome) in batch.into_iter().zip(outcomes) {
            // A caller that is gone has lost interest in the answer, not in the effect.
            let _ = waiting.answer.send(outcome);
        }
    }

    async fn try_write(
        &mut self,
        appends: impl Iterator<Item = &Append>,
    ) -> Result<Vec<Outcome>, Failure> {
        let columns = Columns::of(appends);
        let log = self.log;
        let (client, statement) = match self.connected().await {
            Ok(connected) => connected,
            Err(error) => {
                tracing::debug!(error = causes(&error), log, "the writer can not connect");
                tokio::time::sleep(RECONNECT_PAUSE).await;
                return Err(Failure::Refused);
            }
        };
        let reply = timeout(REPLY_LIMIT, columns.call(client, statement, log)).await;
        match reply {
            Ok(Ok(outcomes)) => Ok(outcomes),
            Ok(Err(error)) => {
                tracing::warn!(error = causes(&error), log, "a batch of appends failed");
                let failure = classify(error.code());
                if !matches!(failure, Failure::Data) {
                    self.connection = None;
                }
                Err(failure)
            }
            Err(_) => {
                tracing::warn!(log, "Postgres did not answer a batch of appends");
                self.connection = None;
                Err(Failure::Unknown)
            }
        }
    }

    async fn connected(&mut self) -> Result<&(Connection, Statement), DatabaseError> {
        if self.connection.as_ref().is_some_and(|(client, _)| client.is_closed()) {
            self.connection = None;
        }
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let client =
                    self.database.connect(&format!("ticketing writer {}", self.log)).await?;
                let prepared = timeout(REPLY_LIMIT, prepare(&client)).await;
                let statement = prepared.map_err(|_| DatabaseError::Silent)??;
                (client, statement)
            }
        };
        Ok(self.connection.insert(connection))
    }

    async fn write_singly(&mut self, batch: &[Waiting]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for waiting in batch {
            let outcome = match self.try_write(std::iter::once(&waiting.append)).await {
                Ok(mut one) => one.pop().unwrap_or(Err(AppendError::Unavailable)),
                Err(Failure::Data) => Err(AppendError::Invalid),
                Err(Failure::Refused) => Err(AppendError::Unavailable),
                Err(Failure::Unknown) => {
                    let mut one = self.find_out(std::slice::from_ref(waiting)).await;
                    one.pop().unwrap_or(Err(AppendError::Unavailable))
                }
            };
            outcomes.push(outcome);
        }
        outcomes
    }

    /// After a lost reply: who is found committed is told so, the others that it is not known.
    async fn find_out(&mut self, batch: &[Waiting]) -> Vec<Outcome> {
        let looked_up = timeout(LOOK_UP_LIMIT, self.look_up(batch)).await;
        let found = match looked_up.unwrap_or(Err(DatabaseError::Silent)) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(
                    error = causes(&error),
                    log = self.log,
                    "the fate of a batch is not known"
                );
                self.connection = None; // it may still hold the lock
                Vec::new()
            }
        };
        let committed = |append: &Append| {
            let first = append.streams.iter().find_map(|stream| stream.events.first())?;
            found.iter().find(|(id, _)| *id == first.id).map(|(_, position)| *position)
        };
        batch
            .iter()
            .map(|waiting| match committed(&waiting.append) {
                Some(first_position) => Ok(Appended { first_position }),
                None => Err(AppendError::Unavailable),
            })
            .collect()
    }

    async fn look_up(&mut self, batch: &[Waiting]) -> Result<Vec<(Uuid, i64)>, DatabaseError> {
        let log = self.log;
        let (client, _) = self.connected().await?;
        let (mut aggregates, mut ids, mut sequences) = (Vec::new(), Vec::new(), Vec::new());
        for stream in batch.iter().flat_map(|waiting| &waiting.append.streams) {
            aggregates.push(stream.aggregate);
            ids.push(stream.id);
            sequences.push(stream.expected + 1);
        }
        // Whoever holds the lock is the only writer, so what was under way before is over, and each
        // of these two statements sees what was committed before it began.
        let lock = "select pg_advisory_lock(hashtextextended('append:' || $1, 0))";
        client.execute(lock, &[&log]).await?;
        let find = "select e.event_id, e.position from unnest($1::text[], $2::uuid[], $3::bigint[]) s(a, i, n) \
                    join events e on e.aggregate_id = s.i and e.aggregate = s.a and e.sequence = s.n";
        let rows = client.query(find, &[&aggregates, &ids, &sequences]).await?;
        let unlock = "select pg_advisory_unlock(hashtextextended('append:' || $1, 0))";
        client.execute(unlock, &[&log]).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }
}

/// Takes what waits, up to the limits; returns the one that no longer fitted.
fn fill(batch: &mut Vec<Waiting>, receiver: &mut mpsc::Receiver<Waiting>) -> Option<Waiting> {
    let (mut events, mut bytes) = batch.iter().map(|w| size(&w.append)).fold((0, 0), add);
    while batch.len() < BATCH_APPENDS {
        let next = receiver.try_recv().ok()?;
        (events, bytes) = add((events, bytes), size(&next.append));
        if events > BATCH_EVENTS || bytes > BATCH_BYTES {
            return Some(next);
        }
        batch.push(next);
    }
    None
}

fn add(left: (usize, usize), right: (usize, usize)) -> (usize, usize) {
    (left.0 + right.0, left.1 + right.1)
}

fn size(append: &Append) -> (usize, usize) {
    let events = append.streams.iter().flat_map(|stream| &stream.events);
    events.fold((0, 0), |(count, bytes), event| (count + 1, bytes + event.payload.len()))
}

/// SQLSTATE classes 22 and 23 speak of the data. No code means that the connection broke.
fn classify(code: Option<&SqlState>) -> Failure {
    match code.map(SqlState::code) {
        Some(code) if code.starts_with("22") || code.starts_with("23") => Failure::Data,
        Some(code) if code.starts_with("08") || code.starts_with("57P") => Failure::Unknown,
        Some(_) => Failure::Refused,
        None => Failure::Unknown,
    }
}
