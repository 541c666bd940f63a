//! Effect once: sequences of a stream and positions of the log are 1..n, ids are unique, a key has
//! one result, a request has each thing happen to it once, and each event is applied once.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::chaos::findings::{Event, Findings};
use crate::chaos::journal::Action;

pub(super) fn check(findings: &Findings) -> Vec<String> {
    let mut wrong = Vec::new();
    for (expected, event) in (1..).zip(&findings.events) {
        if event.position != expected {
            wrong.push(format!("where position {expected} should be is {}", event.position));
            break;
        }
    }
    let ids: HashSet<Uuid> = findings.events.iter().map(|event| event.id).collect();
    if ids.len() != findings.events.len() {
        wrong.push(format!("{} events have only {} ids", findings.events.len(), ids.len()));
    }
    let mut streams: HashMap<Uuid, Vec<&Event>> = HashMap::new();
    for event in &findings.events {
        streams.entry(event.request).or_default().push(event);
    }
    for (id, events) in &streams {
        of_stream(*id, events, &mut wrong);
    }
    of_keys(findings, &mut wrong);
    for row in &findings.status {
        let last = streams.get(&row.stream).map_or(0, |events| events.len() as i64);
        if row.sequence != last {
            let (id, applied) = (row.stream, row.sequence);
            wrong.push(format!("{id} has {last} events, of which the read table has {applied}"));
        }
    }
    if findings.status.len() != streams.len() {
        let rows = findings.status.len();
        wrong.push(format!("{} requests have {rows} rows in the read table", streams.len()));
    }
    wrong
}

fn of_stream(id: Uuid, events: &[&Event], wrong: &mut Vec<String>) {
    let sequences: Vec<i64> = events.iter().map(|event| event.sequence).collect();
    if !(1..).zip(&sequences).all(|(expected, sequence)| expected == *sequence) {
        wrong.push(format!("the sequences of {id} are {sequences:?}"));
    }
    let kinds: HashSet<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    if kinds.len() != events.len() {
        let all: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
        wrong.push(format!("something happened twice to {id}: {all:?}"));
    }
}

/// One key, one request; and as many requests as keys.
fn of_keys(findings: &Findings, wrong: &mut Vec<String>) {
    let mut made: HashMap<Uuid, HashSet<Uuid>> = HashMap::new();
    for call in findings.calls.iter().filter(|call| call.action == Action::Request) {
        if let (Some(key), Some(id)) = (call.key, call.reply().and_then(|reply| reply.made)) {
            made.entry(key).or_default().insert(id);
        }
    }
    for (key, ids) in &made {
        if ids.len() > 1 {
            wrong.push(format!("the key {key} has made {} requests", ids.len()));
        }
    }
    let requests = findings.events.iter().filter(|event| event.kind == "Requested").count();
    if requests != made.len() {
        wrong.push(format!("{} keys have made {requests} requests", made.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::checkers::sample::{call, made, sound};
    use crate::chaos::findings::StatusRow;

    #[test]
    fn a_sound_history_passes() {
        assert_eq!(check(&sound()), Vec::<String>::new());
    }

    #[test]
    fn holes_and_repeats_are_found() {
        let mut hole = sound();
        hole.events.remove(1);
        assert!(check(&hole).len() >= 2);
        let mut twice = sound();
        let mut again = twice.events[3].clone();
        (again.position, again.sequence, again.id) = (5, 5, Uuid::from_u128(7));
        twice.events.push(again);
        twice.status[0].sequence = 5;
        assert_eq!(check(&twice).len(), 1);
        let mut one_id = sound();
        one_id.events[1].id = one_id.events[0].id;
        assert_eq!(check(&one_id).len(), 1);
    }

    #[test]
    fn a_key_with_two_results_is_found() {
        let mut findings = sound();
        findings.calls.push(call(9, Action::Request, Some(1), made(Uuid::from_u128(5))));
        assert_eq!(check(&findings).len(), 1);
    }

    #[test]
    fn what_the_projection_left_out_or_made_up_is_found() {
        let mut behind = sound();
        behind.status[0].sequence = 3;
        assert_eq!(check(&behind).len(), 1);
        let mut missing = sound();
        missing.status.clear();
        assert_eq!(check(&missing).len(), 1);
        let mut invented = sound();
        invented.status.push(StatusRow { stream: Uuid::nil(), sequence: 1 });
        assert_eq!(check(&invented).len(), 2);
    }
}
