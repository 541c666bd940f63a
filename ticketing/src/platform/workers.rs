//! What runs in the background, watched.
//!
//! [`Workers`] are started together and stopped in good order; one that ends before it was told to,
//! or panics, ends the process loudly: whoever supervises the process starts all of it again. What
//! serves a queue whose callers wait for answers ends with its last caller instead, and is started
//! again by [`restarted`] if it panics. Not here: what they do.

use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long workers may take to finish what they have begun.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// The background tasks of one process; cheap to clone.
#[derive(Clone, Default)]
pub struct Workers {
    tasks: TaskTracker,
    stop: CancellationToken,
    failed: CancellationToken,
}

impl Workers {
    /// No workers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when workers have to finish.
    pub fn stop_signal(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Cancelled when a worker ended that should not have.
    pub fn failed(&self) -> CancellationToken {
        self.failed.clone()
    }

    /// Starts a worker that minds [`Workers::stop_signal`] itself.
    pub fn spawn(
        &self,
        name: impl Into<Cow<'static, str>>,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let name = name.into();
        let (stop, failed) = (self.stop.clone(), self.failed.clone());
        let task = self.tasks.spawn(work);
        self.tasks.spawn(async move {
            let ended = task.await;
            if !stop.is_cancelled() {
                let panicked = ended.is_err();
                tracing::error!(worker = %name, panicked, "a worker ended on its own");
                failed.cancel();
            }
        });
    }

    /// Starts a worker that may be dropped at any await when workers have to finish.
    pub fn spawn_droppable(
        &self,
        name: impl Into<Cow<'static, str>>,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let stop = self.stop.clone();
        self.spawn(name, async move {
            tokio::select! {
                () = work => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// Tells all workers to finish, and waits until they have, or for ten seconds.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(STOP_LIMIT, self.tasks.wait()).await.is_err() {
            tracing::warn!("workers were still busy at the stop limit");
        }
    }
}

/// Starts `work` in the background and, whenever it panics, starts it again; ends when it ends.
///
/// For a task that answers callers out of a queue: who was being answered is told of the failure by
/// the answer that never comes, and those behind must not wait for ever. `work` has to keep what it
/// goes on with outside of the futures it returns.
pub fn restarted<F, R>(name: &'static str, work: F)
where
    F: Fn() -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        while let Err(error) = tokio::spawn(work()).await {
            if error.is_cancelled() {
                return;
            }
            tracing::error!(worker = name, "a worker panicked and was started again");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn workers_finish_when_they_are_told_to() {
        let workers = Workers::new();
        workers.spawn_droppable("for ever", std::future::pending());
        workers.stop().await;
        assert!(!workers.failed().is_cancelled());
    }

    #[tokio::test]
    async fn a_worker_that_ends_on_its_own_is_a_failure() {
        let workers = Workers::new();
        workers.spawn("short", async {});
        workers.failed().cancelled().await;
    }

    #[tokio::test]
    async fn a_worker_that_panics_is_a_failure() {
        let workers = Workers::new();
        workers.spawn("broken", async { panic!("on purpose") });
        workers.failed().cancelled().await;
    }

    #[tokio::test]
    async fn what_panicked_is_started_again_until_it_ends() {
        let (starts, mut started) = tokio::sync::mpsc::unbounded_channel();
        let count = std::sync::atomic::AtomicUsize::new(0);
        restarted("broken twice", move || {
            let start = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let starts = starts.clone();
            async move {
                starts.send(start).unwrap();
                assert!(start == 2, "on purpose");
            }
        });
        let mut seen = Vec::new();
        while let Some(start) = started.recv().await {
            seen.push(start);
        }
        assert_eq!(seen, [0, 1, 2]);
    }
}
