//! Liveness: once the faults are over every request has its verdict and its link, and every call
//! its outcome.

use std::collections::HashSet;

use uuid::Uuid;

use crate::chaos::findings::Findings;
use crate::chaos::journal::{Action, Outcome};

pub(super) fn check(findings: &Findings) -> Vec<String> {
    let with = |kind: &str| -> HashSet<Uuid> {
        let of_kind = findings.events.iter().filter(|event| event.kind == kind);
        of_kind.map(|event| event.request).collect()
    };
    let (requested, judged, issued) =
        (with("Requested"), with("RuleEvaluated"), with("LinkIssued"));
    let mut wrong = Vec::new();
    for id in requested.difference(&judged) {
        wrong.push(format!("{id} has no verdict"));
    }
    for id in judged.difference(&issued) {
        wrong.push(format!("{id} has a verdict and no link"));
    }
    for call in findings.calls.iter().filter(|call| call.outcome.is_none()) {
        wrong.push(format!("call {}, a {:?}, never ended", call.number, call.action));
    }
    // A key is tried until its outcome is known.
    let commands = || findings.calls.iter().filter(|call| call.action != Action::Check);
    let decided: HashSet<Uuid> = commands()
        .filter(|call| call.reply().is_some_and(|reply| reply.is_definite()))
        .filter_map(|call| call.key)
        .collect();
    let undecided: HashSet<Uuid> = commands()
        .filter(|call| !matches!(&call.outcome, Some(Outcome::Answered(r)) if r.is_definite()))
        .filter_map(|call| call.key)
        .filter(|key| !decided.contains(key))
        .collect();
    wrong.extend(undecided.iter().map(|key| format!("what became of the key {key} is unknown")));
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::checkers::sample::{call, refused, sound};

    #[test]
    fn a_finished_history_passes() {
        assert_eq!(check(&sound()), Vec::<String>::new());
    }

    #[test]
    fn a_request_that_is_stuck_is_found() {
        for lost in ["RuleEvaluated", "LinkIssued"] {
            let mut findings = sound();
            findings.events.retain(|event| event.kind != lost);
            assert_eq!(check(&findings).len(), 1, "{lost}");
        }
    }

    #[test]
    fn an_outcome_that_nobody_knows_is_found() {
        let mut findings = sound();
        findings.calls.push(call(9, Action::Buy, Some(9), refused(503, "unavailable")));
        assert_eq!(check(&findings).len(), 1);
        findings.calls.last_mut().expect("there").outcome = None;
        assert_eq!(check(&findings).len(), 2);
    }
}
