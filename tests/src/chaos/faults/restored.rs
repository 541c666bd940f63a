//! An old dump is restored while the broker still has messages of the history that it ends.

use anyhow::Result;
use tokio::time::sleep;

use super::{Frozen, Struck, drained};
use crate::chaos::fault::Fault;
use crate::chaos::plan::Cycle;
use crate::chaos::world::World;

/// What happened after the dump is undone, so its calls are taken out of the journal: the checkers
/// then find whatever a message of the other history has caused.
pub(super) async fn old_dump(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    // Requests that have no verdict in the dump get theirs in the history that is given up.
    let frozen = rules(world)?;
    sleep(cycle.lasting).await;
    world.rest().await?;
    let dumped = world.api.journal.now();
    world.servers.postgres.dump(&world.place).await?;
    drop(frozen);
    world.work(cycle.choice);
    sleep(cycle.lasting).await;
    // Requests that only that history knows wait in the broker.
    let frozen = rules(world)?;
    sleep(cycle.lasting).await;
    world.rest().await?;
    for service in &mut world.ticketing {
        service.kill().await?;
    }
    world.servers.postgres.restore(&world.place).await?;
    world.wiring.ticketing_command("migrate", &["migrate", "--restored"])?.run().await?;
    let undone = world.api.journal.forget_since(dumped);
    drop(frozen);
    for service in &mut world.ticketing {
        service.start().await?;
    }
    world.work(cycle.choice);
    drained(world, Fault::RestoreDump, undone.min(1)).await
}

fn rules(world: &mut World) -> Result<Vec<Frozen>> {
    world.rules.iter_mut().map(|service| Frozen::whole(service.process())).collect()
}
