//! Messages that come more often than once: each three times, old ones again in either direction,
//! the whole history, and what a consumer took and never acknowledged.

use std::time::Duration;

use anyhow::{Result, ensure};
use shared_events::topology::{
    EVALUATE_LINK_REQUESTS, LINKS_EVENTS, MARKET_EVENTS, OUTINGS_EVENTS, RULES_VERDICTS,
    VENUES_EVENTS,
};
use tokio::time::sleep;

use super::{Frozen, Struck, comes_about, drained, reaches};
use crate::chaos::fault::Fault;
use crate::chaos::plan::Cycle;
use crate::chaos::world::World;
use crate::chaos::world::broker::Broker;
use crate::chaos::world::tap::Tap;

/// The workload makes enough messages within this time.
const PLENTY: Duration = Duration::from_secs(120);
/// How long messages are collected before they come again, at least.
const COLLECTING: Duration = Duration::from_secs(2);
/// A queue that nobody serves fills within this time.
const FILLING: Duration = Duration::from_secs(20);

/// Every message of the services is published three times for a while.
pub(super) async fn repeated(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let proxy = world.broker_proxy.clone();
    let repeated = || proxy.fired().repeated;
    let before = repeated();
    proxy.repeat_publishes(true);
    let done = reaches("messages were repeated", PLENTY, before + cycle.amount, repeated).await;
    proxy.repeat_publishes(false);
    done?;
    drained(world, Fault::RepeatMessages, repeated() - before).await
}

/// Collects messages, publishes them forwards and backwards until there were enough, and has the
/// relay send the history again.
pub(super) async fn replayed(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let exchanges = [LINKS_EVENTS, MARKET_EVENTS, VENUES_EVENTS, OUTINGS_EVENTS, RULES_VERDICTS];
    let messages = Tap::open(world, &exchanges).await?.collect(COLLECTING).await?;
    // Of more than are to come again, some from the whole time.
    let step = messages.len().div_ceil(cycle.amount.div_ceil(2)).max(1);
    let messages: Vec<_> = messages.into_iter().step_by(step).collect();
    let backwards: Vec<_> = messages.iter().rev().cloned().collect();
    let broker = Broker::open(world).await?;
    let mut published = 0;
    while published < cycle.amount {
        for some in [&messages, &backwards] {
            broker.publish_all(some).await?;
            published += some.len();
        }
    }
    broker.close().await;
    let back = "update relay_cursors set position = greatest(0, position - $1)";
    world.sql().await?.execute(back, &[&cycle.history]).await?;
    // A leader remembers where it is; the next one reads it.
    world.broker_proxy.cut();
    drained(world, Fault::ReplayHistory, published).await
}

/// A consumer takes whatever waits for the rule service and dies with it; so do the rule services.
pub(super) async fn taken_and_dropped(world: &mut World) -> Result<Struck> {
    let frozen: Vec<Frozen> = world
        .rules
        .iter_mut()
        .map(|service| Frozen::whole(service.process()))
        .collect::<Result<_>>()?;
    // What waits lies with the frozen services: killed, they leave it to the next consumer.
    sleep(COLLECTING).await;
    for service in &mut world.rules {
        service.kill().await?;
    }
    drop(frozen);
    let broker = Broker::open(world).await?;
    let queue = EVALUATE_LINK_REQUESTS.name;
    let waits = comes_about(FILLING, async || broker.waiting(queue).await.is_ok_and(|n| n > 0));
    ensure!(waits.await, "nothing waits for the rule service");
    let taken = broker.take_all_and_die(queue).await?;
    for service in &mut world.rules {
        service.start().await?;
    }
    drained(world, Fault::CrashLoop, taken.min(1)).await
}
