//! Acknowledged is durable: every command that was answered 2xx has its events, and every event
//! that a client causes has a command that was attempted.

use std::collections::HashSet;

use uuid::Uuid;

use crate::chaos::findings::Findings;
use crate::chaos::journal::Action;

pub(super) fn check(findings: &Findings) -> Vec<String> {
    let requested = streams_with(findings, "Requested");
    let bought = streams_with(findings, "TicketBought");
    let mut wrong = Vec::new();
    for call in &findings.calls {
        if let (Action::Request, Some(id)) = (call.action, call.reply().and_then(|r| r.made))
            && !requested.contains(&id)
        {
            wrong.push(format!("the request {id} was acknowledged and is not in the history"));
        }
        if let (Action::Buy, true, Some(id)) = (call.action, call.was_answered(200), call.about)
            && !bought.contains(&id)
        {
            wrong.push(format!("a use of {id} was acknowledged and is not in the history"));
        }
    }
    let told: HashSet<Uuid> =
        findings.calls.iter().filter_map(|call| call.reply().and_then(|r| r.made)).collect();
    for id in requested.difference(&told) {
        wrong.push(format!("nobody was told of the request {id}"));
    }
    let used: HashSet<Uuid> = findings
        .calls
        .iter()
        .filter(|call| call.action == Action::Buy)
        .filter_map(|call| call.about)
        .collect();
    for id in bought.difference(&used) {
        wrong.push(format!("{id} was used by nobody"));
    }
    let registered = findings
        .calls
        .iter()
        .filter(|call| call.action == Action::Register && call.was_answered(201))
        .filter_map(|call| call.key)
        .collect::<HashSet<_>>()
        .len();
    if registered != findings.accounts {
        let there = findings.accounts;
        wrong.push(format!("{registered} registrations were acknowledged, {there} accounts exist"));
    }
    wrong
}

fn streams_with(findings: &Findings, kind: &str) -> HashSet<Uuid> {
    let of_kind = findings.events.iter().filter(|event| event.kind == kind);
    of_kind.map(|event| event.request).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::checkers::sample::{REQUEST, call, made, sound};

    #[test]
    fn a_sound_history_passes() {
        assert_eq!(check(&sound()), Vec::<String>::new());
    }

    #[test]
    fn an_acknowledged_command_without_its_event_is_found() {
        for lost in ["Requested", "TicketBought"] {
            let mut findings = sound();
            findings.events.retain(|event| event.kind != lost);
            assert!(!check(&findings).is_empty(), "{lost}");
        }
        let mut findings = sound();
        let other = Uuid::from_u128(5);
        findings.calls.push(call(9, Action::Request, Some(9), made(other)));
        assert_eq!(check(&findings).len(), 1);
    }

    #[test]
    fn an_event_that_nobody_caused_is_found() {
        for silent in [Action::Request, Action::Buy] {
            let mut findings = sound();
            findings.calls.retain(|call| call.action != silent);
            assert_eq!(check(&findings).len(), 1, "{silent:?} of {REQUEST}");
        }
        let findings = Findings { accounts: 1, ..sound() };
        assert_eq!(check(&findings).len(), 1);
    }
}
