//! Being asked to stop: by Ctrl-C, by SIGTERM, by the terminal being closed; a second time means at
//! once. And by the end of standard input, for programs that must not outlive who started them.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Whether somebody asked this program to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Given at the first signal: stop in order.
    pub asked: CancellationToken,
    /// Given at the second: do not wait for anybody.
    pub hurry: CancellationToken,
}

impl Stop {
    /// Listens from now on; signals no longer end this program by themselves.
    ///
    /// # Errors
    /// If the kernel refuses the handlers.
    pub fn listen() -> Result<Self> {
        let stop = Self::default();
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            let mut signals = signal(kind).context("listening for signals")?;
            let heard = stop.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    heard.hear();
                }
            });
        }
        Ok(stop)
    }

    fn hear(&self) {
        if self.asked.is_cancelled() {
            self.hurry.cancel();
        }
        self.asked.cancel();
    }
}

/// Returns when standard input has ended; what it says is ignored.
pub async fn end_of_input() {
    // A thread of its own, which the end of the program does not wait for: reads by the runtime are
    // waited for when it is dropped, so a program that fails would hang until its caller ends.
    let (ended, end) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        drop(ended);
    });
    let _ = end.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_signal_means_hurry() {
        let stop = Stop::default();
        stop.hear();
        assert!(stop.asked.is_cancelled() && !stop.hurry.is_cancelled());
        stop.hear();
        assert!(stop.hurry.is_cancelled());
    }
}
