//! Keeps a session with the broker alive: opens one, lets it work, and after any failure opens
//! another with back-off. A broker that is away, or has no users yet, is waited for: the service is
//! alive but not ready. Not here: what a session is (`broker.rs`) and does (`consumer.rs`).

use std::time::{Duration, Instant};

use lapin::uri::AMQPUri;
use tokio_util::sync::CancellationToken;

use crate::broker::{Session, SessionError, knock};
use crate::consumer::{Answering, consume};
use crate::health::Status;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A session that lasted this long was a good one, and the next failure begins with the first pause
/// again. A shorter one was not: a message that breaks each session it is in must not be tried ten
/// times a second.
const GOOD_SESSION: Duration = Duration::from_secs(10);

/// Answers requests until `stop`, whatever happens to the broker meanwhile.
pub async fn run(
    address: &AMQPUri,
    answering: &Answering,
    status: &Status,
    stop: &CancellationToken,
) {
    let mut pauses = Pauses::default();
    let mut failed_before = false;
    let mut complaints = Complaints::default();
    while !stop.is_cancelled() {
        let opening = async {
            if failed_before {
                knock(address).await?;
            }
            Session::open(address).await
        };
        let opened = stop.run_until_cancelled(opening).await;
        let started = Instant::now();
        let ended = match opened {
            None => return,
            Some(Err(error)) => Err(error),
            Some(Ok(session)) => {
                failed_before = false;
                complaints.clear();
                tracing::info!("taking requests from the broker");
                status.set_connected(true);
                let ended = work(session, answering, stop).await;
                status.set_connected(false);
                ended
            }
        };
        if let Err(error) = ended {
            failed_before = true;
            metrics::counter!("rules_sessions_failed_total").increment(1);
            if complaints.is_new(&error.to_string()) {
                tracing::warn!(%error, "no session with the broker; trying again");
            }
        }
        let pause = pauses.after(started.elapsed());
        let _ = stop.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
}

async fn work(
    mut session: Session,
    answering: &Answering,
    stop: &CancellationToken,
) -> Result<(), SessionError> {
    let ended = consume(&mut session, answering, stop).await;
    match &ended {
        Ok(()) => session.close().await,
        // Dropped, not closed in order: an answer may never come, and the broker sees the
        // connection end anyway.
        Err(_) => drop(session),
    }
    ended
}

/// What has been said in the log during one outage: each reason once, for the first may hide the
/// real one (a refused connection while the broker starts, then a wrong password).
#[derive(Default)]
struct Complaints {
    said: Vec<String>,
}

impl Complaints {
    /// So many different reasons are enough to know.
    const MOST: usize = 8;

    fn is_new(&mut self, reason: &str) -> bool {
        if self.said.len() >= Self::MOST || self.said.iter().any(|said| said == reason) {
            return false;
        }
        self.said.push(reason.to_owned());
        true
    }

    fn clear(&mut self) {
        self.said.clear();
    }
}

/// The growing pauses between attempts.
struct Pauses {
    next: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { next: FIRST_PAUSE }
    }
}

impl Pauses {
    /// The pause after a session that lasted so long.
    fn after(&mut self, lasted: Duration) -> Duration {
        if lasted >= GOOD_SESSION {
            self.next = FIRST_PAUSE;
        }
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST_PAUSE);
        jittered(pause)
    }
}

/// Between half and all of `pause`, so that replicas do not come back in step.
fn jittered(pause: Duration) -> Duration {
    const STEPS: u32 = 1_000;
    let random = uuid::Uuid::new_v4().as_fields().0 % STEPS;
    pause / 2 + pause / 2 / STEPS * random
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_of_an_outage_is_said_once() {
        let mut complaints = Complaints::default();
        assert!(complaints.is_new("refused"));
        assert!(!complaints.is_new("refused"));
        assert!(complaints.is_new("wrong password"));
        complaints.clear();
        assert!(complaints.is_new("refused"));
        let others = (0..100).filter(|number| complaints.is_new(&number.to_string())).count();
        assert_eq!(others, Complaints::MOST - 1);
    }

    #[test]
    fn pauses_grow_to_a_limit() {
        let mut pauses = Pauses::default();
        let mut longest = FIRST_PAUSE;
        for _ in 0..10 {
            let pause = pauses.after(Duration::ZERO);
            assert!(longest / 2 <= pause && pause <= longest, "{pause:?} of {longest:?}");
            longest = (longest * 2).min(LONGEST_PAUSE);
        }
        assert_eq!(longest, LONGEST_PAUSE);
    }

    #[test]
    fn only_a_session_that_lasted_shortens_the_pause_again() {
        let mut pauses = Pauses { next: LONGEST_PAUSE };
        assert!(pauses.after(GOOD_SESSION / 2) > FIRST_PAUSE);
        assert!(pauses.after(GOOD_SESSION) <= FIRST_PAUSE);
    }

    #[test]
    fn pauses_are_not_in_step() {
        let drawn: std::collections::HashSet<_> =
            (0..50).map(|_| jittered(LONGEST_PAUSE)).collect();
        assert!(drawn.len() > 1);
    }
}
