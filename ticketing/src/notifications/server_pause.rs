//! How long nobody asks a mail server that is away, or does not let us in: growing pauses, then one
//! mail to see whether it is back. Kept by each worker for itself, in real time. Not here: mails
//! that the server has put off one by one (`outcome.rs`).

use std::time::Duration;

use tokio::time::Instant;

/// The first pause; it doubles up to the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(120);

/// How far talks with the server came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Server {
    /// It was not asked.
    Unasked,
    /// It could not be reached, or did not let us in.
    Away,
    /// It has answered for a mail.
    There,
}

/// The pause of a worker.
#[derive(Debug, Default)]
pub(super) struct ServerPause(Option<(Instant, Duration)>);

impl ServerPause {
    /// How many mails may be tried at once: of so many none, one, or all.
    pub(super) fn room(&self, all: usize, at: Instant) -> usize {
        match self.0 {
            None => all,
            Some((until, _)) => usize::from(at >= until),
        }
    }

    /// Notes how far talks came.
    pub(super) fn note(&mut self, server: Server, at: Instant) {
        match (server, self.0) {
            (Server::Unasked, _) => {}
            (Server::There, _) => self.0 = None,
            // Of several that were on their way, one has said it.
            (Server::Away, Some((until, _))) if at < until => {}
            (Server::Away, before) => {
                let pause = before.map_or(FIRST, |(_, pause)| (pause * 2).min(LONGEST));
                self.0 = Some((at + pause, pause));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_away_is_asked_ever_more_seldom_and_with_one_mail() {
        let (mut pause, mut at) = (ServerPause::default(), Instant::now());
        assert_eq!(pause.room(8, at), 8);
        for expected in [1, 2, 4, 8, 16, 32, 64, 120, 120] {
            for _ in 0..8 {
                pause.note(Server::Away, at);
            }
            at += Duration::from_secs(expected);
            assert_eq!(pause.room(8, at - Duration::from_millis(1)), 0, "{expected}");
            assert_eq!(pause.room(8, at), 1);
        }
        pause.note(Server::Unasked, at);
        assert_eq!(pause.room(8, at), 1, "nothing is known anew");
        pause.note(Server::There, at);
        assert_eq!(pause.room(8, at), 8);
    }
}
