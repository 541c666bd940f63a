//! How long it takes from a request until a check shows its link, at a fixed rate far below what is
//! sustained. Beside one hop through a quorum queue at the same rate; a flow takes two, and two
//! commits.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::bench::broker::Queue;
use crate::bench::load::{Latencies, open};
use crate::bench::rounds::in_turns;
use crate::bench::row::{Row, Series, Target};
use crate::bench::stage::Stage;
use crate::bench::watch::Watch;

use super::{QUORUM_QUEUE, flow, milliseconds, requests, turn};

/// Requests per second.
const RATE: u32 = 300;
/// A round is this much longer than the others', so that its slowest hundredth is more than a few
/// calls.
const LONGER: u32 = 2;

/// The middle and the slowest hundredth of each round.
///
/// # Errors
/// If one does not get its link.
pub async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let mut queue = Queue::open(stage).await?;
    let requests = requests(stage);
    let watch = Arc::new(Watch::begin(stage).await?);
    let measured = in_turns(stage, [true, false], async |ours, lasting: Duration| {
        let lasting = lasting * LONGER;
        if !ours {
            return queue.latency(RATE, lasting).await;
        }
        let (requests, watch) = (Arc::clone(&requests), Arc::clone(&watch));
        open(stage.address, RATE, lasting, move |connection, number| {
            let (requests, watch) = (Arc::clone(&requests), Arc::clone(&watch));
            async move {
                let request = turn(&requests, number).context("an account")?;
                flow(connection, request, &watch).await
            }
        })
        .await
    });
    let [ours, reference] = measured.await?;
    let row = |name, quantile, most| {
        let at = |rounds: &[Latencies]| {
            Series(rounds.iter().map(|round| milliseconds(round, quantile)).collect())
        };
        let row = Row::new(name, "ms", at(&ours)).beside(QUORUM_QUEUE, &at(&reference));
        row.should_be(Target::AtMost(most))
    };
    Ok(vec![
        row("request to link at 300/s, p50", 0.50, 10.0),
        row("request to link at 300/s, p99", 0.99, 50.0),
    ])
}
