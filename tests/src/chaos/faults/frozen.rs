//! SIGSTOP: the process is there, its connections stay open, and it does nothing.

use anyhow::{Context, Result};
use rustix::process::Signal;
use tokio::time::sleep;

use super::killed::{backend_of_ticketing, chosen};
use super::{Struck, drained};
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

pub(super) async fn backend(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let frozen = Frozen::alone(backend_of_ticketing(world, cycle).await?);
    thaw(world, frozen, cycle, Fault::FreezeBackend).await
}

async fn thaw(world: &World, frozen: Frozen, cycle: &Cycle, fault: Fault) -> Result<Struck> {
    sleep(cycle.lasting).await;
    drop(frozen);
    drained(world, fault, 1).await
}

/// A process with its family that stands still until this is dropped.
#[derive(Debug)]
pub(crate) struct Frozen(Vec<Mark>);

impl Frozen {
    /// Stops a process and everything that descends from it.
    ///
    /// # Errors
    /// If it does not run.
    pub(crate) fn whole(process: Option<&mut Process>) -> Result<Self> {
        let pid = process.context("a process that runs")?.pid();
        let mark = Mark::of(pid).context("a process that runs")?;
        // The parent first, so that it starts no child that is not seen.
        mark.signal(Signal::STOP);
        let family = mark.family();
        family.iter().for_each(|member| member.signal(Signal::STOP));
        Ok(Self(family))
    }

    fn alone(mark: Mark) -> Self {
        mark.signal(Signal::STOP);
        Self(vec![mark])
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.0.iter().for_each(|member| member.signal(Signal::CONT));
    }
}
