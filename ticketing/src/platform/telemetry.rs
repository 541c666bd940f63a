//! Telemetry: JSON logs on standard output, one line a fact, and metrics for Prometheus. No secret
//! and no personal data ever enters either: fields are chosen one by one where they are logged.

use std::io::{BufWriter, Stdout, Write};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};

/// How long a line waits at most before it is written.
const FLUSH: Duration = Duration::from_millis(50);
/// Bytes of lines that are written at once when there are many.
const BUFFERED: usize = 64 * 1024;
/// How often metrics are compacted.
const UPKEEP: Duration = Duration::from_secs(5);
/// Upper bounds of latency buckets, seconds.
const LATENCY: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Upper bounds of batch-size buckets, appends.
const BATCH: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Starts logging in JSON with a filter in `tracing` syntax; a filter that can not be read means
/// `info`. Lines appear within [`FLUSH`], the last ones when what is returned is dropped.
#[must_use]
pub fn start_logging(filter: &str) -> Logging {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(|| Output)
        .with_filter(filter)
        // The library logs messages that come back with their bodies, whatever is in them.
        .with_filter(filter_fn(|metadata| !metadata.target().starts_with("lapin")));
    let subscriber = tracing_subscriber::registry().with(lines);
    // A second start in one process (tests) keeps the first.
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        tracing::debug!("logging was started before");
    }
    std::thread::spawn(|| {
        loop {
            std::thread::sleep(FLUSH);
            flush();
        }
    });
    Logging
}

/// Writes the last lines when it is dropped.
#[derive(Debug)]
pub struct Logging;

impl Drop for Logging {
    fn drop(&mut self) {
        flush();
    }
}

/// Standard output behind a buffer: a write for each request would cost more than the rest of its
/// line.
struct Output;

static BUFFER: LazyLock<Mutex<BufWriter<Stdout>>> =
    LazyLock::new(|| Mutex::new(BufWriter::with_capacity(BUFFERED, std::io::stdout())));

impl Write for Output {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        buffer().write(line)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        buffer().flush()
    }
}

fn buffer() -> MutexGuard<'static, BufWriter<Stdout>> {
    BUFFER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn flush() {
    // There is no place left to say that nothing can be said.
    let _ = buffer().flush();
}

/// Keeps histograms small between two scrapes, until cancelled.
pub async fn keep_metrics(handle: PrometheusHandle) {
    let mut period = tokio::time::interval(UPKEEP);
    loop {
        period.tick().await;
        handle.run_upkeep();
    }
}

/// Starts collecting metrics; the handle renders them.
///
/// # Errors
/// [`BuildError`] if a recorder is there already.
pub fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &LATENCY)?
        .set_buckets_for_metric(Matcher::Suffix("_batch_size".into()), &BATCH)?
        .install_recorder()
}
