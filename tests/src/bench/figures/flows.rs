//! How many whole flows per second the system sustains: a request, its verdict, its link, each seen
//! by a check before its client asks for the next. Beside one hop through a quorum queue; a flow
//! takes two, and two commits.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use tokio::time::interval;
use uuid::Uuid;

use crate::bench::broker::Queue;
use crate::bench::http::{Connection, get};
use crate::bench::load::clients;
use crate::bench::rounds::in_turns;
use crate::bench::row::{Row, Series, Target};
use crate::bench::stage::Stage;
use crate::bench::watch::Watch;

use super::{CHECK, QUORUM_QUEUE, requests, turn};

/// Flows at once: enough to keep every part busy, few enough that none waits for long.
const CLIENTS: usize = 512;
const RATIO: f64 = 0.10;
/// Per second, on a quiet machine of two cores.
const SUSTAINED: f64 = 2_000.0;
/// How often the backlog is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// The most that flows in progress can leave to do: each has at most three events, and each of them
/// is to be relayed and to be projected.
const IN_PROGRESS: usize = CLIENTS * 3 * 2;

/// Whole flows: in turns with the reference, then for a minute with a look at what piles up.
///
/// # Errors
/// If one does not get its link.
pub async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let mut queue = Queue::open(stage).await?;
    let watch = Arc::new(Watch::begin(stage).await?);
    let measured = in_turns(stage, [true, false], async |ours, lasting| {
        if ours { flows(stage, &watch, lasting).await } else { queue.throughput(lasting).await }
    });
    let [ours, reference] = measured.await?.map(Series);
    let (rate, backlog) = sustained(stage, &watch).await?;
    let part = (backlog.len() / 3).max(1);
    let mut parts = backlog.chunks(part);
    let mut part = || Series(parts.next().unwrap_or_default().to_vec());
    let seconds = stage.plan.sustained.as_secs();
    let row = |name: &str, ours| {
        Row::new(format!("{name} {seconds} s"), "1/s", Series(ours))
            .beside(QUORUM_QUEUE, &reference)
            .should_be(Target::AtLeast(SUSTAINED))
    };
    let left = |name, series| Row::new(name, "events", series);
    Ok(vec![
        Row::new("whole flows, request to link", "1/s", ours)
            .beside(QUORUM_QUEUE, &reference)
            .should_be(Target::RatioAtLeast(RATIO)),
        row("whole flows, sustained", vec![rate]),
        left("… backlog in the first third", part()),
        left("… backlog in the second third", part()),
        left("… backlog in the last third", part()).should_be(Target::AtMost(IN_PROGRESS as f64)),
    ])
}

async fn flows(stage: &Stage, watch: &Arc<Watch>, lasting: Duration) -> Result<f64> {
    let (requests, watch) = (requests(stage), Arc::clone(watch));
    clients(stage.address, CLIENTS, lasting, move |connection, number| {
        let (requests, watch) = (Arc::clone(&requests), Arc::clone(&watch));
        async move {
            let request = turn(&requests, number).context("an account")?;
            flow(connection, request, &watch).await.map(Some)
        }
    })
    .await
}

/// Asks for a link and checks it once when it is issued: then it has to be there.
async fn flow(
    mut connection: Connection,
    (request, token): &(Bytes, String),
    watch: &Watch,
) -> Result<Connection> {
    let made = connection.call(request).await?.expect(201)?;
    let id: Uuid = made.member("request_id").context("an answer without an id")?.parse()?;
    watch.issued(id).await?;
    let check = get(&format!("{CHECK}{id}"), Some(token));
    let checked = connection.call(&check).await?.expect(200)?;
    checked.member("link").with_context(|| format!("issued, but not seen: {}", checked.body))?;
    Ok(connection)
}

/// The rate, and the backlog as it was again and again meanwhile.
async fn sustained(stage: &Stage, watch: &Arc<Watch>) -> Result<(f64, Vec<f64>)> {
    let mut backlog = Vec::new();
    let mut look = interval(LOOK);
    look.tick().await;
    let mut flows = std::pin::pin!(flows(stage, watch, stage.plan.sustained));
    loop {
        tokio::select! {
            rate = &mut flows => return Ok((rate?, backlog)),
            _ = look.tick() => backlog.push(stage.backlog().await? as f64),
        }
    }
}
