//! How long it takes from a request until a check shows its link, at a fixed rate far below what is
//! sustained. The client checks at once, as users do: a check waits a moment for the verdict.
//! Beside one hop through a quorum queue at the same rate; a flow takes two, and two commits.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;

use crate::bench::broker::Queue;
use crate::bench::http::{Connection, get};
use crate::bench::load::{Latencies, open};
use crate::bench::rounds::in_turns;
use crate::bench::row::{Row, Series, Target};
use crate::bench::stage::Stage;

use super::{CHECK, QUORUM_QUEUE, milliseconds, requests, turn};

/// Requests per second.
const RATE: u32 = 300;
/// A round is this much longer than the others', so that its slowest hundredth is more than a few
/// calls.
const LONGER: u32 = 2;
/// Each check waits 250 ms for the verdict; a link that so many have not seen will never be there.
const MOST_CHECKS: u32 = 240;

/// The middle and the slowest hundredth of each round.
///
/// # Errors
/// If one does not get its link.
pub async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let mut queue = Queue::open(stage).await?;
    let requests = requests(stage);
    let measured = in_turns(stage, [true, false], async |ours, lasting: Duration| {
        let lasting = lasting * LONGER;
        if !ours {
            return queue.latency(RATE, lasting).await;
        }
        let requests = Arc::clone(&requests);
        open(stage.address, RATE, lasting, move |connection, number| {
            let requests = Arc::clone(&requests);
            async move {
                let request = turn(&requests, number).context("an account")?;
                until_seen(connection, request).await
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

/// A request, and checks until one shows its link.
async fn until_seen(
    mut connection: Connection,
    (request, token): &(Bytes, String),
) -> Result<Connection> {
    let made = connection.call(request).await?.expect(201)?;
    let id = made.member("request_id").context("an answer without an id")?;
    let check = get(&format!("{CHECK}{id}"), Some(token));
    for _ in 0..MOST_CHECKS {
        let checked = connection.call(&check).await?.expect(200)?;
        if checked.member("link").is_some() {
            return Ok(connection);
        }
    }
    bail!("no link after {MOST_CHECKS} checks")
}
