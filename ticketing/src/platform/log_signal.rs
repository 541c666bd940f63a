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
use super::database::{Connection, Database, DatabaseError};

/// How often the logs are looked at for appends of other replicas.
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
    /// The signal of `log`; [`follow`] keeps it informed of other replicas.
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

    /// Takes in that the log is at `head` when it was at `seen`; answers how far that was taken in.
    async fn reached(
        &self,
        client: &Connection,
        head: i64,
        seen: Option<i64>,
    ) -> Result<i64, DatabaseError> {
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

/// Looks for appends of other replicas to any of the logs, until cancelled. One look is for all of
/// them: fifty a second for each would be most of what an idle service does.
pub async fn follow(signals: Vec<Arc<LogSignal>>, database: Database) {
    let mut poll = tokio::time::interval(POLL);
    poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut followed: Vec<_> = signals.into_iter().map(|signal| (signal, None)).collect();
    loop {
        poll.tick().await;
        if let Err(error) = look(&mut followed, &database).await {
            tracing::debug!(error = causes(&error), "the logs could not be polled");
        }
    }
}

/// One look; each signal stands with how far its log was taken in.
async fn look(
    followed: &mut [(Arc<LogSignal>, Option<i64>)],
    database: &Database,
) -> Result<(), DatabaseError> {
    let client = database.get().await?;
    let heads = "select (select position from events e where e.log = l.log \
                         order by position desc limit 1) \
                 from unnest($1::text[]) with ordinality as l (log, number) order by number";
    let logs: Vec<&str> = followed.iter().map(|(signal, _)| signal.log).collect();
    let heads = client.query(&client.prepare_cached(heads).await?, &[&logs]).await?;
    for ((signal, seen), head) in followed.iter_mut().zip(heads) {
        let head = head.try_get::<_, Option<i64>>(0)?.unwrap_or(0);
        *seen = Some(signal.reached(&client, head, *seen).await?);
    }
    Ok(())
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
