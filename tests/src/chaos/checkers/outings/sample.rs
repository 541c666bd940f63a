//! A sound history of outings for the checkers' tests. Of four who apply for two places one leaves
//! at once, two are accepted; one of these withdraws, another is accepted instead and declined when
//! the first comes back. Then the outing moves to when its first guest is the host of another. A
//! third one is called off.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use shared_events::{AccountId, EngagementsId};
use uuid::Uuid;

use crate::chaos::checkers::sample::{answered, call, refused};
use crate::chaos::findings::outings::{AnnouncementRow, BookingRow, Outings, OutingsEvent, Told};
use crate::chaos::findings::{Findings, Progress};
use crate::chaos::journal::{Action, Call, Reply};

pub(super) const HOST: Uuid = person(0);
pub(super) const OUTING: Uuid = Uuid::from_u128(710);
const OTHER: Uuid = Uuid::from_u128(711);
const CALLED_OFF: Uuid = Uuid::from_u128(712);

/// The guest of this number.
pub(super) const fn person(number: u128) -> Uuid {
    Uuid::from_u128(700 + number)
}

/// The booking of this number, of the guest with the same.
pub(super) fn booking(number: u128) -> Uuid {
    Uuid::from_u128(720 + number)
}

/// The hour of this number.
pub(super) fn hour(number: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::hours(number)
}

/// An event of this stream that tells nothing else.
pub(super) fn of(aggregate: &str, stream: Uuid, kind: &str) -> OutingsEvent {
    let (aggregate, kind) = (aggregate.to_owned(), kind.to_owned());
    OutingsEvent { aggregate, stream, kind, ..OutingsEvent::default() }
}

/// An event of a booking of [`OUTING`].
pub(super) fn of_booking(kind: &str, booking: Uuid) -> OutingsEvent {
    OutingsEvent { booking: Some(booking), ..of("announcement", OUTING, kind) }
}

/// From this hour on, for two.
fn from(number: i64, event: OutingsEvent) -> OutingsEvent {
    let (starts_at, ends_at) = (Some(hour(number)), Some(hour(number + 2)));
    OutingsEvent { starts_at, ends_at, ..event }
}

fn engagements(kind: &str, who: Uuid, outing: Uuid) -> OutingsEvent {
    let stream = EngagementsId::of(AccountId(who)).0;
    OutingsEvent { outing: Some(outing), ..of("engagements", stream, kind) }
}

fn engaged(who: Uuid, outing: Uuid, at: i64) -> OutingsEvent {
    from(at, engagements("Engaged", who, outing))
}

fn announced(outing: Uuid, host: Uuid, at: i64) -> [OutingsEvent; 3] {
    let event = from(at, of("announcement", outing, "Announced"));
    let opened = of("announcement", outing, "Opened");
    let (person, places) = (Some(host), Some(2));
    [OutingsEvent { person, places, ..event }, opened, engaged(host, outing, at)]
}

fn applied(number: u128, outing: Uuid, guest: Uuid, at: i64) -> [OutingsEvent; 2] {
    let event = OutingsEvent { stream: outing, ..of_booking("Applied", booking(number)) };
    [OutingsEvent { person: Some(guest), ..event }, engaged(guest, outing, at)]
}

fn events() -> Vec<OutingsEvent> {
    let closed = || of("announcement", OUTING, "Closed");
    let reopened = || of("announcement", OUTING, "Reopened");
    let released = |number| engagements("Released", person(number), OUTING);
    let mut events = announced(OUTING, HOST, 0).to_vec();
    events.extend((1..=4).flat_map(|number| applied(number, OUTING, person(number), 0)));
    events.extend([of_booking("Removed", booking(4)), released(4)]);
    events.extend([of_booking("Accepted", booking(1))]);
    events.extend([of_booking("Accepted", booking(3)), closed()]);
    events.extend([of_booking("Withdrawn", booking(3)), reopened(), released(3)]);
    events.extend([of_booking("Accepted", booking(2)), closed()]);
    events.extend([of_booking("Declined", booking(2)), reopened(), released(2)]);
    events.extend([of_booking("Confirmed", booking(3)), closed()]);
    events.push(engaged(person(3), OUTING, 0));
    events.extend(announced(OTHER, person(1), 4));
    events.push(from(5, of("announcement", OUTING, "Moved")));
    events.push(engaged(HOST, OUTING, 5));
    events.push(from(5, engagements("Deferred", person(1), OUTING)));
    events.push(of_booking("ClashFound", booking(1)));
    events.push(engaged(person(3), OUTING, 5));
    events.extend(announced(CALLED_OFF, HOST, 10));
    events.extend(applied(5, CALLED_OFF, person(4), 10));
    events.push(of("announcement", CALLED_OFF, "Cancelled"));
    events.extend([HOST, person(4)].map(|who| engagements("Released", who, CALLED_OFF)));
    events
}

fn calls() -> Vec<Call> {
    let made = |id| Reply { made: Some(id), ..answered(200) };
    let no = || refused(409, "announcement_full");
    let mut all = vec![
        (Action::Announce, None, made(OUTING)),
        (Action::Apply, Some(OUTING), made(booking(1))),
        (Action::Apply, Some(OUTING), made(booking(2))),
        (Action::Apply, Some(OUTING), made(booking(3))),
        (Action::Apply, Some(OUTING), made(booking(4))),
        (Action::Leave, Some(booking(4)), answered(200)),
        (Action::Accept, Some(booking(1)), answered(200)),
        (Action::Accept, Some(booking(3)), answered(200)),
        (Action::Accept, Some(booking(2)), no()),
        (Action::Apply, Some(OUTING), no()),
        (Action::Withdraw, Some(booking(3)), answered(200)),
        (Action::Accept, Some(booking(2)), answered(200)),
        (Action::Decline, Some(booking(2)), answered(200)),
        (Action::Confirm, Some(booking(3)), answered(200)),
        (Action::Announce, None, made(OTHER)),
        (Action::Change, Some(OUTING), answered(200)),
        (Action::Announce, None, made(CALLED_OFF)),
        (Action::Apply, Some(CALLED_OFF), made(booking(5))),
    ];
    all.push((Action::CallOff, Some(CALLED_OFF), answered(200)));
    let numbered = (0..).zip(all);
    let one = |(at, (action, about, reply))| {
        let key = Some(u128::from(at) + 800);
        Call { about, ..call(at, action, key, reply) }
    };
    let mut calls: Vec<Call> = numbered.map(one).collect();
    // Whoever asks again with the same key has asked once.
    let again = calls.iter().map(|call| Call { began: call.began + call.began, ..call.clone() });
    let again: Vec<Call> = again.filter(|call| call.was_answered(200)).collect();
    calls.extend(again);
    calls
}

/// Whom the `nth` event of this type tells of what.
fn told(events: &[OutingsEvent], kind: &str, nth: usize, who: &[Uuid], of: &str) -> Vec<Told> {
    let mut all = events.iter().filter(|event| event.kind == kind);
    let cause = all.nth(nth).expect("an event").id;
    who.iter().map(|person| Told { cause, person: *person, kind: of.to_owned() }).collect()
}

fn notices(events: &[OutingsEvent]) -> Vec<Told> {
    let told = |kind, nth, who: &[Uuid], of| told(events, kind, nth, who, of);
    let both = |number| [HOST, person(number)];
    let all = [
        told("Applied", 0, &both(1), "booking_applied"),
        told("Applied", 1, &both(2), "booking_applied"),
        told("Applied", 2, &both(3), "booking_applied"),
        told("Applied", 3, &both(4), "booking_applied"),
        told("Removed", 0, &both(4), "booking_removed"),
        told("Accepted", 0, &both(1), "booking_accepted"),
        told("Accepted", 1, &both(3), "booking_accepted"),
        told("Closed", 0, &[person(2)], "announcement_full"),
        told("Withdrawn", 0, &both(3), "booking_withdrawn"),
        told("Reopened", 0, &[person(2)], "announcement_reopened"),
        told("Accepted", 2, &both(2), "booking_accepted"),
        told("Declined", 0, &both(2), "booking_declined"),
        told("Confirmed", 0, &both(3), "booking_confirmed"),
        told("Moved", 0, &[person(1), person(3)], "announcement_moved"),
        told("ClashFound", 0, &both(1), "booking_clashes"),
        told("Applied", 4, &both(4), "booking_applied"),
        told("Cancelled", 0, &[person(4)], "announcement_cancelled"),
        told("Moved", 0, &[HOST], "reminder_day"),
    ];
    all.concat()
}

/// All of it.
pub(super) fn sound() -> Findings {
    let mut events = events();
    let mut sequences: BTreeMap<Uuid, i64> = BTreeMap::new();
    for (position, event) in (1..).zip(&mut events) {
        let last = sequences.entry(event.stream).or_insert(0);
        *last += 1;
        (event.position, event.sequence) = (position, *last);
        event.id = Uuid::from_u128(2_000 + u128::from(position.unsigned_abs()));
    }
    let row = |(id, taken)| AnnouncementRow { id, sequence: sequences[&id], taken };
    let booked = |number, guest, host_says, clashes| BookingRow {
        id: booking(number),
        announcement: if number == 5 { CALLED_OFF } else { OUTING },
        guest: person(guest),
        guest_says: true,
        host_says,
        clashes,
    };
    let bookings = vec![
        booked(1, 1, Some(true), true),
        booked(2, 2, Some(false), false),
        booked(3, 3, Some(true), false),
        booked(5, 4, None, false),
    ];
    let head = events.len() as i64;
    let outings = Outings {
        progress: Progress { relayed: head, projected: head },
        announcements: [(OUTING, 2), (OTHER, 0), (CALLED_OFF, 0)].map(row).to_vec(),
        bookings,
        notices: notices(&events),
        events,
    };
    Findings { calls: calls(), outings, ..Findings::default() }
}

/// The same without the events of this type.
pub(super) fn without(aggregate: &str, kind: &str) -> Findings {
    let mut findings = sound();
    let is = |one: &OutingsEvent| (one.aggregate.as_str(), one.kind.as_str()) == (aggregate, kind);
    findings.outings.events.retain(|one| !is(one));
    findings
}

/// One more event at the end.
pub(super) fn push(findings: &mut Findings, event: OutingsEvent) {
    let events = &mut findings.outings.events;
    let position = events.len() as i64 + 1;
    let sequence = events.iter().filter(|one| one.stream == event.stream).count() as i64 + 1;
    let id = Uuid::from_u128(3_000 + u128::from(position.unsigned_abs()));
    events.push(OutingsEvent { position, sequence, id, ..event });
}

/// The first event of this type, to be changed.
pub(super) fn event_mut<'a>(
    findings: &'a mut Findings,
    aggregate: &str,
    kind: &str,
) -> &'a mut OutingsEvent {
    let is =
        |one: &&mut OutingsEvent| (one.aggregate.as_str(), one.kind.as_str()) == (aggregate, kind);
    findings.outings.events.iter_mut().find(is).expect("one")
}
