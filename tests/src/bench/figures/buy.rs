//! How many links are used per second, each once, beside pgbench storing one event for each. The
//! links lie in history unread, so each use also loads its request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use bytes::Bytes;

use crate::bench::http::get;
use crate::bench::load::closed;
use crate::bench::pgbench::{self, Pgbench};
use crate::bench::rounds::{Plan, in_turns};
use crate::bench::row::{Row, Series, Target};
use crate::bench::seed::issued_links;
use crate::bench::stage::Stage;

/// Links for a first look at the rate, more than half a second can use.
const FIRST_LOOK: usize = 10_000;
/// How many times as many links are made as the first look says are needed.
const MARGIN: f64 = 3.0;
const RATIO: f64 = 0.5;

/// Uses of open links.
///
/// # Errors
/// If a link can not be used.
pub async fn measure(stage: &mut Stage) -> Result<Vec<Row>> {
    let Plan { rounds, lasting, .. } = stage.plan;
    let links = requests(stage, FIRST_LOOK).await?;
    let rate = closed(stage.address, Plan::WARM_UP, 200, move |number| {
        links.get(usize::try_from(number).ok()?).cloned()
    });
    let rate = rate.await?;
    let seconds = lasting.as_secs_f64() * rounds as f64 + Plan::WARM_UP.as_secs_f64();
    let count = (seconds * rate * MARGIN) as usize;
    let links = requests(stage, count).await?;
    let next = Arc::new(AtomicUsize::new(0));
    let pgbench = Pgbench::prepare(stage).await?;
    let stage = &*stage;
    let measured = in_turns(stage, [true, false], async |ours, lasting: Duration| {
        if !ours {
            return pgbench.run(lasting).await;
        }
        let (links, next) = (Arc::clone(&links), Arc::clone(&next));
        let request = move |_| links.get(next.fetch_add(1, Ordering::Relaxed)).cloned();
        closed(stage.address, lasting, 200, request).await
    });
    let [ours, reference] = measured.await?.map(Series);
    if next.load(Ordering::Relaxed) >= count {
        bail!("{count} links were too few: a round ended early");
    }
    Ok(vec![
        Row::new("uses of a link", "1/s", ours)
            .beside(pgbench::NAME, &reference)
            .should_be(Target::RatioAtLeast(RATIO)),
    ])
}

/// Uses of new links, one each.
async fn requests(stage: &mut Stage, count: usize) -> Result<Arc<[Bytes]>> {
    let links = issued_links(stage, count).await?;
    let uses = links
        .into_iter()
        .map(|link| get(&format!("/buy_ticket/{}?request_id={}", link.token, link.id), None));
    Ok(uses.collect())
}
