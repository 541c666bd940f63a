//! What a long history costs: requests accepted per second and the slowest hundredth of them, with
//! few and with many events stored.
//!
//! Before each turn the database is made again as it was kept, so every turn begins at the same
//! length. The relay is paused: a longer history is read no more often, and what is accepted in one
//! turn would be worked off in the next. The shortest is measured twice (A/A): what its two series
//! differ by is chance.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use shared_events::topology::LINKS_LOG;

use crate::bench::http::get;
use crate::bench::load::{closed, open};
use crate::bench::relay::PausedRelay;
use crate::bench::rounds::{Plan, in_turns};
use crate::bench::row::{Row, Series, Target};
use crate::bench::stage::Stage;
use crate::bench::store::Store;

use super::{REQUEST, milliseconds};

/// Requests per second while latency is measured: far below what is accepted.
const RATE: u32 = 1_000;
/// A rate within 15 %.
const SLOWEST: Target = Target::RatioAtLeast(0.85);
const LATEST: Target = Target::RatioAtMost(1.5);

/// Rate and p99 with each number of events stored.
///
/// # Errors
/// If a request is not accepted.
pub async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let [few, more, many] = stage.plan.stored;
    let mut store = Store::make(stage).await?;
    for count in stage.plan.stored {
        store.fill_and_keep(count).await?;
    }
    store.take_back(few).await?;
    store.verify().await.context("the history that was written")?;
    let store = &store;
    let measured = in_turns(stage, [few, few, more, many], async |count, lasting| {
        turn(store, count, lasting).await
    });
    let [first, again, with_more, with_many] = measured.await?.map(|turns| {
        let (rates, latencies): (Vec<_>, Vec<_>) = turns.into_iter().unzip();
        (Series(rates), Series(latencies))
    });
    let reference = format!("with {few} events");
    let rate = |name, ours| Row::new(name, "1/s", ours).beside(&reference, &first.0);
    let p99 = |name, ours| Row::new(name, "ms", ours).beside(&reference, &first.1);
    let named = |count| format!("accepted with {count} events");
    let slowest = |count| format!("accepted with {count} events, p99");
    Ok(vec![
        rate(format!("{} (A/A)", named(few)), again.0),
        rate(named(more), with_more.0).should_be(SLOWEST),
        rate(named(many), with_many.0).should_be(SLOWEST),
        p99(format!("{} (A/A)", slowest(few)), again.1),
        p99(slowest(more), with_more.1).should_be(LATEST),
        p99(slowest(many), with_many.1).should_be(LATEST),
    ])
}

/// Requests per second, and the slowest hundredth at a fixed rate in milliseconds.
async fn turn(store: &Store, count: usize, lasting: Duration) -> Result<(f64, f64)> {
    store.take_back(count).await?;
    let paused = PausedRelay::begin(&store.wiring.database_url, LINKS_LOG).await?;
    let mut ticketing = store.ticketing()?;
    ticketing.start().await?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, store.wiring.port));
    // The latency first: it adds less to the history.
    at_a_fixed_rate(address, Plan::WARM_UP).await?;
    let slowest = at_a_fixed_rate(address, lasting).await?;
    let request = get(REQUEST, None);
    let rate = closed(address, lasting, 201, move |_| Some(request.clone())).await?;
    paused.end().await?;
    ticketing.stop().await?;
    Ok((rate, slowest))
}

async fn at_a_fixed_rate(address: SocketAddr, lasting: Duration) -> Result<f64> {
    let request = get(REQUEST, None);
    let latencies = open(address, RATE, lasting, move |mut connection, _| {
        let request = request.clone();
        async move {
            connection.call(&request).await?.expect(201)?;
            Ok(connection)
        }
    });
    Ok(milliseconds(&latencies.await?, 0.99))
}
