//! `ticketing_http_requests_total{method,route,status}` and
//! `ticketing_http_request_duration_seconds{method,route}`. The route is its pattern, so the number
//! of series is bounded. Handles are kept: looking one up costs more than using it.

use std::sync::OnceLock;
use std::time::Duration;

use http::{Method, StatusCode};
use metrics::{Counter, Histogram, counter, histogram};

/// How many requests were answered, by `method`, `route` and `status`.
pub const REQUESTS: &str = "ticketing_http_requests_total";
/// How long answers took, by `method` and `route`.
pub const DURATION: &str = "ticketing_http_request_duration_seconds";

/// The methods that are told apart; any other is `OTHER`.
const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "OTHER"];
/// The statuses whose counters are kept.
const STATUSES: [u16; 24] = [
    200, 201, 202, 204, 304, 308, 400, 401, 402, 403, 404, 405, 409, 410, 412, 413, 415, 422, 425,
    429, 500, 502, 503, 302,
];

/// The metrics of one route.
#[derive(Default)]
pub(super) struct RouteMetrics([OnceLock<Box<MethodMetrics>>; METHODS.len()]);

struct MethodMetrics {
    duration: Histogram,
    by_status: [OnceLock<Counter>; STATUSES.len()],
}

impl RouteMetrics {
    pub(super) fn record(&self, route: &str, method: &Method, status: StatusCode, took: Duration) {
        let index = METHODS.iter().position(|m| *m == method.as_str()).unwrap_or(METHODS.len() - 1);
        let (Some(slot), Some(method)) = (self.0.get(index), METHODS.get(index)) else { return };
        let metrics = slot.get_or_init(|| {
            let duration = histogram!(DURATION, "method" => *method, "route" => route.to_owned());
            Box::new(MethodMetrics { duration, by_status: Default::default() })
        });
        metrics.duration.record(took.as_secs_f64());
        let code = status.as_u16();
        let count = || {
            let status = code.to_string();
            counter!(REQUESTS, "method" => *method, "route" => route.to_owned(), "status" => status)
        };
        let kept = STATUSES.iter().position(|s| *s == code).and_then(|i| metrics.by_status.get(i));
        match kept {
            Some(kept) => kept.get_or_init(count).increment(1),
            None => count().increment(1),
        }
    }
}
