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

/// A checker of `On`. It answers what it found wrong, each in a sentence.
#[derive(Clone, Copy, Debug)]
pub struct Checker<On> {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub check: fn(&On) -> Vec<String>,
}

/// Checkers of what was found when the system had settled.
pub const CHECKERS: [Checker<Findings>; 8] = [
    Checker {
        name: "acknowledged is durable",
        check: |found| {
            let (market, venues) = (sales::durable(found), seats::durable(found));
            [durable::check(found), market, venues, outings::durable(found)].concat()
        },
    },
    Checker {
        name: "effect once",
        check: |found| {
            let (market, venues) = (sales::once(found), seats::once(found));
            let told = outings::told(found);
            [once::check(found), market, venues, outings::once(found), told].concat()
        },
    },
    Checker { name: "total queue", check: total_queue::check },
    Checker {
        name: "one holder",
        check: |found| {
            let (market, venues) = (sales::one_holder(found), seats::one_holder(found));
            let (places, time) = (outings::places(found), outings::one_place(found));
            [one_holder::check(found), market, venues, places, time].concat()
        },
    },
    Checker { name: "money", check: |found| [sales::money(found), seats::money(found)].concat() },
    Checker {
        name: "liveness",
        check: |found| {
            let (market, venues) = (sales::liveness(found), seats::liveness(found));
            [liveness::check(found), market, venues, outings::liveness(found)].concat()
        },
    },
    Checker { name: "never backwards", check: never_backwards::check },
    Checker { name: "honest answers", check: answers::check },
];

/// Checkers of what was found when a run was over.
pub const AUDITORS: [Checker<Audit>; 3] = [
    Checker { name: "replay equals live", check: replay::check },
    Checker { name: "no residue", check: residue::check },
    Checker { name: "no secrets", check: no_secrets::check },
];

/// What a checker found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Which one.
    pub checker: &'static str,
    /// What is wrong; nothing if all is well.
    pub violations: Vec<String>,
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

fn run<On>(checkers: &[Checker<On>], on: &On) -> Vec<Verdict> {
    let run = |one: &Checker<On>| Verdict { checker: one.name, violations: (one.check)(on) };
    checkers.iter().map(run).collect()
}
