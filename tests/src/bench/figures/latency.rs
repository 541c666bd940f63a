//! How long it takes from a request until a check shows its link, at a fixed rate far below what is sustained. Beside
//! one hop through a quorum queue at the same rate; a flow takes two, and two commits.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::bench::broker::Queue;
use crate::bench::load::{Latencies, open};
use crate::bench::rounds::{Reference, Row, Series, in_turns};
use crate::bench::stage::Stage;
use crate::bench::watch::Watch;

use super::{QUORUM_QUEUE, flow, requests, turn};

/// Requests per second.
const RATE: u32 = 300;
/// A round is this much longer than the others', so that its slowest hundredth is more than a few calls.
const LONGER: u32 = 2;
const MICROSECONDS_PER_MILLISECOND: f64 = 1_000.0;

/// The middle and the slowest hundredth of each round.
///
/// # Errors
/// If one does not get its link.
pub async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let mut queue = Queue::open(stage).await?;
    let requests = requests(stage);
    let watch = Arc::new(Watch::begin(stage).await?);
    let ours = async |lasting: Duration| {
        let (requests, watch) = (Arc::clone(&requests), Arc::clone(&watch));
        open(stage.address, RATE, lasting * LONGER, move |connection, number| {
            let (requests, watch) = (Arc::clone(&requests), Arc::clone(&watch));
            async move {
                let request = turn(&requests, number).context("an account")?;
                flow(connection, request, &watch).await
            }
        })
        .await
    };
    let reference = async |lasting| queue.latency(RATE, lasting * LONGER).await;
    let (ours, others) = in_turns(stage, ours, reference).await?;
    let row = |name, quantile| {
        let reference = Reference { what: QUORUM_QUEUE, series: at(&others, quantile) };
        Row { name, unit: "ms", ours: at(&ours, quantile), reference: Some(reference) }
    };
    Ok(vec![row("request to link at 300/s, p50", 0.50), row("request to link at 300/s, p99", 0.99)])
}

fn at(rounds: &[Latencies], quantile: f64) -> Series {
    let value = |round: &Latencies| round.value_at_quantile(quantile) as f64;
    Series(rounds.iter().map(|round| value(round) / MICROSECONDS_PER_MILLISECOND).collect())
}
