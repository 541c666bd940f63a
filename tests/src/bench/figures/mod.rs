//! The figures, one file each.

pub mod accept;
pub mod buy;
pub mod check;
pub mod flash_sale;
pub mod flows;
pub mod latency;
pub mod logins;
pub mod market;
pub mod process;
pub mod rebuild;
pub mod size;
pub mod venues;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;

use super::http::get;
use super::load::Latencies;
use super::stage::Stage;

/// The path that asks for a link.
const REQUEST: &str = "/request_for_ticketing_link";
/// The path that checks a request, up to its id.
const CHECK: &str = "/check_ticketing_link?request_id=";
/// The reference for what ends at the broker.
const QUORUM_QUEUE: &str = "quorum queue, one hop";
/// The reference for what is not stored.
const EMPTY_HANDLER: &str = "empty poem handler";
const MICROSECONDS_PER_MILLISECOND: f64 = 1_000.0;

/// What asks for links: one request for each account, made beforehand.
fn requests(stage: &Stage) -> Arc<[(Bytes, String)]> {
    let tokens = stage.accounts.premium.iter();
    tokens.map(|token| (get(REQUEST, Some(token)), token.clone())).collect()
}

/// What this part of the calls did not exceed.
fn milliseconds(latencies: &Latencies, quantile: f64) -> f64 {
    latencies.value_at_quantile(quantile) as f64 / MICROSECONDS_PER_MILLISECOND
}

/// One of several, in turns.
fn turn<T>(all: &[T], number: u64) -> Option<&T> {
    all.get(usize::try_from(number).ok()? % all.len().max(1))
}

/// As [`super::load::closed`] against the empty handler.
async fn empty(stage: &Stage, lasting: Duration) -> Result<f64> {
    let request = get("/", None);
    super::load::closed(stage.empty.address, lasting, 200, move |_| Some(request.clone())).await
}
