//! The sweep: a request that got no verdict for as long as the setting `RESEND_AFTER_SECONDS` says
//! is published again under the same message id, with back-off.
//!
//! This is what heals a work queue that was deleted, unbound or never declared: the broker can not
//! tell of it. Only the relay's leader sweeps, a page at a time, round and round; how often a
//! request was swept is kept in memory alone, because a repeat is harmless. A request that may be
//! waiting its turn in a queue is left alone: a backlog that doubles itself is never worked off.
//! Not here: publishing (`relay.rs`).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use shared_events::RequestId;
use tokio_util::sync::CancellationToken;

use super::status::{LinkStatuses, Overdue};
use crate::platform::causes::causes;
use crate::platform::clock::Clock;
use crate::platform::relay::Relay;

/// The pause between two repeats of one request; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// How often the sweep looks.
const PERIOD: Duration = Duration::from_secs(1);
/// Requests in one look; the next look goes on behind them, so that those that never get a verdict
/// do not shut out newer ones.
const PAGE: usize = 500;

/// Sweeps until cancelled; a verdict may take `patience`.
pub async fn run(
    statuses: LinkStatuses,
    relay: Relay,
    clock: Clock,
    patience: TimeDelta,
    shutdown: CancellationToken,
) {
    let mut sweep = Sweep::default();
    let mut period = tokio::time::interval(PERIOD);
    loop {
        tokio::select! {
            _ = period.tick() => {}
            () = shutdown.cancelled() => return,
        }
        if !relay.is_leading() {
            sweep = Sweep::default();
            continue;
        }
        let before = clock.now() - patience;
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let page = match statuses.overdue(before, sweep.reached, limit).await {
            Ok(page) => page,
            Err(error) => {
                tracing::debug!(error = causes(&error), "overdue requests could not be read");
                continue;
            }
        };
        let due = sweep.take(&page);
        if due.is_empty() {
            continue;
        }
        let positions = due.iter().map(|request| request.position).collect();
        let again = tokio::select! {
            again = relay.publish_again(positions) => again,
            () = shutdown.cancelled() => return,
        };
        if again == 0 {
            due.iter().for_each(|request| sweep.forget(request.id));
        } else {
            tracing::info!(requests = again, "requests without a verdict are published again");
        }
    }
}

/// Which requests were published again, and how far the round through all of them has come.
#[derive(Default)]
struct Sweep {
    swept: HashMap<RequestId, Swept>,
    round: u64,
    reached: Option<(DateTime<Utc>, RequestId)>,
}

struct Swept {
    last: Instant,
    pause: Duration,
    /// The round it was last seen overdue in.
    round: u64,
}

impl Sweep {
    /// Of the next page, those whose pause is over.
    fn take(&mut self, page: &[Overdue]) -> Vec<Overdue> {
        let due = page.iter().filter(|request| self.is_due(request.id)).copied().collect();
        self.reached = match page.last() {
            Some(last) if page.len() >= PAGE => Some((last.requested_at, last.id)),
            // The end: from the beginning again, without those that have their verdict by now.
            _ => {
                self.swept.retain(|_, swept| swept.round == self.round);
                self.round += 1;
                None
            }
        };
        due
    }

    /// It was not published after all: the next round comes to it without a pause.
    fn forget(&mut self, id: RequestId) {
        self.swept.remove(&id);
    }

    fn is_due(&mut self, id: RequestId) -> bool {
        let (now, round) = (Instant::now(), self.round);
        match self.swept.get_mut(&id) {
            None => {
                self.swept.insert(id, Swept { last: now, pause: FIRST_PAUSE, round });
                true
            }
            Some(swept) => {
                swept.round = round;
                let due = now.duration_since(swept.last) >= swept.pause;
                if due {
                    swept.last = now;
                    swept.pause = (swept.pause * 2).min(LONGEST_PAUSE);
                }
                due
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn overdue(n: u128) -> Overdue {
        let id = RequestId(Uuid::from_u128(n));
        Overdue { id, position: 1, requested_at: DateTime::UNIX_EPOCH }
    }

    #[test]
    fn a_request_is_swept_at_once_and_then_with_growing_pauses() {
        let (mut sweep, request) = (Sweep::default(), overdue(1));
        assert_eq!(sweep.take(&[request]).len(), 1);
        assert_eq!(sweep.take(&[request]).len(), 0);
        let swept = sweep.swept.get_mut(&request.id).unwrap();
        swept.last = Instant::now().checked_sub(FIRST_PAUSE).unwrap();
        assert_eq!(sweep.take(&[request]).len(), 1);
        assert_eq!(sweep.swept[&request.id].pause, FIRST_PAUSE * 2);
    }

    #[test]
    fn a_full_page_is_followed_by_the_next_and_the_last_by_the_first() {
        let mut sweep = Sweep::default();
        let full: Vec<_> = (1..=PAGE as u128).map(overdue).collect();
        assert_eq!(sweep.take(&full).len(), PAGE);
        assert_eq!(sweep.reached, Some((DateTime::UNIX_EPOCH, full[PAGE - 1].id)));
        assert_eq!(sweep.take(&[overdue(0)]).len(), 1);
        assert_eq!(sweep.reached, None);
    }

    #[test]
    fn what_has_its_verdict_is_forgotten_a_round_later() {
        let mut sweep = Sweep::default();
        sweep.take(&[overdue(1), overdue(2)]);
        sweep.take(&[overdue(2)]);
        assert_eq!(sweep.swept.len(), 1);
        assert!(sweep.swept.contains_key(&overdue(2).id));
    }
}
