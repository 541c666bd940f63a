//! Wakes whoever waits for news of a log: the relay for its head, a check query for one stream.
//!
//! What this process appends is signalled at once; what other replicas append is seen by a poll
//! every [`POLL`] (no NOTIFY: it would slow every append down). A signal only says "look again";
//! the truth is in the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::causes::causes;
use super::database::{Database, DatabaseError};

/// How often the log is looked at for appends of other replicas.
pub const POLL: Duration = Duration::from_millis(20);
/// How many changed streams one look takes in; more are taken by the next.
const CHANGES_PER_POLL: i64 = 10_000;

/// The news of one log.
#[derive(Debug)]
pub struct LogSignal {
    log: &'static str,
    head: watch::Sender<i64>,
    waiting: Mutex<HashMap<Uuid, (usize, Arc<Notify>)>>,
}

impl LogSignal {
    /// The signal of `log`; [`LogSignal::run`] keeps it informed of other replicas.
    pub fn new(log: &'static str) -> Arc<Self> {
        Arc::new(Self { log, head: watch::Sender::new(0), waiting: Mutex::default() })
    }

    /// Follows the log's highest known position.
    pub fn head(&self) -> watch::Receiver<i64> {
        self.head.subscribe()
    }

    /// Says that the log has reached `position`.
    pub(super) fn head_moved(&self, position: i64) {
        self.head.send_if_modified(|head| {
            let moved = position > *head;
            *head = position.max(*head);
            moved
        });
    }

    /// Says that a stream has a new event.
    pub(super) fn stream_changed(&self, id: Uuid) {
        if let Some((_, notify)) = self.lock().get(&id) {
            notify.notify_waiters();
        }
    }

    /// Waits for the next event of one stream. Register first, then read the stream, then wait:
    /// nothing is missed.
    pub fn watch_stream(self: &Arc<Self>, id: Uuid) -> StreamWatch {
        let mut waiting = self.lock();
        let (count, notify) = waiting.entry(id).or_default();
        *count += 1;
        let mut changed = Box::pin(Arc::clone(notify).notified_owned());
        changed.as_mut().enable();
        StreamWatch { signal: Arc::clone(self), id, changed }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, (usize, Arc<Notify>)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for appends of other replicas until cancelled.
    pub async fn run(self: Arc<Self>, database: Database) {
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut seen = None;
        loop {
            poll.tick().await;
            match self.look(&database, seen).await {
                Ok(position) => seen = Some(position),
                Err(error) => {
                    tracing::debug!(
                        error = causes(&error),
                        log = self.log,
                        "the log could not be polled"
                    )
                }
            }
        }
    }

    async fn look(&self, database: &Database, seen: Option<i64>) -> Result<i64, DatabaseError> {
        let client = database.get().await?;
        let head = "select position from events where log = $1 order by position desc limit 1";
        let head = client.query_opt(&client.prepare_cached(head).await?, &[&self.log]).await?;
        let head: i64 = head.map_or(Ok(0), |row| row.try_get(0))?;
        let Some(seen) = seen.filter(|seen| *seen < head && !self.lock().is_empty()) else {
            self.head_moved(head);
            return Ok(head);
        };
        let changed = "select distinct aggregate_id from events \
                       where log = $1 and position > $2 and position <= $3";
        let until = head.min(seen + CHANGES_PER_POLL);
        let statement = client.prepare_cached(changed).await?;
        for row in client.query(&statement, &[&self.log, &seen, &until]).await? {
            self.stream_changed(row.try_get(0)?);
        }
        self.head_moved(head);
        Ok(until)
    }
}

/// Waits for one stream; see [`LogSignal::watch_stream`].
pub struct StreamWatch {
    signal: Arc<LogSignal>,
    id: Uuid,
    changed: std::pin::Pin<Box<tokio::sync::futures::OwnedNotified>>,
}

impl StreamWatch {
    /// Returns when the stream has had an event since the watch was made or last returned.
    pub async fn changed(&mut self) {
        self.changed.as_mut().await;
        let notify = self.signal.lock().get(&self.id).map(|(_, notify)| Arc::clone(notify));
        if let Some(notify) = notify {
            self.changed.set(notify.notified_owned());
            self.changed.as_mut().enable();
        }
    }
}

impl Drop for StreamWatch {
    fn drop(&mut self) {
        let mut waiting = self.signal.lock();
        if let Some((count, _)) = waiting.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_between_registering_and_waiting_is_not_missed() {
        let signal = LogSignal::new("links");
        let id = Uuid::from_u128(1);
        let mut watch = signal.watch_stream(id);
        signal.stream_changed(id);
        tokio::time::timeout(Duration::from_secs(5), watch.changed()).await.expect("woken");
    }

    #[test]
    fn who_stops_waiting_leaves_nothing_behind() {
        let signal = LogSignal::new("links");
        let id = Uuid::from_u128(1);
        let (first, second) = (signal.watch_stream(id), signal.watch_stream(id));
        drop(first);
        assert_eq!(signal.lock().len(), 1);
        drop(second);
        assert!(signal.lock().is_empty());
    }

    #[test]
    fn the_head_never_moves_back() {
        let signal = LogSignal::new("links");
        signal.head_moved(7);
        signal.head_moved(5);
        assert_eq!(*signal.head().borrow(), 7);
    }
}
