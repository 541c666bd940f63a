//! Effect once, of notices: whatever an event has to tell is told to each whom it concerns, once,
//! and to nobody else. Reminders are to come: of them only that none is there twice.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::history::{Booking, Outing, play};
use crate::chaos::findings::Findings;
use crate::chaos::findings::outings::{OutingsEvent, Told};

/// What both sides of a booking are told of it.
const OF_BOOKINGS: [(&str, &str); 8] = [
    ("Applied", "booking_applied"),
    ("Accepted", "booking_accepted"),
    ("Declined", "booking_declined"),
    ("Withdrawn", "booking_withdrawn"),
    ("Confirmed", "booking_confirmed"),
    ("Removed", "booking_removed"),
    ("ClashFound", "booking_clashes"),
    ("ClashCleared", "booking_clash_cleared"),
];
const REMINDERS: &str = "reminder_";

/// Whether a booking is among those that are meant.
type Which = fn(&Booking) -> bool;

/// What guests are told of an outing, and which of them.
fn of_outings(kind: &str) -> Option<(&'static str, Which)> {
    let waits = |booking: &Booking| booking.is_wanted() && booking.host_says.is_none();
    match kind {
        "Moved" => Some(("announcement_moved", Booking::is_wanted)),
        "PlacesChanged" => Some(("announcement_changed", Booking::is_wanted)),
        "Cancelled" => Some(("announcement_cancelled", Booking::is_wanted)),
        "Closed" => Some(("announcement_full", waits)),
        "Reopened" => Some(("announcement_reopened", waits)),
        _ => None,
    }
}

/// Whom an event tells of what.
fn concerned(event: &OutingsEvent, outing: &Outing) -> Vec<Told> {
    let told = |person: Uuid, kind: &str| Told { cause: event.id, person, kind: kind.to_owned() };
    let booking = event.booking.and_then(|id| outing.bookings.get(&id));
    let name = OF_BOOKINGS.iter().find(|(kind, _)| *kind == event.kind);
    if let (Some(booking), Some((_, kind))) = (booking, name) {
        return vec![told(outing.host, kind), told(booking.guest, kind)];
    }
    let Some((kind, which)) = of_outings(&event.kind) else { return Vec::new() };
    let guests = outing.bookings.values().filter(|booking| which(booking));
    guests.map(|booking| told(booking.guest, kind)).collect()
}

pub(in super::super) fn told(findings: &Findings) -> Vec<String> {
    let mut expected = BTreeSet::new();
    play(findings, |event, outing, _| expected.extend(concerned(event, outing)));
    let mut there = BTreeSet::new();
    let mut wrong = Vec::new();
    for notice in &findings.outings.notices {
        if !there.insert(notice) {
            wrong.push(format!("told twice: {notice:?}"));
        }
    }
    let there: BTreeSet<&Told> =
        there.into_iter().filter(|notice| !notice.kind.starts_with(REMINDERS)).collect();
    let expected: BTreeSet<&Told> = expected.iter().collect();
    wrong.extend(expected.difference(&there).map(|one| format!("nobody was told: {one:?}")));
    wrong.extend(there.difference(&expected).map(|one| format!("told for nothing: {one:?}")));
    wrong
}

#[cfg(test)]
mod tests {
    use super::super::sample::{HOST, person, sound};
    use super::*;

    #[test]
    fn a_sound_outing_passes() {
        assert_eq!(told(&sound()), Vec::<String>::new());
    }

    #[test]
    fn whoever_is_not_told_or_told_twice_is_found() {
        let all = sound().outings.notices.len();
        for number in 0..all {
            let mut twice = sound();
            twice.outings.notices.push(twice.outings.notices[number].clone());
            assert_eq!(told(&twice).len(), 1);
            let mut silent = sound();
            let gone = silent.outings.notices.remove(number);
            let is_reminder = gone.kind.starts_with(REMINDERS);
            assert_eq!(told(&silent).len(), usize::from(!is_reminder), "{gone:?}");
        }
    }

    #[test]
    fn who_is_told_what_does_not_concern_them_is_found() {
        let mut findings = sound();
        let notice = findings.outings.notices.iter_mut().find(|one| one.person == person(2));
        notice.expect("one").person = person(9);
        assert_eq!(told(&findings).len(), 2);
        let mut other = sound();
        let notice = other.outings.notices.iter_mut().find(|one| one.person == HOST);
        notice.expect("one").kind = "announcement_moved".to_owned();
        assert_eq!(told(&other).len(), 2);
    }
}
