//! What must hold after everything that broke. Each checker is a pure function over what was found;
//! its tests show a sound history that it passes and a broken one that it does not.
//!
//! `sales.rs` has those of the market, `seats` those of the venues, `outings` those of the outings
//! and of their notices, `sample.rs` the sound history.
//! Not here: collecting ([`super::findings`]), and showing on a running system that each turns red
//! ([`super::controls`]).

mod answers;
mod durable;
mod keys;
mod liveness;
mod never_backwards;
mod no_secrets;
mod once;
mod one_holder;
mod outings;
mod replay;
mod residue;
mod sales;
#[cfg(test)]
mod sample;
mod seats;
mod total_queue;

use super::audit::Audit;
use super::findings::Findings;

/// A part of a checker: its name, and what it does. It answers what it found wrong, each in a
/// sentence.
pub type Part<On> = (&'static str, fn(&On) -> Vec<String>);

/// A checker of `On`.
#[derive(Clone, Copy, Debug)]
pub struct Checker<On: 'static> {
    /// Its name.
    pub name: &'static str,
    /// What it does, told apart by what it looks at.
    pub parts: &'static [Part<On>],
}

/// Checkers of what was found when the system had settled.
pub const CHECKERS: [Checker<Findings>; 8] = [
    Checker {
        name: "acknowledged is durable",
        parts: &[
            ("links", durable::check),
            ("market", sales::durable),
            ("seats", seats::durable),
            ("outings", outings::durable),
        ],
    },
    Checker {
        name: "effect once",
        parts: &[
            ("links", once::check),
            ("market", sales::once),
            ("seats", seats::once),
            ("outings", outings::once),
            ("notices", outings::told),
        ],
    },
    Checker { name: "total queue", parts: &[("queues", total_queue::check)] },
    Checker {
        name: "one holder",
        parts: &[
            ("links", one_holder::check),
            ("market", sales::one_holder),
            ("seats", seats::one_holder),
            ("places", outings::places),
            ("time", outings::one_place),
        ],
    },
    Checker { name: "money", parts: &[("market", sales::money), ("seats", seats::money)] },
    Checker {
        name: "liveness",
        parts: &[
            ("links", liveness::check),
            ("market", sales::liveness),
            ("seats", seats::liveness),
            ("outings", outings::liveness),
        ],
    },
    Checker { name: "never backwards", parts: &[("links", never_backwards::check)] },
    Checker { name: "honest answers", parts: &[("calls", answers::check)] },
];

/// Checkers of what was found when a run was over.
pub const AUDITORS: [Checker<Audit>; 3] = [
    Checker { name: "replay equals live", parts: &[("read tables", replay::check)] },
    Checker { name: "no residue", parts: &[("processes", residue::check)] },
    Checker { name: "no secrets", parts: &[("canaries", no_secrets::check)] },
];

/// What a part of a checker found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Which checker.
    pub checker: &'static str,
    /// Which part of it.
    pub part: &'static str,
    /// What is wrong; nothing if all is well.
    pub violations: Vec<String>,
}

impl Verdict {
    /// What is wrong, each with who says so.
    pub fn complaints(&self) -> impl Iterator<Item = String> {
        self.violations.iter().map(move |text| format!("{}, {}: {text}", self.checker, self.part))
    }
}

/// Runs all that look at findings.
pub fn check(findings: &Findings) -> Vec<Verdict> {
    run(&CHECKERS, findings)
}

/// Runs all that look at an audit.
pub fn audit(audit: &Audit) -> Vec<Verdict> {
    run(&AUDITORS, audit)
}

/// How many orders were paid after they had ended: those that got their ticket back, and those
/// whose money went back.
pub fn paid_late(findings: &Findings) -> (usize, usize) {
    sales::paid_late(findings)
}

/// What is left over, as the checker of residue sees it.
pub fn residue(audit: &Audit) -> Vec<String> {
    residue::check(audit)
}

fn run<On: 'static>(checkers: &[Checker<On>], on: &On) -> Vec<Verdict> {
    let of = |one: &Checker<On>| {
        let checker = one.name;
        let parts = one.parts.iter();
        parts.map(move |&(part, check)| Verdict { checker, part, violations: check(on) })
    };
    checkers.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_is_wrong_says_which_part_of_which_checker_says_so() {
        let mut found = sample::sound();
        found.events.push(found.events[3].clone());
        let verdicts = check(&found);
        let complaints: Vec<String> = verdicts.iter().flat_map(Verdict::complaints).collect();
        let begins = |with: &str| complaints.iter().any(|text| text.starts_with(with));
        assert!(begins("one holder, links: the link of "), "{complaints:?}");
        assert!(!begins("one holder, seats: "), "{complaints:?}");
    }

    #[test]
    fn the_parts_of_a_checker_have_names_of_their_own() {
        for Checker { name, parts } in CHECKERS {
            let names: BTreeSet<&str> = parts.iter().map(|(name, _)| *name).collect();
            assert_eq!(names.len(), parts.len(), "{name}");
        }
    }
}
