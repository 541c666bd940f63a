//! How many links are used per second, each once, beside pgbench storing one event for each. The links lie in history
//! unread, so each use also loads its request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use bytes::Bytes;

use crate::bench::http::get;
use crate::bench::load::closed;
use crate::bench::pgbench::{self, Pgbench};
use crate::bench::rounds::{Plan, Reference, Row, Series, in_turns};
use crate::bench::seed::issued_links;
use crate::bench::stage::Stage;

/// Links made for each second of measuring: more than can be used.
const LINKS_PER_SECOND: f64 = 12_000.0;

/// Uses of open links.
///
/// # Errors
/// If a link can not be used.
pub async fn measure(stage: &mut Stage) -> Result<Vec<Row>> {
    let Plan { rounds, lasting } = stage.plan;
    let seconds = lasting.as_secs_f64() * rounds as f64 + Plan::WARM_UP.as_secs_f64();
    let count = (seconds * LINKS_PER_SECOND) as usize;
    let links: Arc<[Bytes]> = issued_links(stage, count)
        .await?
        .into_iter()
        .map(|link| get(&format!("/buy_ticket/{}?request_id={}", link.token, link.id), None))
        .collect();
    let next = Arc::new(AtomicUsize::new(0));
    let pgbench = Pgbench::prepare(stage).await?;
    let stage = &*stage;
    let ours = async |lasting: Duration| {
        let (links, next) = (Arc::clone(&links), Arc::clone(&next));
        let request = move |_| links.get(next.fetch_add(1, Ordering::Relaxed)).cloned();
        closed(stage.address, lasting, 200, request).await
    };
    let reference = async |lasting| pgbench.run(lasting).await;
    let (ours, others) = in_turns(stage, ours, reference).await?;
    if next.load(Ordering::Relaxed) >= count {
        bail!("{count} links were too few: a round ended early");
    }
    let reference = Some(Reference { what: pgbench::NAME, series: Series(others) });
    Ok(vec![Row { name: "uses of a link", unit: "1/s", ours: Series(ours), reference }])
}
