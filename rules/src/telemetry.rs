//! Logs as JSON on standard output, one line a fact, and metrics for Prometheus. A link's token
//! never enters either.

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Upper bounds of the buckets for answering one request, seconds: it takes some tens of
/// microseconds.
const EVALUATE: [f64; 10] =
    [0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.1];
/// How often collected values are folded together; without it they pile up between scrapes.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Starts logging in JSON with a filter in `tracing` syntax; one that can not be read means `info`.
pub fn start_logging(filter: &str) {
    // A second start in one process keeps the first.
    if tracing::subscriber::set_global_default(json_lines(filter, std::io::stdout)).is_err() {
        tracing::debug!("logging was started before");
    }
}

fn json_lines<W>(filter: &str, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(writer)
        .with_filter(filter_fn(keeps_secrets));
    tracing_subscriber::registry().with(lines).with(filter)
}

/// The broker's client library logs returned messages with their bodies, hence tokens, whatever
/// filter is set. Its failures reach this service's own log through its errors.
fn keeps_secrets(metadata: &Metadata<'_>) -> bool {
    !metadata.target().starts_with("lapin")
}

/// Starts collecting metrics; the handle renders them.
///
/// # Errors
/// [`BuildError`] if a recorder is there already.
pub fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("rules_evaluate_seconds".to_owned()), &EVALUATE)?
        .install_recorder()?;
    describe();
    Ok(handle)
}

/// Folds collected values together until `stop`.
pub async fn keep_metrics(handle: PrometheusHandle, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        handle.run_upkeep();
    }
}

fn describe() {
    metrics::describe_counter!("rules_verdicts_total", "Verdicts confirmed by the broker");
    metrics::describe_counter!("rules_dead_letters_total", "Messages that could not be answered");
    metrics::describe_counter!(
        "rules_sessions_failed_total",
        "Sessions with the broker that failed"
    );
    metrics::describe_histogram!("rules_evaluate_seconds", "Time to answer one request");
    metrics::describe_gauge!("rules_broker_connected", "1 while requests are taken, else 0");
    metrics::describe_gauge!("rules_reload_failed", "1 if the rules file can not be used, else 0");
    metrics::describe_gauge!("rules_rule_set_info", "1 for the version of the rules in force");
    // Counters exist from the start: an alert on the first increase needs a value before it.
    metrics::counter!("rules_dead_letters_total").increment(0);
    metrics::counter!("rules_sessions_failed_total").increment(0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("lines").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, act: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        tracing::subscriber::with_default(json_lines(filter, move || writer.clone()), act);
        let bytes = lines.0.lock().expect("lines").clone();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn a_returned_message_is_not_logged_whatever_the_filter() {
        let text = logged("trace,lapin=trace,lapin::returned_messages=trace", || {
            tracing::warn!(target: "lapin::returned_messages", message = "token");
            tracing::warn!("other");
        });
        assert!(text.contains("other") && !text.contains("token"), "{text}");
    }

    #[test]
    fn a_filter_that_can_not_be_read_means_info() {
        let text = logged("rules=loud=louder", || {
            tracing::info!("shown");
            tracing::debug!("hidden");
        });
        assert!(text.contains("shown") && !text.contains("hidden"), "{text}");
    }
}
