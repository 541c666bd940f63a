//! The maps, fed with events: twice, out of step with the read tables, and as time passes.

use chrono::{DateTime, TimeDelta, Utc};
use shared_events::{
    AccountId, Currency, Envelope, FixtureEvent, FixtureId, HoldId, OfferedSeat, Price, PurchaseId,
    SeatEvent, SeatId, TicketId,
};
use uuid::Uuid;

use super::fixture_map::KnownSeat;
use super::{Maps, half};
use crate::venues::fixture::given;
use crate::venues::seat::Seat;

const FIXTURE: FixtureId = given::FIXTURE;

fn envelope<E>(id: Uuid, sequence: i64, position: i64, payload: E) -> Envelope<E> {
    Envelope {
        event_id: Uuid::from_u128(position.unsigned_abs().into()),
        log: "venues".into(),
        history: Uuid::nil(),
        position,
        previous: position - 1,
        aggregate: String::new(),
        aggregate_id: id,
        sequence,
        event_type: String::new(),
        event_version: "1.0".into(),
        recorded_at: DateTime::UNIX_EPOCH,
        correlation: Uuid::nil(),
        causation: None,
        traceparent: None,
        payload,
    }
}

/// Two rows of three in section A, and one seat in section B.
fn maps() -> Maps {
    let mut maps = Maps::default();
    for (n, event) in (1..).zip(given::offered()) {
        maps.apply(&envelope(FIXTURE.0, n, n, event));
    }
    maps
}

fn ticket(section: &str, row: u32, number: u32) -> TicketId {
    let place = given::place(section, row, number);
    TicketId::of(FIXTURE, SeatId::of(given::STADIUM, &place))
}

fn held(until: DateTime<Utc>) -> SeatEvent {
    SeatEvent::Held {
        fixture: FIXTURE,
        hold: HoldId(Uuid::from_u128(1)),
        buyer: AccountId(Uuid::from_u128(2)),
        until,
        price: Price { price_minor: 2_000, currency: Currency::Usd },
    }
}

fn rows(maps: &Maps, now: DateTime<Utc>) -> Vec<String> {
    let answer = maps.fixtures[&FIXTURE].answer(now);
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let sections = body["sections"].as_array().unwrap().iter();
    let rows = sections.flat_map(|section| section["rows"].as_array().unwrap().clone());
    rows.map(|row| row["seats"].as_str().unwrap().to_owned()).collect()
}

fn etag(maps: &Maps, now: DateTime<Utc>) -> String {
    maps.fixtures[&FIXTURE].etag(now)
}

#[test]
fn every_seat_on_sale_is_found_by_its_ticket() {
    let maps = maps();
    let found = maps.on_sale(ticket("A", 2, 3)).unwrap();
    assert_eq!((found.place, found.terms), (given::place("A", 2, 3), given::TERMS));
    assert_eq!(found.seen.unwrap().sequence, 0);
    let single = maps.on_sale(TicketId::of(FIXTURE, given::SINGLE)).unwrap();
    assert_eq!(single.seat, given::SINGLE);
    assert!(maps.on_sale(ticket("A", 3, 1)).is_none());
    assert_eq!(rows(&maps, given::at(12)), ["444", "444", "4"]);
}

#[test]
fn a_ticket_is_not_taken_for_another_with_the_same_half() {
    let maps = maps();
    let known = ticket("A", 1, 1);
    let (high, low) = known.0.as_u64_pair();
    let other = TicketId(Uuid::from_u64_pair(high ^ 1, low));
    assert_eq!(half(other), half(known));
    assert!(maps.on_sale(other).is_none());
}

#[test]
fn a_hold_ends_by_the_clock_and_the_tag_tells() {
    let mut maps = maps();
    let (until, seat) = (given::at(13), ticket("A", 1, 2));
    maps.apply_to_seat(&envelope(seat.0, 1, 3, held(until)));
    let before = until - TimeDelta::microseconds(1);
    assert_eq!(rows(&maps, before), ["414", "444", "4"]);
    assert_eq!(rows(&maps, until), ["444", "444", "4"]);
    assert_eq!(etag(&maps, before), "\"3-0\"");
    assert_eq!(etag(&maps, until), format!("\"3-{}\"", until.timestamp_micros()));
    maps.apply_to_seat(&envelope(seat.0, 2, 4, SeatEvent::Released { hold: HoldId(Uuid::nil()) }));
    assert_eq!(etag(&maps, until), "\"4-0\"");
    assert_eq!(rows(&maps, before), ["444", "444", "4"]);
}

#[test]
fn from_its_first_instant_on_what_is_left_of_a_match_has_expired() {
    let mut maps = maps();
    let purchase = PurchaseId(Uuid::from_u128(7));
    let (hold, buyer) = (HoldId(Uuid::from_u128(1)), AccountId(Uuid::from_u128(2)));
    let sold = SeatEvent::Sold { hold, purchase, buyer };
    maps.apply_to_seat(&envelope(ticket("A", 1, 1).0, 2, 3, sold));
    assert_eq!(rows(&maps, given::at(18)), ["355", "555", "5"]);
    assert_ne!(etag(&maps, given::at(17)), etag(&maps, given::at(18)));
}

#[test]
fn what_comes_twice_or_late_changes_nothing() {
    let mut maps = maps();
    let seat = ticket("A", 1, 1);
    let (hold, release) = (
        envelope(seat.0, 1, 3, held(given::at(13))),
        envelope(seat.0, 2, 4, SeatEvent::Released { hold: HoldId(Uuid::from_u128(1)) }),
    );
    for event in [&hold, &release, &hold, &release] {
        maps.apply_to_seat(event);
    }
    for (n, event) in (1..).zip(given::offered()) {
        maps.apply(&envelope(FIXTURE.0, n, n, event));
    }
    assert_eq!(rows(&maps, given::at(12)), ["444", "444", "4"]);
    assert_eq!(maps.tickets.len(), 7);
}

#[test]
fn from_read_tables_and_from_events_the_map_is_the_same() {
    let (mut followed, mut filled) = (maps(), maps());
    let seat = ticket("A", 2, 1);
    let event = envelope(seat.0, 1, 9, held(given::at(13)));
    followed.apply_to_seat(&event);
    let SeatEvent::Held { hold, buyer, until, price, .. } = event.payload else { panic!() };
    let known = Seat::Held { hold, buyer, until, price };
    filled.set(KnownSeat { ticket: seat, sequence: 1, position: 9, seat: known });
    for now in [given::at(12), given::at(13), given::at(18)] {
        assert_eq!(rows(&followed, now), rows(&filled, now));
        assert_eq!(etag(&followed, now), etag(&filled, now));
    }
    // The event comes too, from where the tables end.
    filled.apply_to_seat(&event);
    assert_eq!(etag(&followed, given::at(12)), etag(&filled, given::at(12)));
}

#[test]
fn a_withdrawn_ticket_is_none_and_one_with_another_price_is_a_part_of_its_own() {
    let mut maps = maps();
    let place = given::place("A", 1, 1);
    let withdrawn =
        FixtureEvent::TicketWithdrawn { ticket: ticket("A", 1, 1), place: place.clone() };
    maps.apply(&envelope(FIXTURE.0, 3, 3, withdrawn));
    let repriced = FixtureEvent::TicketRepriced {
        ticket: ticket("A", 2, 2),
        place: given::place("A", 2, 2),
        tariff: given::DEARER.tariff,
        price: given::DEARER.price,
    };
    maps.apply(&envelope(FIXTURE.0, 4, 4, repriced));
    assert_eq!(rows(&maps, given::at(12)), ["044", "4", "4", "4", "4"]);
    assert!(maps.on_sale(ticket("A", 1, 1)).is_none());
    maps.apply(&envelope(FIXTURE.0, 5, 5, given::offered_event()));
    assert_eq!(maps.on_sale(ticket("A", 1, 1)).map(|found| found.terms), Some(given::TERMS));
}

#[test]
fn what_was_withdrawn_stays_so_whatever_the_read_tables_still_say() {
    let (mut followed, mut filled) = (maps(), maps());
    let (seat, place) = (ticket("A", 1, 1), given::place("A", 1, 1));
    let withdrawn = FixtureEvent::TicketWithdrawn { ticket: seat, place };
    let (held, released) = (held(given::at(13)), SeatEvent::Released { hold: HoldId(Uuid::nil()) });
    let SeatEvent::Held { hold, buyer, until, price, .. } = held else { panic!() };
    followed.apply_to_seat(&envelope(seat.0, 1, 3, held));
    followed.apply_to_seat(&envelope(seat.0, 2, 4, released.clone()));
    followed.apply(&envelope(FIXTURE.0, 3, 5, withdrawn.clone()));
    // Filled when the tables knew of the hold only; then the rest comes.
    filled.apply(&envelope(FIXTURE.0, 3, 5, withdrawn.clone()));
    let known = Seat::Held { hold, buyer, until, price };
    filled.set(KnownSeat { ticket: seat, sequence: 1, position: 3, seat: known });
    filled.apply_to_seat(&envelope(seat.0, 2, 4, released));
    filled.apply(&envelope(FIXTURE.0, 3, 5, withdrawn));
    for now in [given::at(12), given::at(13)] {
        assert_eq!(rows(&filled, now), ["044", "444", "4"]);
        assert_eq!(rows(&filled, now), rows(&followed, now));
        assert_eq!(etag(&filled, now), etag(&followed, now));
    }
}

#[test]
fn a_seat_that_was_moved_and_put_on_sale_again_is_at_its_new_place_only() {
    let mut maps = maps();
    let (seat, old, new) = (
        SeatId::of(given::STADIUM, &given::place("A", 1, 1)),
        given::place("A", 1, 1),
        given::place("A", 9, 9),
    );
    let ticket = TicketId::of(FIXTURE, seat);
    maps.apply_to_seat(&envelope(ticket.0, 1, 3, held(given::at(13))));
    maps.apply(&envelope(FIXTURE.0, 3, 4, FixtureEvent::TicketWithdrawn { ticket, place: old }));
    let again = FixtureEvent::SeatsOffered {
        tariff: given::TERMS.tariff,
        price: given::TERMS.price,
        blocks: Vec::new(),
        seats: vec![OfferedSeat { seat, place: new.clone() }],
    };
    maps.apply(&envelope(FIXTURE.0, 4, 5, again));
    assert_eq!(rows(&maps, given::at(12)), ["044", "444", "1", "4"]);
    assert_eq!(rows(&maps, given::at(13)), ["044", "444", "4", "4"]);
    let found = maps.on_sale(ticket).unwrap();
    assert_eq!((found.place, found.seat), (new, seat));
    assert_eq!(found.seen.unwrap().sequence, 1);
}

#[test]
fn a_match_that_is_long_over_is_forgotten() {
    let mut maps = maps();
    maps.forget(given::at(20) + TimeDelta::hours(23));
    assert_eq!(maps.tickets.len(), 7);
    maps.forget(given::at(20) + TimeDelta::days(1));
    assert!(maps.fixtures.is_empty() && maps.tickets.is_empty());
}
