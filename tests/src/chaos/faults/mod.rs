//! How each fault is brought about. One function a fault: it breaks something once, mends it, and
//! tells whether it has really happened and how long what is promised took.

mod frozen;
mod killed;

use std::time::Duration;

use anyhow::Result;

use super::fault::Fault;
use super::plan::Cycle;
use super::world::World;

/// What a fault did, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Struck {
    /// How often it really happened: never is a failure of the run.
    pub fired: u64,
    /// How long the promise of [`Fault::target`] took.
    pub took: Duration,
}

impl Struck {
    /// It happened once.
    fn once(took: Duration) -> Self {
        Self { fired: 1, took }
    }
}

/// Breaks something once and mends it.
///
/// # Errors
/// If it can not be broken, or is not whole again in time.
pub async fn strike(fault: Fault, world: &mut World, cycle: &Cycle) -> Result<Struck> {
    match fault {
        Fault::KillTicketing => killed::ticketing(world, cycle).await,
        Fault::KillRules => killed::rules(world, cycle).await,
        Fault::KillRabbitmq => killed::rabbitmq(world).await,
        Fault::KillPostgres => killed::postmaster(world).await,
        Fault::KillBackend => killed::backend(world, cycle).await,
        Fault::FreezeTicketing => frozen::ticketing(world, cycle).await,
        Fault::FreezeRules => frozen::rules(world, cycle).await,
        Fault::FreezeRabbitmq => frozen::rabbitmq(world, cycle).await,
        Fault::FreezePostgres => frozen::postgres(world, cycle).await,
    }
}
