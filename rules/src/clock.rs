//! The one place that reads the time: for what is stamped on messages. No decision reads it; rules
//! count from the request's own `requested_at`.

use chrono::{DateTime, Utc};

/// The system's time.
#[expect(clippy::disallowed_methods, reason = "this is the one reader of time in this service")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}
