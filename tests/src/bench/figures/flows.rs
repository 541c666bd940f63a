//! How many whole flows per second the system sustains: a request, its verdict, its link, each seen by a check before
//! its client asks for the next. Beside one hop through a quorum queue; a flow takes two, and two commits.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::bench::broker::Queue;
use crate::bench::load::clients;
use crate::bench::rounds::{Plan, Reference, Row, Series, in_turns};
use crate::bench::stage::Stage;
use crate::bench::watch::Watch;

use super::{QUORUM_QUEUE, flow, requests, turn};

/// Flows at once: enough to keep every part busy, few enough that none waits for long.
const CLIENTS: usize = 512;
/// Flows are slower than requests, so each round is this much longer than the others'.
const LONGER: u32 = 3;

/// Whole flows.
///
/// # Errors
/// If one does not get its link.
pub async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let mut queue = Queue::open(stage).await?;
    let requests = requests(stage);
    let watch = Arc::new(Watch::begin(stage).await?);
    let ours = async |lasting: Duration| {
        let (requests, watch) = (Arc::clone(&requests), Arc::clone(&watch));
        let lasting = if lasting > Plan::WARM_UP { lasting * LONGER } else { lasting };
        clients(stage.address, CLIENTS, lasting, move |connection, number| {
            let (requests, watch) = (Arc::clone(&requests), Arc::clone(&watch));
            async move {
                let request = turn(&requests, number).context("an account")?;
                flow(connection, request, &watch).await.map(Some)
            }
        })
        .await
    };
    let reference = async |lasting| queue.throughput(lasting).await;
    let (ours, others) = in_turns(stage, ours, reference).await?;
    let reference = Some(Reference { what: QUORUM_QUEUE, series: Series(others) });
    let name = "whole flows, request to link";
    Ok(vec![Row { name, unit: "1/s", ours: Series(ours), reference }])
}
