//! Deadlines: rows written with the events that create them; a worker has what is due recorded.
//!
//! The worker only records: whether something has expired is decided by comparing times when a
//! command runs, so a stopped worker changes no answer. A due row is claimed by a lease that is
//! committed at once, and its command runs with no transaction open (a row lock kept across an
//! append would deadlock with the log's lock, unseen by Postgres). A command may run twice, so it
//! has to be idempotent. What is claimed together is handled at once, each within
//! [`HANDLE_LIMIT`], so nothing outlives its lease; what fails is tried again with growing pauses,
//! for ever, and told each time. Not here: what is recorded.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::causes::causes;
use super::clock::Clock;
use super::database::{Database, DatabaseError};

/// How long a claimed deadline belongs to who claimed it; after that, another worker tries.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How long a handler may take: well within the lease, and within what workers get to stop. Longer
/// than an append waits for its answer.
const HANDLE_LIMIT: Duration = Duration::from_secs(8);
/// Deadlines claimed and handled at once. More would only queue for connections of the pool.
const AT_ONCE: i64 = 16;
/// The pause after a first failure; it doubles with each up to the longest.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(10);
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(5);
/// Doublings after which every pause is the longest.
const MOST_DOUBLINGS: u32 = 16;
/// How often it is looked of which kinds something is due.
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

/// What became of a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// It is recorded.
    Recorded,
    /// There is nothing to record yet: try again later.
    NotYet,
    /// Nothing is left to record before this time: it is due then.
    NotBefore(DateTime<Utc>),
    /// It could not be recorded: try again later, and tell.
    Failed,
}

/// Records what a kind of deadline means. Idempotent.
#[async_trait]
pub trait DeadlineHandler: Send + Sync {
    /// The kind it handles.
    fn kind(&self) -> &'static str;
    /// Records it, within eight seconds.
    async fn handle(&self, due: Due) -> Handled;
}

/// Whether a step found anything to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It recorded, or put off until they are due, so many.
    Did(usize),
    /// Nothing was due.
    Idle,
}

/// Has due deadlines of one kind recorded; any number of workers may run. Each kind has its own, so
/// that one whose handler waits for others holds up none but itself.
pub struct DeadlineWorker {
    database: Database,
    clock: Clock,
    handler: Box<dyn DeadlineHandler>,
}

impl DeadlineWorker {
    /// A worker for the kind of `handler`.
    pub fn new(database: Database, clock: Clock, handler: Box<dyn DeadlineHandler>) -> Self {
        Self { database, clock, handler }
    }

    /// The kind it records.
    pub fn kind(&self) -> &'static str {
        self.handler.kind()
    }

    /// Works until cancelled, each time it is `woken` until nothing is due any more; what was begun
    /// is finished.
    pub async fn run(self, woken: Arc<Notify>, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            match self.step().await {
                Ok(Step::Did(_)) => continue,
                Ok(Step::Idle) => {}
                Err(error) => {
                    tracing::warn!(
                        error = causes(&error),
                        "deadlines could not be read or recorded"
                    );
                }
            }
            tokio::select! {
                () = woken.notified() => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Claims some of what is due and has it recorded.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer; what was claimed is tried again when its
    /// lease is over.
    pub async fn step(&self) -> Result<Step, DatabaseError> {
        let claimed = self.claim().await?;
        let handled = join_all(claimed.into_iter().map(|claimed| self.attempt(claimed))).await;
        let (recorded, left): (Vec<_>, Vec<_>) =
            handled.into_iter().partition(|(_, handled)| *handled == Handled::Recorded);
        let recorded: Vec<Claimed> = recorded.into_iter().map(|(claimed, _)| claimed).collect();
        self.finish(&recorded).await?;
        let mut moved = 0;
        for (claimed, handled) in left {
            match handled {
                Handled::NotBefore(due_at) => {
                    self.move_to(due_at, claimed).await?;
                    moved += 1;
                }
                handled => self.put_off(claimed, handled == Handled::Failed).await?,
            }
        }
        let done = recorded.len() + moved;
        Ok(if done == 0 { Step::Idle } else { Step::Did(done) })
    }

    /// What became of it in time.
    async fn attempt(&self, claimed: Claimed) -> (Claimed, Handled) {
        let handled = timeout(HANDLE_LIMIT, self.handler.handle(claimed.due)).await;
        (claimed, handled.unwrap_or(Handled::Failed))
    }

    async fn claim(&self) -> Result<Vec<Claimed>, DatabaseError> {
        let now = self.clock.now();
        let client = self.database.get().await?;
        let text = "update deadlines set claimed_until = $3, attempts = attempts + 1 where id in (\
                        select id from deadlines where done_at is null and kind = $1 and due_at <= $2 \
                        and (claimed_until is null or claimed_until <= $2) \
                        order by due_at limit $4 for update skip locked) \
                    returning id, subject, due_at, attempts";
        let until = now + LEASE;
        let statement = client.prepare_cached(text).await?;
        let rows = client.query(&statement, &[&self.kind(), &now, &until, &AT_ONCE]).await?;
        let read = |row: &tokio_postgres::Row| {
            let due =
                Due { id: row.try_get(0)?, subject: row.try_get(1)?, due_at: row.try_get(2)? };
            Ok(Claimed { due, until, attempts: row.try_get(3)? })
        };
        rows.iter().map(read).collect()
    }

    /// Ends what was recorded, unless a later deadline took its place meanwhile. Rows are locked in
    /// the order in which appends write them.
    async fn finish(&self, recorded: &[Claimed]) -> Result<(), DatabaseError> {
        let Some(Claimed { until, .. }) = recorded.first() else { return Ok(()) };
        let ids: Vec<Uuid> = recorded.iter().map(|claimed| claimed.due.id).collect();
        let client = self.database.get().await?;
        let text = "with recorded as (select id from deadlines where id = any($1) \
                        and claimed_until = $3 order by kind, subject for update) \
                    update deadlines set done_at = $2 where id in (select id from recorded)";
        client.execute(text, &[&ids, &self.clock.now(), until]).await?;
        Ok(())
    }

    /// Makes it due at another time, unless a later deadline took its place meanwhile.
    async fn move_to(&self, due_at: DateTime<Utc>, claimed: Claimed) -> Result<(), DatabaseError> {
        let client = self.database.get().await?;
        let text = "update deadlines set due_at = $2, claimed_until = null, attempts = 0 \
                    where id = $1 and claimed_until = $3";
        client.execute(text, &[&claimed.due.id, &due_at, &claimed.until]).await?;
        Ok(())
    }

    /// Claims it for nobody until its pause is over.
    async fn put_off(&self, claimed: Claimed, failed: bool) -> Result<(), DatabaseError> {
        let Claimed { due, until, attempts } = claimed;
        if failed {
            let kind = self.kind();
            metrics::counter!("ticketing_deadlines_failed_total", "kind" => kind).increment(1);
            tracing::warn!(kind, id = %due.id, subject = %due.subject, attempts, "a deadline was not recorded");
        }
        let client = self.database.get().await?;
        let text = "update deadlines set claimed_until = $2 where id = $1 and claimed_until = $3";
        let later = self.clock.now() + pause_after(attempts);
        client.execute(text, &[&due.id, &later, &until]).await?;
        Ok(())
    }
}

/// Wakes the workers of the kinds of which something is due. It looks once for all of them: most of
/// the time nothing is due of any.
pub struct Alarm {
    database: Database,
    clock: Clock,
    workers: HashMap<&'static str, Arc<Notify>>,
}

impl Alarm {
    /// One that wakes nobody yet.
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock, workers: HashMap::new() }
    }

    /// Has it wake a worker, by what it answers.
    pub fn wakes(&mut self, worker: &DeadlineWorker) -> Arc<Notify> {
        Arc::clone(self.workers.entry(worker.kind()).or_default())
    }

    /// Looks until cancelled.
    pub async fn run(self) {
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            poll.tick().await;
            if let Err(error) = self.look().await {
                tracing::warn!(error = causes(&error), "deadlines could not be looked for");
            }
        }
    }

    async fn look(&self) -> Result<(), DatabaseError> {
        let client = self.database.get().await?;
        let text = "select distinct kind from deadlines where done_at is null and due_at <= $1 \
                    and (claimed_until is null or claimed_until <= $1)";
        let statement = client.prepare_cached(text).await?;
        for row in client.query(&statement, &[&self.clock.now()]).await? {
            if let Some(worker) = self.workers.get(row.try_get::<_, &str>(0)?) {
                worker.notify_one();
            }
        }
        Ok(())
    }
}

/// A deadline that belongs to this worker for the time of its lease.
struct Claimed {
    due: Due,
    /// The end of its lease, by which the claim is known again.
    until: DateTime<Utc>,
    /// How often it was claimed, this time included.
    attempts: i32,
}

fn pause_after(attempts: i32) -> TimeDelta {
    let doublings = attempts.unsigned_abs().saturating_sub(1).min(MOST_DOUBLINGS);
    (FIRST_PAUSE * 2_i32.pow(doublings)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        assert_eq!(pause_after(1), FIRST_PAUSE);
        assert_eq!(pause_after(2), FIRST_PAUSE * 2);
        assert_eq!(pause_after(6), LONGEST_PAUSE);
        assert_eq!(pause_after(i32::MAX), LONGEST_PAUSE);
    }
}
