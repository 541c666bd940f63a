//! Telemetry: JSON logs on standard output, one line a fact, and metrics for Prometheus. No secret
//! and no personal data ever enters either: fields are chosen one by one where they are logged, and
//! an error is told by `causes.rs`. Not here: how lines are written (`log_lines.rs`), and what is
//! measured.

use std::sync::LazyLock;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};

use super::log_lines::{Lines, ToLines};

/// How often metrics are compacted.
const UPKEEP: Duration = Duration::from_secs(5);
/// Upper bounds of latency buckets, seconds.
const LATENCY: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Upper bounds of batch-size buckets, appends.
const BATCH: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Starts logging in JSON with a filter in `tracing` syntax; a filter that can not be read means
/// `info`. Lines appear within 50 ms, errors at once, the last ones when what is returned is
/// dropped.
#[must_use]
pub fn start_logging(filter: &str) -> Logging {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(ToLines(&LINES))
        .with_filter(filter)
        // The library logs messages that come back with their bodies, whatever is in them.
        .with_filter(filter_fn(|metadata| !metadata.target().starts_with("lapin")));
    let subscriber = tracing_subscriber::registry().with(lines);
    // A second start in one process (tests) keeps the first.
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        tracing::debug!("logging was started before");
    }
    std::thread::spawn(write_lines);
    Logging
}

/// Writes the last lines when it is dropped.
#[derive(Debug)]
pub struct Logging;

impl Drop for Logging {
    fn drop(&mut self) {
        LINES.write_to(&mut std::io::stdout());
    }
}

static LINES: LazyLock<Lines> = LazyLock::new(Lines::default);

fn write_lines() {
    loop {
        LINES.wait();
        let dropped = LINES.write_to(&mut std::io::stdout());
        if dropped > 0 {
            metrics::counter!("ticketing_log_lines_dropped_total").increment(dropped);
            tracing::warn!(dropped, "log lines were dropped: nobody read standard output");
        }
    }
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
