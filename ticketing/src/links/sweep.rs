//! The sweep: a request that got no verdict for as long as the setting `RESEND_AFTER_SECONDS` says
//! is published again under the same message id, with back-off.
//!
//! This is what heals a work queue that was deleted, unbound or never declared: the broker can not
//! tell of it. Only the relay's leader sweeps; how often a request was swept is not kept, because a
//! repeat is harmless.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use shared_events::RequestId;
use tokio_util::sync::CancellationToken;

use super::status::LinkStatuses;
use crate::platform::clock::Clock;
use crate::platform::relay::Relay;

/// The pause between two repeats of one request; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// How often the sweep looks.
const PERIOD: Duration = Duration::from_secs(1);
/// Requests in one look, the oldest first.
const BATCH: i64 = 500;

/// Sweeps until cancelled; a verdict may take `patience`.
pub async fn run(
    statuses: LinkStatuses,
    relay: Relay,
    clock: Clock,
    patience: TimeDelta,
    shutdown: CancellationToken,
) {
    let mut swept: HashMap<RequestId, (Instant, Duration)> = HashMap::new();
    let mut period = tokio::time::interval(PERIOD);
    loop {
        tokio::select! {
            _ = period.tick() => {}
            () = shutdown.cancelled() => return,
        }
        if !relay.is_leading() {
            swept.clear();
            continue;
        }
        let overdue = match statuses.overdue(clock.now() - patience, BATCH).await {
            Ok(overdue) => overdue,
            Err(error) => {
                tracing::debug!(%error, "overdue requests could not be read");
                continue;
            }
        };
        swept.retain(|id, _| overdue.iter().any(|(overdue, _)| overdue == id));
        let mut again = 0;
        for (id, position) in overdue {
            if is_due(&mut swept, id) {
                relay.publish_again(position);
                again += 1;
            }
        }
        if again > 0 {
            tracing::info!(requests = again, "requests without a verdict were published again");
        }
    }
}

fn is_due(swept: &mut HashMap<RequestId, (Instant, Duration)>, id: RequestId) -> bool {
    let now = Instant::now();
    match swept.get_mut(&id) {
        None => {
            swept.insert(id, (now, FIRST_PAUSE));
            true
        }
        Some((last, pause)) if now.duration_since(*last) >= *pause => {
            *last = now;
            *pause = (*pause * 2).min(LONGEST_PAUSE);
            true
        }
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_request_is_swept_at_once_and_then_with_growing_pauses() {
        let (mut swept, id) = (HashMap::new(), RequestId(Uuid::from_u128(1)));
        assert!(is_due(&mut swept, id));
        assert!(!is_due(&mut swept, id));
        let long_ago = Instant::now().checked_sub(FIRST_PAUSE).unwrap();
        swept.insert(id, (long_ago, FIRST_PAUSE));
        assert!(is_due(&mut swept, id));
        assert_eq!(swept[&id].1, FIRST_PAUSE * 2);
    }
}
