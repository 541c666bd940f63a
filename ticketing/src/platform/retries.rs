//! Messages that were refused and will be tried again, kept in our own table: the broker has no
//! delays without a plugin.
//!
//! A message waits longer after each attempt, by the service's clock, so moving the test clock
//! brings it forward. Several replicas may work on one queue's retries: a row is claimed by moving
//! its time on, so a crash only delays it, and a handler that outlives its claim may see the
//! message twice. A kept message that can not be read any more is logged and deleted. Not here: how
//! a message is handled, and when it is given up (`inbox.rs`).

use std::future::Future;
use std::time::Duration;

use chrono::TimeDelta;
use shared_events::topology::Queue;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::causes::causes;
use super::clock::Clock;
use super::database::{Database, DatabaseError};
use super::inbox::Incoming;

/// The pause before the second attempt; it doubles with each.
const FIRST_DELAY: TimeDelta = TimeDelta::seconds(1);
/// How long a claimed row belongs to who claimed it.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often the table is looked at.
const POLL: Duration = Duration::from_millis(500);

/// The messages that wait; cheap to clone.
#[derive(Clone)]
pub struct Retries {
    database: Database,
    clock: Clock,
}

impl Retries {
    /// The table of `database`.
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock }
    }

    /// Keeps a message for another attempt after its `attempts`-th. False if it could not be kept:
    /// requeue it.
    pub async fn put_off(
        &self,
        queue: &Queue,
        message: &Incoming,
        attempts: i32,
        reason: &str,
    ) -> bool {
        let kept = self.insert(queue, message, attempts, reason).await;
        if let Err(error) = &kept {
            tracing::warn!(
                error = causes(error),
                queue = queue.name,
                "a refused message could not be put off"
            );
        }
        kept.is_ok()
    }

    async fn insert(
        &self,
        queue: &Queue,
        message: &Incoming,
        attempts: i32,
        reason: &str,
    ) -> Result<(), DatabaseError> {
        let doubled = 1_i32.checked_shl(attempts.unsigned_abs().saturating_sub(1)).unwrap_or(1);
        let due = self.clock.now() + FIRST_DELAY * doubled;
        let body = serde_json::to_vec(message).unwrap_or_default();
        let text = "insert into retries (queue, message_id, attempts, due_at, reason, message) \
                    values ($1, $2, $3, $4, $5, $6) \
                    on conflict (queue, message_id) do update \
                    set attempts = greatest(retries.attempts, excluded.attempts), \
                        due_at = excluded.due_at, reason = excluded.reason";
        let client = self.database.get().await?;
        let id = message.message_id;
        client.execute(text, &[&queue.name, &id, &attempts, &due, &reason, &body]).await?;
        tracing::warn!(queue = queue.name, message_id = %id, attempts, reason, "a message was refused");
        Ok(())
    }

    /// Tries what is due with `attempt`, until cancelled. What it settles is deleted.
    pub async fn run<F, R>(&self, queue: &Queue, shutdown: &CancellationToken, attempt: F)
    where
        F: Fn((Incoming, i32)) -> R,
        R: Future<Output = bool>,
    {
        while !shutdown.is_cancelled() {
            match self.step(queue, &attempt).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::debug!(error = causes(&error), "retries could not be read"),
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Tries one message; false if none is due.
    async fn step<F, R>(&self, queue: &Queue, attempt: &F) -> Result<bool, DatabaseError>
    where
        F: Fn((Incoming, i32)) -> R,
        R: Future<Output = bool>,
    {
        let claim = "update retries set due_at = $3 where (queue, message_id) = (\
                        select queue, message_id from retries where queue = $1 and due_at <= $2 \
                        order by due_at limit 1 for update skip locked) \
                     returning message_id, attempts, message";
        let now = self.clock.now();
        let client = self.database.get().await?;
        let claim = client.prepare_cached(claim).await?;
        let claimed = client.query_opt(&claim, &[&queue.name, &now, &(now + LEASE)]).await?;
        drop(client);
        let Some(row) = claimed else { return Ok(false) };
        let (id, attempts): (Uuid, i32) = (row.try_get(0)?, row.try_get(1)?);
        let settled = match serde_json::from_slice::<Incoming>(row.try_get(2)?) {
            Ok(message) => attempt((message, attempts)).await,
            Err(error) => {
                tracing::error!(%error, message_id = %id, "a kept message can not be read");
                true
            }
        };
        if settled {
            let client = self.database.get().await?;
            let delete = "delete from retries where queue = $1 and message_id = $2";
            client.execute(delete, &[&queue.name, &id]).await?;
        }
        Ok(true)
    }
}
