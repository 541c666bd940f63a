//! How each fault is brought about. One function a fault: it breaks something once, mends it, and
//! tells whether it has really happened and how long what is promised took.

mod absent;
mod clients;
mod flash_sale;
mod frozen;
mod killed;
mod lock;
mod messages;
mod network;
mod orders;
mod poison;
mod queues;
mod restored;

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

use super::fault::Fault;
use super::plan::Cycle;
use super::world::World;
use super::world::settle::caught_up;

pub(super) use frozen::Frozen;

/// How often it is looked whether something has happened.
const LOOK: Duration = Duration::from_millis(20);

/// What a fault did, once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Struck {
    /// How often it really happened: never is a failure of the run.
    pub fired: u64,
    /// How long the promise of [`Fault::target`] took.
    pub took: Duration,
    /// Promises of its own that it saw broken.
    pub broken: Vec<String>,
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
        Fault::FreezeBackend => frozen::backend(world, cycle).await,
        Fault::LoseCommitReplies => network::commit_replies(world, cycle).await,
        Fault::LoseConfirms => network::confirms(world).await,
        Fault::LoseAcks => network::acks(world).await,
        Fault::CutMidFrame => network::mid_frame(world).await,
        Fault::Silence => network::silence(world, cycle).await,
        Fault::MemoryAlarm => queues::memory_alarm(world, cycle).await,
        Fault::DeleteQueue => queues::deleted(world, cycle).await,
        Fault::UnbindQueue => queues::unbound(world, cycle).await,
        Fault::RepeatMessages => messages::repeated(world, cycle).await,
        Fault::ReplayHistory => messages::replayed(world, cycle).await,
        Fault::Poison => poison::given(world).await,
        Fault::CrashLoop => messages::taken_and_dropped(world).await,
        Fault::HeldAppend => lock::held(world, cycle).await,
        Fault::RulesAbsent => absent::rules(world, cycle).await,
        Fault::RestoreDump => restored::old_dump(world, cycle).await,
        Fault::AbsentAtStart => absent::servers(world, cycle).await,
        Fault::ClientsLeave => clients::leave(world, cycle).await,
        Fault::ParallelUses => clients::rivals(world, cycle).await,
        Fault::LoginsAtOnce => clients::logins(world, cycle).await,
        Fault::OrdersAtOnce => orders::at_once(world, cycle).await,
        Fault::FlashSale => flash_sale::rush(world, cycle).await,
    }
}

/// It happened so often; how long it takes now until all that is in the history has had its
/// consequences.
async fn drained(world: &World, fault: Fault, fired: usize) -> Result<Struck> {
    // Twice the promise: what is slow is measured, what hangs ends the run.
    let took = caught_up(world, fault.target().within * 2).await?;
    Ok(Struck { fired: u64::try_from(fired)?, took, ..Struck::default() })
}

/// Waits until `is_so`; answers whether it came about within `limit`.
async fn comes_about<Answer: Future<Output = bool>>(
    limit: Duration,
    is_so: impl Fn() -> Answer,
) -> bool {
    let begun = Instant::now();
    while !is_so().await {
        if begun.elapsed() > limit {
            return false;
        }
        sleep(LOOK).await;
    }
    true
}

/// Waits until `count` is at least `wanted`.
///
/// # Errors
/// If it is not after `limit`.
async fn reaches(
    what: &str,
    limit: Duration,
    wanted: usize,
    count: impl Fn() -> usize,
) -> Result<()> {
    if comes_about(limit, async || count() >= wanted).await {
        return Ok(());
    }
    bail!("after {} s {what}: {} of {wanted}", limit.as_secs(), count())
}
