//! SIGKILL under load: of a service, of the broker, of Postgres' postmaster, of one backend.

use anyhow::{Context, Result};
use rustix::process::Signal;
use tokio::time::Instant;

use super::{Struck, drained};
use crate::chaos::fault::Fault;
use crate::chaos::plan::Cycle;
use crate::chaos::world::World;
use crate::process_table::Mark;
use crate::service::Service;

/// Backends that serve `ticketing`, in an order that does not depend on chance.
const BACKENDS: &str = "select pid from pg_stat_activity where datname = current_database() \
                        and application_name like 'ticketing%' order by application_name, pid";

pub(super) async fn ticketing(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    restart(chosen(&mut world.ticketing, cycle)?).await
}

pub(super) async fn rules(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    restart(chosen(&mut world.rules, cycle)?).await
}

/// The one of `of` that the plan has chosen.
///
/// # Errors
/// If there is none.
pub(super) fn chosen<'a, T>(of: &'a mut [T], cycle: &Cycle) -> Result<&'a mut T> {
    let index = cycle.choice.checked_rem(of.len() as u64).unwrap_or(0);
    of.get_mut(usize::try_from(index)?).context("nothing to choose from")
}

async fn restart(service: &mut Service) -> Result<Struck> {
    let begun = Instant::now();
    service.kill().await?;
    service.start().await?;
    Ok(Struck { fired: 1, took: begun.elapsed(), ..Struck::default() })
}

pub(super) async fn rabbitmq(world: &mut World) -> Result<Struck> {
    world.servers.rabbitmq.kill().await?;
    world.servers.rabbitmq.start().await?;
    drained(world, Fault::KillRabbitmq, 1).await
}

pub(super) async fn postmaster(world: &mut World) -> Result<Struck> {
    world.servers.postgres.kill_postmaster().await?;
    world.servers.postgres.start().await?;
    drained(world, Fault::KillPostgres, 1).await
}

/// Postgres ends all other backends too, and recovers.
pub(super) async fn backend(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let mark = backend_of_ticketing(world, cycle).await?;
    mark.signal(Signal::KILL);
    drained(world, Fault::KillBackend, 1).await
}

/// A backend that serves `ticketing`, as the plan has chosen.
///
/// # Errors
/// If there is none.
pub(super) async fn backend_of_ticketing(world: &World, cycle: &Cycle) -> Result<Mark> {
    let rows = world.sql().await?.query(BACKENDS, &[]).await?;
    let mut pids: Vec<i32> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let pid = *chosen(&mut pids, cycle)?;
    Mark::of(pid).with_context(|| format!("the backend {pid} ended before it was broken"))
}
