//! Log lines on their way to standard output: they gather in memory and one thread writes them,
//! because a write for each request would cost more than the rest of its line.
//!
//! Whoever logs never waits for standard output. If nobody reads there, lines gather up to
//! [`KEPT`]; more are dropped and counted, and the count is logged as soon as lines are read again:
//! a service that stops selling tickets because its log is full helps nobody. Not here: what is
//! logged.

use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long a line waits at most before it is written; an error is written at once.
const FLUSH: Duration = Duration::from_millis(50);
/// Bytes of lines that are written without waiting for more.
const ENOUGH: usize = 64 * 1024;
/// Bytes of lines that are kept while nobody reads.
const KEPT: usize = 4 * 1024 * 1024;

/// The lines that wait, and who writes them.
#[derive(Default)]
pub(super) struct Lines {
    waiting: Mutex<Waiting>,
    /// Told when lines should be written before their time.
    hurry: Condvar,
    /// Held by whoever writes, so that lines stay in order. Never while taking lines in.
    writing: Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    hurry: bool,
    dropped: u64,
}

impl Lines {
    /// Takes a line in; drops it if too much waits.
    fn push(&self, line: &[u8], urgent: bool) {
        let mut waiting = held(&self.waiting);
        if waiting.lines.len() + line.len() > KEPT {
            waiting.dropped += 1;
            return;
        }
        waiting.lines.extend_from_slice(line);
        if (urgent || waiting.lines.len() >= ENOUGH) && !waiting.hurry {
            waiting.hurry = true;
            self.hurry.notify_one();
        }
    }

    /// Writes what waits. Returns how many lines were dropped since the last time.
    pub(super) fn write_to(&self, out: &mut impl Write) -> u64 {
        let _writing = held(&self.writing);
        let Waiting { lines, dropped, .. } = std::mem::take(&mut *held(&self.waiting));
        // There is no place left to say that nothing can be said.
        let _ = out.write_all(&lines).and_then(|()| out.flush());
        dropped
    }

    /// Waits until lines should be written.
    pub(super) fn wait(&self) {
        let waiting = held(&self.waiting);
        let waited = self.hurry.wait_timeout_while(waiting, FLUSH, |waiting| !waiting.hurry);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where one line goes.
pub(super) struct Line<'a> {
    lines: &'a Lines,
    urgent: bool,
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.lines.push(line, self.urgent);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Hands out a [`Line`] for each line, knowing its level.
#[derive(Clone, Copy)]
pub(super) struct ToLines(pub(super) &'static Lines);

impl<'a> MakeWriter<'a> for ToLines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { lines: self.0, urgent: false }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line<'a> {
        Line { lines: self.0, urgent: *metadata.level() == Level::ERROR }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;

    /// Standard output whose reader has stopped reading until it is told to go on.
    struct Stuck {
        began: mpsc::Sender<()>,
        go_on: mpsc::Receiver<()>,
        written: Vec<u8>,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.began.send(()).unwrap();
            self.go_on.recv().unwrap();
            self.written.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn whoever_logs_does_not_wait_for_who_reads() {
        let lines = Lines::default();
        let ((began, has_begun), (go_on, told)) = (mpsc::channel(), mpsc::channel());
        let mut out = Stuck { began, go_on: told, written: Vec::new() };
        lines.push(b"first\n", false);
        std::thread::scope(|scope| {
            scope.spawn(|| lines.write_to(&mut out));
            has_begun.recv().unwrap();
            lines.push(b"second\n", false);
            go_on.send(()).unwrap();
        });
        assert_eq!(out.written, b"first\n");
        let mut rest = Vec::new();
        lines.write_to(&mut rest);
        assert_eq!(rest, b"second\n");
    }

    #[test]
    fn what_nobody_reads_is_dropped_and_counted() {
        let (lines, line) = (Lines::default(), vec![b'x'; ENOUGH]);
        for _ in 0..KEPT / ENOUGH + 3 {
            lines.push(&line, false);
        }
        let mut out = Vec::new();
        assert_eq!(lines.write_to(&mut out), 3);
        assert_eq!(out.len(), KEPT);
        assert_eq!(lines.write_to(&mut out), 0, "told once");
    }

    #[test]
    fn an_error_does_not_wait_for_its_time() {
        let lines = Lines::default();
        lines.push(b"error\n", true);
        let started = Instant::now();
        // Without the hurry each of these waits for FLUSH.
        for _ in 0..100 {
            lines.wait();
        }
        assert!(started.elapsed() < FLUSH * 50);
        lines.write_to(&mut Vec::new());
        lines.wait();
        assert!(started.elapsed() >= FLUSH, "what is written hurries no more");
    }
}
