//! Deadlines: rows written with the events that create them; a worker has what is due recorded.
//!
//! The worker only records: whether something has expired is decided by comparing times when a
//! command runs, so a stopped worker changes no answer. A due row is claimed by a lease that is
//! committed at once, and its command runs with no transaction open (a row lock kept across an
//! append would deadlock with the log's lock, unseen by Postgres). A command may run twice, so it
//! has to be idempotent. Not here: what is recorded.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::clock::Clock;
use super::database::{Database, DatabaseError};

/// How long a claimed deadline belongs to who claimed it; after that, another worker tries.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// Deadlines claimed at once.
const CLAIMED: i64 = 100;
/// How often the worker looks when nothing was due.
const POLL: Duration = Duration::from_millis(200);

/// A deadline that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which one.
    pub id: Uuid,
    /// About which aggregate.
    pub subject: Uuid,
    /// When it was due.
    pub due_at: DateTime<Utc>,
}

/// Records what a kind of deadline means. Idempotent.
#[async_trait]
pub trait DeadlineHandler: Send + Sync {
    /// The kind it handles.
    fn kind(&self) -> &'static str;
    /// Records it. False: try again later.
    async fn handle(&self, due: Due) -> bool;
}

/// Whether a step found anything to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It recorded so many.
    Did(usize),
    /// Nothing was due.
    Idle,
}

/// Has due deadlines recorded; any number of workers may run.
pub struct DeadlineWorker {
    database: Database,
    clock: Clock,
    handlers: Vec<Box<dyn DeadlineHandler>>,
}

impl DeadlineWorker {
    /// A worker for the kinds of `handlers`.
    pub fn new(database: Database, clock: Clock, handlers: Vec<Box<dyn DeadlineHandler>>) -> Self {
        Self { database, clock, handlers }
    }

    /// Works until cancelled.
    pub async fn run(self, shutdown: CancellationToken) {
        if self.handlers.is_empty() {
            return;
        }
        while !shutdown.is_cancelled() {
            match self.step().await {
                Ok(Step::Did(_)) => continue,
                Ok(Step::Idle) => {}
                Err(error) => tracing::debug!(%error, "deadlines could not be read"),
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Claims what is due and has it recorded.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer; what was claimed is tried again when its
    /// lease is over.
    pub async fn step(&self) -> Result<Step, DatabaseError> {
        let mut done = 0;
        for handler in &self.handlers {
            for due in self.claim(handler.kind()).await? {
                if handler.handle(due).await {
                    self.finish(due.id).await?;
                    done += 1;
                }
            }
        }
        Ok(if done == 0 { Step::Idle } else { Step::Did(done) })
    }

    async fn claim(&self, kind: &str) -> Result<Vec<Due>, DatabaseError> {
        let now = self.clock.now();
        let client = self.database.get().await?;
        let text = "update deadlines set claimed_until = $3, attempts = attempts + 1 where id in (\
                        select id from deadlines where done_at is null and kind = $1 and due_at <= $2 \
                        and (claimed_until is null or claimed_until <= $2) \
                        order by due_at limit $4 for update skip locked) \
                    returning id, subject, due_at";
        let until = now + LEASE;
        let rows = client.query(text, &[&kind, &now, &until, &CLAIMED]).await?;
        let read = |row: &tokio_postgres::Row| {
            Ok(Due { id: row.try_get(0)?, subject: row.try_get(1)?, due_at: row.try_get(2)? })
        };
        rows.iter().map(read).collect()
    }

    async fn finish(&self, id: Uuid) -> Result<(), DatabaseError> {
        let client = self.database.get().await?;
        let text = "update deadlines set done_at = $2 where id = $1";
        client.execute(text, &[&id, &self.clock.now()]).await?;
        Ok(())
    }
}
