//! What is not there: the rule service for a long time, the servers when the services start.

use std::time::Duration;

use anyhow::{Context, Result};
use shared_events::topology::EVALUATE_LINK_REQUESTS;
use tokio::time::sleep;

use super::{Struck, comes_about, drained};
use crate::chaos::fault::Fault;
use crate::chaos::plan::Cycle;
use crate::chaos::world::World;
use crate::chaos::world::broker::Broker;
use crate::local;
use crate::service::Service;

/// A service that was just started listens within this time, whatever is missing.
const LISTENS_WITHIN: Duration = Duration::from_secs(10);

/// The requests of this time lie in the rule service's queue; in every other case that is deleted
/// with them too.
pub(super) async fn rules(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    for service in &mut world.rules {
        service.kill().await?;
    }
    sleep(cycle.lasting).await;
    if cycle.choice.is_multiple_of(2) {
        let broker = Broker::open(world).await?;
        broker.delete(&EVALUATE_LINK_REQUESTS).await?;
        broker.close().await;
    }
    for service in &mut world.rules {
        service.start().await?;
    }
    drained(world, Fault::RulesAbsent, 1).await
}

/// Services start before what they need: they live, are not ready, and do not end.
pub(super) async fn servers(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    for service in world.ticketing.iter_mut().chain(&mut world.rules) {
        service.kill().await?;
    }
    world.servers.stop().await?;
    let mut pids = Vec::new();
    for service in in_some_order(world, cycle) {
        service.spawn()?;
        pids.push(pid(service)?);
    }
    let mut broken = waiting(world).await;
    sleep(cycle.lasting).await;
    if cycle.choice % 4 < 2 {
        world.servers.postgres.start().await?;
        world.servers.rabbitmq.start().await?;
    } else {
        world.servers.rabbitmq.start().await?;
        world.servers.postgres.start().await?;
    }
    for (service, before) in in_some_order(world, cycle).into_iter().zip(pids) {
        service.until_ready().await?;
        if pid(service)? != before {
            broken.push("a service ended instead of waiting".to_owned());
        }
    }
    let struck = drained(world, Fault::AbsentAtStart, 1).await?;
    Ok(Struck { broken, ..struck })
}

fn in_some_order<'a>(world: &'a mut World, cycle: &Cycle) -> Vec<&'a mut Service> {
    let mut all: Vec<&mut Service> = world.ticketing.iter_mut().chain(&mut world.rules).collect();
    if cycle.choice.is_multiple_of(2) {
        all.reverse();
    }
    all
}

fn pid(service: &mut Service) -> Result<i32> {
    Ok(service.process().context("a service that was started")?.pid())
}

/// What is wrong with how the services wait.
async fn waiting(world: &World) -> Vec<String> {
    let tickets = (0..world.api.replicas()).map(|replica| world.api.url(replica).to_owned());
    let mut broken = Vec::new();
    for url in tickets.chain(world.rules_urls.iter().cloned()) {
        let (live, ready) = (format!("{url}/livez"), format!("{url}/readyz"));
        if !comes_about(LISTENS_WITHIN, async || status(&live).await == Some(200)).await {
            broken.push(format!("{url} does not live without its servers"));
        } else if status(&ready).await != Some(503) {
            broken.push(format!("{url} says that it is ready without its servers"));
        }
    }
    broken
}

async fn status(url: &str) -> Option<u16> {
    Some(local::client().get(url).send().await.ok()?.status().as_u16())
}
