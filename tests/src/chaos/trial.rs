//! One fault with all its times: the workload runs, the fault strikes as planned, the workload
//! ends, the system settles, and every checker looks at what is there.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::sleep;

use super::checkers::{self, Verdict};
use super::fault::Fault;
use super::findings;
use super::plan::Trial;
use super::world::World;
use super::world::settle;
use super::{faults, say_progress};

/// How often a fault's name is told while it goes on.
const TOLD_EVERY: usize = 10;

/// What became of a trial.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What broke.
    pub fault: Fault,
    /// How often it was planned.
    pub planned: usize,
    /// How often it happened.
    pub fired: u64,
    /// How long its promise took, each time.
    pub took: Vec<Duration>,
    /// Promises of the fault's own that were broken.
    pub broken: Vec<String>,
    /// How many calls the workload has made meanwhile.
    pub calls: usize,
    /// What the checkers found.
    pub verdicts: Vec<Verdict>,
}

impl Outcome {
    /// Takes in what came of a later part of the same trial.
    pub fn add(&mut self, later: Self) {
        self.planned += later.planned;
        self.fired += later.fired;
        self.calls += later.calls;
        self.took.extend(later.took);
        self.broken.extend(later.broken);
        self.verdicts.extend(later.verdicts);
    }

    /// Everything that makes it a failure, in sentences; nothing if it is none.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        if self.fired == 0 || self.took.len() < self.planned {
            failures.push(format!("planned {} times, happened {}", self.planned, self.fired));
        }
        let target = self.fault.target();
        if let Some(worst) = self.took.iter().max().filter(|took| **took > target.within) {
            let (worst, within) = (worst.as_secs_f64(), target.within.as_secs());
            failures.push(format!("{} after {worst:.1} s instead of {within} s", target.what));
        }
        failures.extend(self.broken.iter().cloned());
        for verdict in &self.verdicts {
            let told = verdict.violations.iter();
            failures.extend(told.map(|text| format!("{}: {text}", verdict.checker)));
        }
        failures
    }
}

/// Performs a trial on a running system.
///
/// # Errors
/// If the fault can not be brought about, the system does not recover, or a client never learns an
/// outcome.
pub async fn perform(world: &mut World, trial: &Trial, seed: u64) -> Result<Outcome> {
    let name = trial.fault.name();
    world.api.journal.remark(&format!("{name} begins"))?;
    let before = world.api.journal.calls().len();
    world.work(seed);
    let mut outcome = Outcome {
        fault: trial.fault,
        planned: trial.cycles.len(),
        fired: 0,
        took: Vec::with_capacity(trial.cycles.len()),
        broken: Vec::new(),
        calls: 0,
        verdicts: Vec::new(),
    };
    for (number, cycle) in trial.cycles.iter().enumerate() {
        sleep(cycle.after).await;
        world.api.journal.remark(&format!("{name} strikes"))?;
        let struck = faults::strike(trial.fault, world, cycle).await;
        let struck = struck.with_context(|| format!("{name}, time {}", number + 1))?;
        world.api.journal.remark(&format!("{name} is over"))?;
        outcome.fired += struck.fired;
        outcome.took.push(struck.took);
        outcome.broken.extend(struck.broken);
        if (number + 1) % TOLD_EVERY == 0 {
            say_progress(&format!("  {name}: {} of {}", number + 1, trial.cycles.len()));
        }
    }
    world.rest().await?;
    settle::caught_up(world, settle::SETTLED_WITHIN).await?;
    let found = findings::collect(world).await?;
    outcome.calls = found.calls.len() - before;
    outcome.verdicts = checkers::check(&found);
    Ok(outcome)
}
