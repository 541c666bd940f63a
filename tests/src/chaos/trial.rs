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
#[derive(Clone, Debug, PartialEq)]
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
        let target = self.fault.target();
        if let Some(worst) = self.took.iter().max().filter(|took| **took > target.within) {
            let (worst, within) = (worst.as_secs_f64(), target.within.as_secs_f64());
            failures.push(format!("{} after {worst:.1} s instead of {within:.1} s", target.what));
        }
        failures.extend(self.broken.iter().cloned());
        failures.extend(self.verdicts.iter().flat_map(Verdict::complaints));
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
        if struck.fired == 0 {
            outcome.broken.push(format!("planned for time {} and never happened", number + 1));
        }
        outcome.fired += struck.fired;
        outcome.took.push(struck.took);
        outcome.broken.extend(struck.broken);
        if (number + 1) % TOLD_EVERY == 0 {
            say_progress(&format!("  {name}: {} of {}", number + 1, trial.cycles.len()));
        }
    }
    world.rest().await?;
    settle::settled(world).await?;
    let found = findings::collect(world).await?;
    outcome.calls = found.calls.len() - before;
    outcome.verdicts = checkers::check(&found);
    let (completed, refunded) = checkers::paid_late(&found);
    world
        .api
        .journal
        .remark(&format!("paid late so far: {completed} sold, {refunded} refunded"))?;
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(violations: &[&str]) -> Verdict {
        let violations = violations.iter().map(|&text| text.to_owned()).collect();
        Verdict { checker: "liveness", part: "links", violations }
    }

    fn outcome() -> Outcome {
        Outcome {
            fault: Fault::KillRules,
            planned: 1,
            fired: 1,
            took: vec![Duration::from_secs(1)],
            broken: Vec::new(),
            calls: 1,
            verdicts: vec![verdict(&[])],
        }
    }

    #[test]
    fn what_was_survived_in_time_is_no_failure() {
        assert_eq!(outcome().failures(), Vec::<String>::new());
    }

    #[test]
    fn too_slow_a_broken_promise_and_a_red_checker_are_failures() {
        let slow = Outcome { took: vec![Duration::from_secs(4)], ..outcome() };
        let broken = Outcome { broken: vec!["never happened".to_owned()], ..outcome() };
        let red = Outcome { verdicts: vec![verdict(&["no verdict"])], ..outcome() };
        for bad in [&slow, &broken, &red] {
            assert_eq!(bad.failures().len(), 1, "{bad:?}");
        }
        let mut both = outcome();
        both.add(slow);
        assert_eq!((both.planned, both.failures().len()), (2, 1));
    }
}
