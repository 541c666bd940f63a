//! Effect once: positions and sequences have neither holes nor repeats, a hold has a seat once, a
//! key has one result, and the read tables have applied each event.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::kinds;
use crate::chaos::checkers::keys;
use crate::chaos::findings::Findings;
use crate::chaos::journal::Action;

/// Aggregates with a row of their own in a read table.
const WITH_ROWS: [&str; 6] = ["seat", "wallet", "purchase", "fixture", "stadium", "tariff"];
/// What clients ask for here.
const ACTIONS: [Action; 5] =
    [Action::Prepare, Action::Reserve, Action::GiveUp, Action::Purchase, Action::Refund];

pub(in super::super) fn once(findings: &Findings) -> Vec<String> {
    let mut wrong = Vec::new();
    for (expected, event) in (1..).zip(&findings.venues_events) {
        if event.position != expected {
            wrong.push(format!("where position {expected} should be is {}", event.position));
            break;
        }
    }
    let mut sequences: HashMap<(&str, Uuid), Vec<i64>> = HashMap::new();
    for event in &findings.venues_events {
        let stream = (event.aggregate.as_str(), event.stream);
        sequences.entry(stream).or_default().push(event.sequence);
    }
    for ((aggregate, id), sequences) in &sequences {
        if !(1..).zip(sequences).all(|(expected, sequence)| expected == *sequence) {
            wrong.push(format!("the sequences of the {aggregate} {id} are {sequences:?}"));
        }
    }
    let mut held = HashSet::new();
    for event in kinds(findings, "seat", "Held") {
        if !held.insert((event.stream, event.hold)) {
            wrong.push(format!("{} was held twice by one hold", event.stream));
        }
    }
    for (aggregate, kind) in [("purchase", "Made"), ("purchase", "Refunded"), ("wallet", "Opened")]
    {
        let mut seen = HashSet::new();
        let again = kinds(findings, aggregate, kind).filter(|one| !seen.insert(one.stream));
        wrong.extend(again.map(|one| format!("{} is {kind} twice", one.stream)));
    }
    rows(findings, &sequences, &mut wrong);
    wrong.extend(keys::of(findings, &ACTIONS));
    wrong
}

fn rows(findings: &Findings, sequences: &HashMap<(&str, Uuid), Vec<i64>>, wrong: &mut Vec<String>) {
    for row in &findings.venues_rows {
        let last = sequences.get(&(row.aggregate.as_str(), row.stream)).map_or(0, Vec::len);
        if row.sequence != last as i64 {
            let (aggregate, id, applied) = (&row.aggregate, row.stream, row.sequence);
            wrong.push(format!(
                "the {aggregate} {id} has {last} events, of which its row has {applied}"
            ));
        }
    }
    let streams = sequences.keys().filter(|(aggregate, _)| WITH_ROWS.contains(aggregate)).count();
    let rows: HashSet<_> =
        findings.venues_rows.iter().map(|row| (&row.aggregate, row.stream)).collect();
    if rows.len() != streams || rows.len() != findings.venues_rows.len() {
        wrong.push(format!("{streams} streams have {} rows", findings.venues_rows.len()));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::sample::{called, event, sound};
    use super::*;
    use crate::chaos::checkers::sample::refused;
    use crate::chaos::findings::venues::VenuesRow;

    #[test]
    fn a_sound_sale_passes() {
        assert_eq!(once(&sound()), Vec::<String>::new());
    }

    #[test]
    fn holes_and_repeats_are_found() {
        let mut hole = sound();
        hole.venues_events.remove(2);
        // In the log, in the stream, and between stream and row.
        assert_eq!(once(&hole).len(), 3);
        for (aggregate, kind) in [("seat", "Held"), ("purchase", "Made"), ("wallet", "Opened")] {
            let mut twice = sound();
            let mut again = event(&twice, aggregate, kind).clone();
            again.position = twice.venues_events.len() as i64 + 1;
            let stream = (again.stream, again.aggregate.clone());
            let of = |row: &&mut VenuesRow| (row.stream, row.aggregate.clone()) == stream;
            let row = twice.venues_rows.iter_mut().find(of).expect("a row");
            row.sequence += 1;
            again.sequence = row.sequence;
            twice.venues_events.push(again);
            assert_eq!(once(&twice).len(), 1, "{kind}");
        }
    }

    #[test]
    fn what_was_not_projected_is_found() {
        let mut behind = sound();
        behind.venues_rows[0].sequence -= 1;
        assert_eq!(once(&behind).len(), 1);
        let mut missing = sound();
        missing.venues_rows.pop();
        assert_eq!(once(&missing).len(), 1);
    }

    #[test]
    fn a_key_with_two_results_is_found() {
        let purchase = |findings: &Findings| {
            findings.calls.iter().find(|c| c.action == Action::Purchase).expect("there").clone()
        };
        let mut two = sound();
        let first = purchase(&two);
        let mut again = first.reply().expect("answered").clone();
        again.made = Some(Uuid::from_u128(77));
        let about = first.about.expect("a wallet");
        let mut call = called(Action::Purchase, 0, about, again);
        call.key = first.key;
        two.calls.push(call);
        assert_eq!(once(&two).len(), 1);
        let mut no = sound();
        let mut call = called(Action::Purchase, 99, about, refused(409, "nothing_held"));
        call.key = purchase(&no).key;
        no.calls.push(call.clone());
        assert_eq!(once(&no).len(), 1);
        // What was refused first may succeed later.
        call.began = Duration::ZERO;
        *no.calls.last_mut().expect("there") = call;
        assert_eq!(once(&no), Vec::<String>::new());
    }
}
