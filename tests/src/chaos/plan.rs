//! The plan of a run: which faults in which order, and for each time the moment, the target and how
//! long. It follows from the seed alone, so a seed that failed fails again in the same way.

use std::time::Duration;

use super::dice::Dice;
use super::fault::{Fault, Profile};

/// How long the system works undisturbed before a fault begins: some links are issued meanwhile.
/// Never shorter: RabbitMQ 3.10 forgets a quorum queue that was declared less than half a second
/// before a power failure.
const QUIET: std::ops::Range<Duration> = Duration::from_millis(800)..Duration::from_millis(2_500);

const FIFTH: usize = 5;

/// One fault, once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cycle {
    /// How long after the last one was over.
    pub after: Duration,
    /// Which of several it hits: the fault takes the remainder by how many there are.
    pub choice: u64,
    /// How long it lasts.
    pub lasting: Duration,
    /// How much of it there is.
    pub amount: usize,
    /// How many events of each log are sent again, the last ones.
    pub history: i64,
}

/// One fault with all its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// What breaks.
    pub fault: Fault,
    /// Each time.
    pub cycles: Vec<Cycle>,
}

impl Trial {
    /// Its first fifth and the rest, where it is long enough to tell what a fault leaves each time
    /// from what it leaves once.
    pub fn split(&self, profile: Profile) -> (Self, Option<Self>) {
        let (first, rest) = self.cycles.split_at(self.cycles.len() / FIFTH);
        if profile == Profile::Short || first.is_empty() {
            return (self.clone(), None);
        }
        let part = |cycles: &[Cycle]| Self { fault: self.fault, cycles: cycles.to_vec() };
        (part(first), Some(part(rest)))
    }
}

/// Derives the plan for these faults. `cycles` overrides how often each happens.
pub fn plan(seed: u64, faults: &[Fault], profile: Profile, cycles: Option<u32>) -> Vec<Trial> {
    let mut order = faults.to_vec();
    Dice::of(seed, "order").shuffle(&mut order);
    let trial = |fault: Fault| {
        let mut dice = Dice::of(seed, &fault.name());
        let times = cycles.unwrap_or_else(|| fault.cycles(profile));
        let mut first = None;
        let cycle = |number: u32| {
            let (after, any) = (dice.between(QUIET), dice.roll());
            // So small that none of those after it is beyond the last number.
            let next = *first.get_or_insert(any >> u32::BITS) + u64::from(number);
            Cycle {
                after,
                choice: if fault.goes_round() { next } else { any },
                lasting: fault.lasting(profile),
                amount: fault.amount(profile),
                history: fault.history(profile),
            }
        };
        Trial { fault, cycles: (0..times).map(cycle).collect() }
    };
    order.into_iter().map(trial).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn the_seed_alone_decides() {
        let of = |seed| plan(seed, Fault::value_variants(), Profile::Full, None);
        assert_eq!(of(11), of(11));
        assert_ne!(of(11), of(12));
    }

    #[test]
    fn a_fault_alone_happens_as_it_does_among_others() {
        let all = plan(5, Fault::value_variants(), Profile::Short, None);
        let alone = plan(5, &[Fault::KillRules], Profile::Short, None);
        let among = all.iter().find(|trial| trial.fault == Fault::KillRules);
        assert_eq!(among, alone.first());
    }

    #[test]
    fn a_trial_in_two_parts_is_still_the_whole_of_it() {
        for trial in plan(5, Fault::value_variants(), Profile::Full, None) {
            let (first, rest) = trial.split(Profile::Full);
            let rest = rest.map(|rest| rest.cycles).unwrap_or_default();
            assert_eq!([first.cycles, rest].concat(), trial.cycles);
        }
    }

    #[test]
    fn no_fault_is_planned_for_no_time() {
        for profile in [Profile::Short, Profile::Full] {
            let plan = plan(1, Fault::value_variants(), profile, None);
            assert_eq!(plan.len(), Fault::value_variants().len());
            assert!(plan.iter().all(|trial| !trial.cycles.is_empty()));
        }
    }
}
