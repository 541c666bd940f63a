//! SIGSTOP: the process is there, its connections stay open, and it does nothing.

use anyhow::{Context, Result};
use rustix::process::Signal;
use tokio::time::sleep;

use super::Struck;
use super::killed::{chosen, drained};
use crate::chaos::fault::Fault;
use crate::chaos::plan::Cycle;
use crate::chaos::world::World;
use crate::process::Process;
use crate::process_table::Mark;

pub(super) async fn ticketing(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let service = chosen(&mut world.ticketing, cycle)?;
    let frozen = Frozen::whole(service.process())?;
    thaw(world, frozen, cycle, Fault::FreezeTicketing).await
}

pub(super) async fn rules(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let service = chosen(&mut world.rules, cycle)?;
    let frozen = Frozen::whole(service.process())?;
    thaw(world, frozen, cycle, Fault::FreezeRules).await
}

pub(super) async fn rabbitmq(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let frozen = Frozen::whole(world.servers.rabbitmq.process())?;
    thaw(world, frozen, cycle, Fault::FreezeRabbitmq).await
}

pub(super) async fn postgres(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let frozen = Frozen::whole(world.servers.postgres.process())?;
    thaw(world, frozen, cycle, Fault::FreezePostgres).await
}

async fn thaw(world: &World, frozen: Frozen, cycle: &Cycle, fault: Fault) -> Result<Struck> {
    sleep(cycle.lasting).await;
    drop(frozen);
    drained(world, fault).await
}

/// A process with its family that stands still until this is dropped.
#[derive(Debug)]
pub(in crate::chaos) struct Frozen(Vec<Mark>);

impl Frozen {
    /// Stops a process and everything that descends from it.
    ///
    /// # Errors
    /// If it does not run.
    pub(in crate::chaos) fn whole(process: Option<&mut Process>) -> Result<Self> {
        let pid = process.context("a process that runs")?.pid();
        let mark = Mark::of(pid).context("a process that runs")?;
        // The parent first, so that it starts no child that is not seen.
        mark.signal(Signal::STOP);
        let family = mark.family();
        family.iter().for_each(|member| member.signal(Signal::STOP));
        Ok(Self(family))
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.0.iter().for_each(|member| member.signal(Signal::CONT));
    }
}
