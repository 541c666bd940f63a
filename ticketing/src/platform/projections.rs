//! Projection builders: one per context, from its log to its read tables, each event applied
//! exactly once.
//!
//! Messages bring the news quickly; the store is the truth. A batch and its checkpoint are one
//! transaction that begins by locking the checkpoint, so a frozen builder that wakes finds it moved
//! and does nothing. What a message does not continue is read from the store; a lost tail heals
//! without a next message; a message of another history is dropped. A stored event that can not be
//! read, or that Postgres refuses to have applied, stops the projection loudly: nothing is ever
//! skipped. Not here: `rebuild` and `verify`
//! (`projection_copy.rs`), and what is projected.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::Transaction;
use futures_util::StreamExt;
use lapin::Connection;
use lapin::message::Delivery;
use lapin::options::BasicAckOptions;
use shared_events::topology::Queue;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::broker::{Broker, BrokerError, limited};
use super::causes::causes;
use super::database::{Database, DatabaseError};
use super::dead_letters::{DeadLetter, DeadLetters};
use super::event_store::{self, READ_LOG, ReadError, StoredEvent};
use super::inbox::{consume, keep_bound};

/// Messages applied in one transaction.
const BATCH: usize = 500;
/// How long messages gather after a batch that was not full: at a few hundred a second, each alone
/// would cost a transaction and an acknowledgement of its own.
const GATHER: Duration = Duration::from_millis(20);
/// Events read from the store at once.
const CHUNK: i64 = 1_000;
/// How often a builder that makes no progress compares its checkpoint with the log's head.
const COMPARE: Duration = Duration::from_secs(1);

/// The read tables of one context.
#[async_trait]
pub trait Projection: Send + Sync + 'static {
    /// Its name, for checkpoint, `rebuild` and metrics.
    fn name(&self) -> &'static str;
    /// The log it reads.
    fn log(&self) -> &'static str;
    /// The queue that brings its news.
    fn queue(&self) -> &'static Queue;
    /// The tables it writes, named without a schema everywhere so that a copy can be built beside
    /// them.
    fn tables(&self) -> &'static [&'static str];
    /// Applies events in order, without gaps or repeats.
    async fn apply(
        &self,
        transaction: &Transaction<'_>,
        events: &[StoredEvent],
    ) -> Result<(), ReadError>;
}

/// Keeps one projection up to date.
pub struct Builder {
    projection: Arc<dyn Projection>,
    database: Database,
    dead_letters: Arc<DeadLetters>,
    progress: Progress,
}

/// How far a projection is; cheap to clone.
#[derive(Clone)]
pub struct Progress {
    name: &'static str,
    applied: Arc<AtomicI64>,
    head: Arc<AtomicI64>,
    stopped: CancellationToken,
}

impl Progress {
    /// The projection's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Events of the log that are not applied yet, as of the last comparison.
    pub fn lag(&self) -> i64 {
        (self.head.load(Ordering::Relaxed) - self.applied.load(Ordering::Relaxed)).max(0)
    }

    /// Whether it stopped at an event it can not apply.
    pub fn has_stopped(&self) -> bool {
        self.stopped.is_cancelled()
    }
}

impl Builder {
    /// A builder; [`Builder::run`] starts it.
    pub fn new(
        projection: Arc<dyn Projection>,
        database: Database,
        dead_letters: Arc<DeadLetters>,
    ) -> Self {
        let progress = Progress {
            name: projection.name(),
            applied: Arc::default(),
            head: Arc::default(),
            stopped: CancellationToken::new(),
        };
        Self { projection, database, dead_letters, progress }
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Applies events until cancelled or stopped by an event that can not be applied.
    pub async fn run(self, broker: Broker, shutdown: CancellationToken) {
        let ended = self.progress.stopped.child_token();
        let name = format!("ticketing project {}", self.projection.name());
        let session = |connection| self.session(connection, &ended);
        let work = async {
            tokio::join!(broker.supervise(&name, &ended, session), self.compare(&ended));
            // Stopped at an event it can not apply: its consumer is gone, the rest of the process
            // lives on.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = work => {}
            () = shutdown.cancelled() => {}
        }
    }

    async fn session(
        &self,
        connection: Connection,
        ended: &CancellationToken,
    ) -> Result<(), BrokerError> {
        let queue = self.projection.queue();
        let (channel, consumer) = consume(&connection, queue, BATCH).await?;
        let mut batches = consumer.ready_chunks(BATCH);
        let bound = keep_bound(&channel, queue);
        tokio::pin!(bound);
        while !ended.is_cancelled() {
            let deliveries = tokio::select! {
                deliveries = batches.next() => deliveries.ok_or(BrokerError::ConsumerEnded)?,
                error = &mut bound => return Err(error),
                () = ended.cancelled() => return Ok(()),
            };
            let deliveries = deliveries.into_iter().collect::<Result<Vec<_>, _>>()?;
            self.take(&deliveries).await?;
            if deliveries.len() < BATCH {
                tokio::time::sleep(GATHER).await;
            }
        }
        Ok(())
    }

    /// Applies a batch of messages, puts the bad ones away, then acks it. Bad ones only after the
    /// commit: a batch that is tried again would put them away each time.
    async fn take(&self, deliveries: &[Delivery]) -> Result<(), BrokerError> {
        let mut events = Vec::with_capacity(deliveries.len());
        let mut bad = Vec::new();
        for delivery in deliveries {
            match serde_json::from_slice::<StoredEvent>(&delivery.data) {
                Ok(event) => events.push((event, delivery)),
                Err(error) => bad.push((delivery, error.to_string())),
            }
        }
        events.sort_by_key(|(event, _)| event.position);
        let (events, of): (Vec<_>, Vec<_>) = events.into_iter().unzip();
        match self.advance(&events).await {
            Ok(_) => {}
            Err(error) if !is_final(&error) => return Err(BrokerError::Stopped(causes(&error))),
            Err(error) => {
                // The message may be bad and the store good. If the store is bad too, this stops.
                tracing::warn!(
                    error = causes(&error),
                    "a message can not be applied, reading the store"
                );
                self.catch_up().await.map_err(|e| BrokerError::Stopped(causes(&e)))?;
                if let ReadError::Event { position, .. } = &error {
                    let blamed = events.iter().zip(of).filter(|(e, _)| e.position == *position);
                    bad.extend(blamed.map(|(_, delivery)| (delivery, causes(&error))));
                }
            }
        }
        for (delivery, reason) in bad {
            self.park(delivery, &reason).await?;
        }
        if let Some(last) = deliveries.last() {
            let all = BasicAckOptions { multiple: true };
            limited(last.ack(all)).await?;
        }
        Ok(())
    }

    async fn park(&self, delivery: &Delivery, reason: &str) -> Result<(), BrokerError> {
        let letter = DeadLetter {
            exchange: delivery.exchange.as_str(),
            routing_key: delivery.routing_key.as_str(),
            properties: delivery.properties.clone(),
            body: &delivery.data,
            reason,
        };
        self.dead_letters.put(self.projection.queue(), letter).await
    }

    /// Applies events that messages brought, sorted by position; what they do not continue is read
    /// from the store. Returns the checkpoint afterwards.
    ///
    /// # Errors
    /// [`ReadError`]: nothing was applied.
    pub async fn advance(&self, news: &[StoredEvent]) -> Result<i64, ReadError> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await?;
        let (history, mut checkpoint) = lock(&transaction, &*self.projection).await?;
        let before = checkpoint;
        let mut fresh: Vec<StoredEvent> = Vec::new();
        for event in news.iter().filter(|event| event.history == history) {
            let expected = fresh.last().map_or(checkpoint, |last| last.position);
            if event.position <= expected {
                continue;
            }
            if event.previous != expected {
                apply(&transaction, &*self.projection, &mut fresh, &mut checkpoint).await?;
                let log = self.projection.log();
                let limit = event.position - checkpoint - 1;
                fresh = read(&transaction, log, checkpoint, limit.min(CHUNK)).await?;
                // A gap longer than a chunk is left to the comparison with the head.
                if fresh.last().map_or(checkpoint, |last| last.position) != event.previous {
                    break;
                }
            }
            fresh.push(event.clone());
        }
        apply(&transaction, &*self.projection, &mut fresh, &mut checkpoint).await?;
        if checkpoint > before {
            move_checkpoint(&transaction, &*self.projection, checkpoint).await?;
        }
        transaction.commit().await?;
        self.note(checkpoint);
        Ok(checkpoint)
    }

    /// Applies from the store until the log's head is reached. Returns the checkpoint afterwards.
    ///
    /// # Errors
    /// What can not succeed however often it is tried stops the projection: an event that can not
    /// be read, a statement that Postgres refuses for what it says.
    pub async fn catch_up(&self) -> Result<i64, ReadError> {
        loop {
            match self.apply_chunk().await {
                Ok((checkpoint, 0)) => return Ok(checkpoint),
                Ok(_) => {}
                Err(error) => {
                    if is_final(&error) {
                        let (name, error) = (self.projection.name(), causes(&error));
                        tracing::error!(projection = name, error, "a projection has stopped");
                        metrics::gauge!("ticketing_projection_stopped", "projection" => name)
                            .set(1.0);
                        self.progress.stopped.cancel();
                    }
                    return Err(error);
                }
            }
        }
    }

    async fn apply_chunk(&self) -> Result<(i64, usize), ReadError> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await?;
        let (_, mut checkpoint) = lock(&transaction, &*self.projection).await?;
        let log = self.projection.log();
        let mut events = read(&transaction, log, checkpoint, CHUNK).await?;
        let count = events.len();
        apply(&transaction, &*self.projection, &mut events, &mut checkpoint).await?;
        if count > 0 {
            move_checkpoint(&transaction, &*self.projection, checkpoint).await?;
        }
        transaction.commit().await?;
        self.note(checkpoint);
        Ok((checkpoint, count))
    }

    /// Compares the checkpoint with the head; one that stood still behind the head has lost
    /// messages.
    async fn compare(&self, ended: &CancellationToken) {
        let mut last = -1;
        while !ended.is_cancelled() {
            match self.positions().await {
                Ok((checkpoint, head)) => {
                    self.note(checkpoint);
                    self.progress.head.store(head, Ordering::Relaxed);
                    let lag = metrics::gauge!(
                        "ticketing_projection_lag_events", "projection" => self.progress.name
                    );
                    lag.set(self.progress.lag() as f64);
                    if checkpoint < head
                        && checkpoint == last
                        && let Err(error) = self.catch_up().await
                    {
                        tracing::debug!(
                            error = causes(&error),
                            "the projection could not catch up"
                        );
                    }
                    last = checkpoint;
                }
                Err(error) => {
                    tracing::debug!(error = causes(&error), "the checkpoint could not be compared");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(COMPARE) => {}
                () = ended.cancelled() => {}
            }
        }
    }

    async fn positions(&self) -> Result<(i64, i64), DatabaseError> {
        let client = self.database.get().await?;
        let text = "select position from checkpoints where projection = $1";
        let row = client.query_opt(text, &[&self.projection.name()]).await?;
        let checkpoint = row.map_or(Ok(0), |row| row.try_get(0))?;
        Ok((checkpoint, event_store::head(&**client, self.projection.log()).await?))
    }

    fn note(&self, checkpoint: i64) {
        self.progress.applied.fetch_max(checkpoint, Ordering::Relaxed);
        self.progress.head.fetch_max(checkpoint, Ordering::Relaxed);
    }
}

/// Whether trying again would end the same way.
fn is_final(error: &ReadError) -> bool {
    match error {
        ReadError::Event { .. } => true,
        ReadError::Database(error) => error.is_final(),
    }
}

/// Begins a step: whoever holds the checkpoint's row is the only one who applies.
pub(super) async fn lock(
    transaction: &Transaction<'_>,
    projection: &dyn Projection,
) -> Result<(Uuid, i64), tokio_postgres::Error> {
    let make = "insert into checkpoints (projection, log, history, position) \
                select $1, log, history, 0 from logs where log = $2 on conflict do nothing";
    // What is derived can be derived again: a crash of Postgres sets rows and checkpoint back
    // together, and the log's head tells how far, so this commit does not wait for the disk.
    let read = "select history, position, set_config('synchronous_commit', 'off', true) \
                from checkpoints where projection = $1 for update";
    let read = transaction.prepare_cached(read).await?;
    let row = match transaction.query_opt(&read, &[&projection.name()]).await? {
        Some(row) => row,
        None => {
            transaction.execute(make, &[&projection.name(), &projection.log()]).await?;
            transaction.query_one(&read, &[&projection.name()]).await?
        }
    };
    Ok((row.try_get(0)?, row.try_get(1)?))
}

pub(super) async fn move_checkpoint(
    transaction: &Transaction<'_>,
    projection: &dyn Projection,
    position: i64,
) -> Result<(), tokio_postgres::Error> {
    let text = "update checkpoints set position = $2 where projection = $1";
    let statement = transaction.prepare_cached(text).await?;
    transaction.execute(&statement, &[&projection.name(), &position]).await?;
    Ok(())
}

/// Events of a log after a position, as a step reads them.
pub(super) async fn read(
    transaction: &Transaction<'_>,
    log: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<StoredEvent>, tokio_postgres::Error> {
    let statement = transaction.prepare_cached(READ_LOG).await?;
    event_store::read_log(&**transaction, &statement, log, after, limit).await
}

async fn apply(
    transaction: &Transaction<'_>,
    projection: &dyn Projection,
    events: &mut Vec<StoredEvent>,
    checkpoint: &mut i64,
) -> Result<(), ReadError> {
    if let Some(last) = events.last() {
        projection.apply(transaction, events).await?;
        *checkpoint = last.position;
        events.clear();
    }
    Ok(())
}
