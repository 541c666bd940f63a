//! What must hold after everything that broke. Each checker is a pure function over what was found;
//! its tests show a sound history that it passes and a broken one that it does not.
//!
//! [`sample`] has the sound history. Not here: collecting ([`super::findings`]), and showing on a
//! running system that each turns red ([`super::controls`]).

mod answers;
mod durable;
mod liveness;
mod never_backwards;
mod once;
mod one_holder;
#[cfg(test)]
mod sample;
mod total_queue;

use super::findings::Findings;

/// A checker. It answers what it found wrong, each in a sentence.
#[derive(Clone, Copy, Debug)]
pub struct Checker {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub check: fn(&Findings) -> Vec<String>,
}

/// Checkers of what was found when the system had settled.
pub const CHECKERS: [Checker; 7] = [
    Checker { name: "acknowledged is durable", check: durable::check },
    Checker { name: "effect once", check: once::check },
    Checker { name: "total queue", check: total_queue::check },
    Checker { name: "one holder", check: one_holder::check },
    Checker { name: "liveness", check: liveness::check },
    Checker { name: "never backwards", check: never_backwards::check },
    Checker { name: "honest answers", check: answers::check },
];

/// What a checker found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Which one.
    pub checker: &'static str,
    /// What is wrong; nothing if all is well.
    pub violations: Vec<String>,
}

/// Runs all of them.
pub fn check(findings: &Findings) -> Vec<Verdict> {
    let run = |one: &Checker| Verdict { checker: one.name, violations: (one.check)(findings) };
    CHECKERS.iter().map(run).collect()
}
