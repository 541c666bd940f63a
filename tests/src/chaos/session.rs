//! A run: servers and services of their own are warmed up, each trial of the plan is performed, and
//! at the end everything is audited.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use shared_events::topology::{LINKS_EVENTS, MARKET_EVENTS, OUTINGS_EVENTS, VENUES_EVENTS};
use tokio::time::sleep;

use super::audit;
use super::checkers::{self, Verdict};
use super::fault::{Fault, Profile};
use super::plan::{Cycle, Trial};
use super::trial::{self, Outcome};
use super::world::World;
use super::world::tap::{Tap, each_passed};
use super::{faults, say_progress};
use crate::servers::Servers;

/// The database and the virtual host of a run.
const PLACE: &str = "chaos";
/// How often that is done.
const ROUNDS: usize = 2;

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    /// Each trial, in the order of the plan.
    pub outcomes: Vec<Outcome>,
    /// What the auditors found at the end.
    pub audit: Vec<Verdict>,
}

impl Run {
    /// Everything that makes it a failure; nothing if it is none.
    pub fn failures(&self) -> Vec<String> {
        let of_faults = self.outcomes.iter().flat_map(|outcome| {
            let name = outcome.fault.name();
            outcome.failures().into_iter().map(move |text| format!("{name}: {text}"))
        });
        of_faults.chain(complaints(&self.audit)).collect()
    }
}

/// What these verdicts complain of.
pub fn complaints(verdicts: &[Verdict]) -> Vec<String> {
    verdicts.iter().flat_map(Verdict::complaints).collect()
}

/// Performs a plan. The journal is written to `journal`; `tell` hears of each trial when it is
/// over.
///
/// # Errors
/// If something does not start, a fault can not be brought about, or the system does not recover.
pub async fn perform(
    plan: &[Trial],
    profile: Profile,
    seed: u64,
    journal: &Path,
    tell: impl Fn(&Outcome),
) -> Result<Run> {
    say_progress("Starting servers and services of their own …");
    let mut world = World::on(Servers::throwaway().await?, PLACE, journal, &[]).await?;
    let run = broken(&mut world, plan, profile, seed, tell).await;
    if run.as_ref().map_or(true, |run| !run.failures().is_empty()) {
        // They go with the world; whoever looks for the cause needs them.
        world.keep_logs(&journal.with_extension("logs"))?;
    }
    world.close().await?.discard().await?;
    run
}

async fn broken(
    world: &mut World,
    plan: &[Trial],
    profile: Profile,
    seed: u64,
    tell: impl Fn(&Outcome),
) -> Result<Run> {
    world.open().await?;
    let messages = warm_up(world, profile, seed).await.context("the warm-up")?;
    let mut before = audit::warmed_up(world).await?;
    let mut outcomes = Vec::with_capacity(plan.len());
    for trial in plan {
        let (first, rest) = trial.split(profile);
        let mut outcome = trial::perform(world, &first, seed).await?;
        if let Some(rest) = rest {
            // What a fault leaves once is not what it leaves each time.
            before = audit::warmed_up(world).await?;
            outcome.add(trial::perform(world, &rest, seed.wrapping_add(1)).await?);
        }
        tell(&outcome);
        outcomes.push(outcome);
    }
    let found = audit::collect(world, &before, &messages).await.context("the audit")?;
    Ok(Run { outcomes, audit: checkers::audit(&found) })
}

/// Fills pools, caches and the allocator's stock as a busy hour would, a crowd and messages of 10
/// MB among it; answers the messages that have passed meanwhile.
async fn warm_up(world: &mut World, profile: Profile, seed: u64) -> Result<String> {
    let exchanges = [LINKS_EVENTS, MARKET_EVENTS, VENUES_EVENTS, OUTINGS_EVENTS];
    let tap = Tap::open(world, &exchanges).await?;
    let lasting = match profile {
        Profile::Short => Duration::from_secs(3),
        Profile::Full => Duration::from_secs(10),
    };
    for round in 0..ROUNDS {
        world.work(seed.wrapping_add(round as u64));
        sleep(lasting / 2).await;
        for crowd in [Fault::ParallelUses, Fault::Poison] {
            let cycle = Cycle { amount: crowd.amount(profile), ..Cycle::default() };
            faults::strike(crowd, world, &cycle).await?;
        }
        world.rest().await?;
    }
    let messages = tap.close().await?;
    each_passed(&exchanges, &messages)?;
    Ok(audit::as_text(&messages))
}
