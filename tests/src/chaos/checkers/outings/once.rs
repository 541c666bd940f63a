//! Effect once: positions and sequences have neither holes nor repeats, nothing happens that has
//! happened before, a key has one result, and the read tables have applied each event.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use uuid::Uuid;

use super::history::{Outing, play};
use crate::chaos::checkers::keys;
use crate::chaos::findings::Findings;
use crate::chaos::findings::outings::{AnnouncementRow, BookingRow};
use crate::chaos::journal::Action;

/// What clients ask for here.
const ACTIONS: [Action; 9] = [
    Action::Announce,
    Action::Change,
    Action::CallOff,
    Action::Apply,
    Action::Accept,
    Action::Decline,
    Action::Withdraw,
    Action::Confirm,
    Action::Leave,
];

pub(in super::super) fn once(findings: &Findings) -> Vec<String> {
    let events = &findings.outings.events;
    let mut wrong = Vec::new();
    for (expected, event) in (1..).zip(events) {
        if event.position != expected {
            wrong.push(format!("where position {expected} should be is {}", event.position));
            break;
        }
    }
    let ids: HashSet<Uuid> = events.iter().map(|event| event.id).collect();
    if ids.len() != events.len() {
        wrong.push(format!("{} events have only {} ids", events.len(), ids.len()));
    }
    let mut sequences: BTreeMap<(&str, Uuid), Vec<i64>> = BTreeMap::new();
    for event in events {
        let stream = (event.aggregate.as_str(), event.stream);
        sequences.entry(stream).or_default().push(event.sequence);
    }
    for ((aggregate, id), sequences) in &sequences {
        if !(1..).zip(sequences).all(|(expected, sequence)| expected == *sequence) {
            wrong.push(format!("the sequences of the {aggregate} {id} are {sequences:?}"));
        }
    }
    let outings = play(findings, |event, _, is_expected| {
        if !is_expected {
            let (id, kind, at) = (event.stream, &event.kind, event.sequence);
            wrong.push(format!("{id} was not to be {kind} at {at}, by what was before"));
        }
    });
    let last = |id: &Uuid| sequences.get(&("announcement", *id)).map_or(0, Vec::len) as i64;
    let rows = outings.iter().map(|(id, outing)| (*id, last(id), outing));
    announcements(findings, rows, &mut wrong);
    bookings(findings, &outings, &mut wrong);
    wrong.extend(keys::of(findings, &ACTIONS));
    wrong
}

fn announcements<'a>(
    findings: &Findings,
    outings: impl Iterator<Item = (Uuid, i64, &'a Outing)>,
    wrong: &mut Vec<String>,
) {
    let row = |(id, sequence, outing): (Uuid, i64, &Outing)| {
        let taken = outing.taken();
        AnnouncementRow { id, sequence, taken }
    };
    let expected: Vec<AnnouncementRow> = outings.map(row).collect();
    compare(&expected, &findings.outings.announcements, wrong);
}

fn bookings(findings: &Findings, outings: &BTreeMap<Uuid, Outing>, wrong: &mut Vec<String>) {
    let mut expected = Vec::new();
    for (announcement, outing) in outings {
        for (id, booking) in outing.bookings.iter().filter(|(_, booking)| !booking.is_removed) {
            let (id, announcement, guest) = (*id, *announcement, booking.guest);
            let (guest_says, host_says) = (booking.guest_says, booking.host_says);
            let clashes = booking.clashes;
            let row = BookingRow { id, announcement, guest, guest_says, host_says, clashes };
            expected.push(row);
        }
    }
    compare(&expected, &findings.outings.bookings, wrong);
}

/// A read table has just these rows.
fn compare<Row: Ord + std::fmt::Debug>(expected: &[Row], rows: &[Row], wrong: &mut Vec<String>) {
    let (expected, there): (BTreeSet<_>, BTreeSet<_>) =
        (expected.iter().collect(), rows.iter().collect());
    let missing = expected.difference(&there).map(|row| format!("a row is missing: {row:?}"));
    let odd = there.difference(&expected).map(|row| format!("by no event there is {row:?}"));
    wrong.extend(missing.chain(odd));
    if there.len() != rows.len() {
        wrong.push(format!("{} rows are only {}", rows.len(), there.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{booking, event_mut, of_booking, push, sound};
    use super::*;
    use crate::chaos::checkers::sample::refused;

    #[test]
    fn a_sound_outing_passes() {
        assert_eq!(once(&sound()), Vec::<String>::new());
    }

    #[test]
    fn holes_and_repeats_are_found() {
        let mut hole = sound();
        hole.outings.events.remove(2);
        assert!(once(&hole).len() >= 2);
        let mut one_id = sound();
        one_id.outings.events[1].id = one_id.outings.events[0].id;
        assert_eq!(once(&one_id).len(), 1);
        let mut twice = sound();
        event_mut(&mut twice, "engagements", "Deferred").sequence = 1;
        assert_eq!(once(&twice).len(), 1);
    }

    #[test]
    fn what_happens_again_or_to_nobody_is_found() {
        for (kind, number) in
            [("Accepted", 3), ("Declined", 2), ("Confirmed", 3), ("Removed", 4), ("Accepted", 9)]
        {
            let mut findings = sound();
            push(&mut findings, of_booking(kind, booking(number)));
            let row = findings.outings.announcements.iter_mut();
            row.for_each(|row| row.sequence += i64::from(row.taken > 0));
            assert_eq!(once(&findings).len(), 1, "{kind} {number}");
        }
    }

    #[test]
    fn what_the_projection_left_out_or_made_up_is_found() {
        let mut behind = sound();
        behind.outings.announcements[0].sequence -= 1;
        assert_eq!(once(&behind).len(), 2);
        let mut missing = sound();
        missing.outings.bookings.pop();
        assert_eq!(once(&missing).len(), 1);
        let mut deaf = sound();
        deaf.outings.bookings[0].guest_says = false;
        assert_eq!(once(&deaf).len(), 2);
    }

    #[test]
    fn a_key_that_is_refused_after_its_result_is_found() {
        for action in ACTIONS {
            let mut findings = sound();
            let calls = findings.calls.iter().filter(|call| call.was_answered(200));
            let mut again = calls.clone().find(|call| call.action == action).expect("one").clone();
            let (much, reply) = (std::time::Duration::from_secs(1_000), refused(409, "no"));
            again.began += much;
            again.outcome = Some(crate::chaos::journal::Outcome::Answered(reply));
            findings.calls.push(again);
            assert_eq!(once(&findings).len(), 1, "{action:?}");
        }
    }
}
