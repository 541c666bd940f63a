//! A sound sale for the checkers' tests: a seat is reserved, bought and given back, reserved by
//! somebody who lets the time pass, and bought again; another one is given up.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::chaos::checkers::sample::{answered, call};
use crate::chaos::findings::Findings;
use crate::chaos::findings::venues::{VenuesEvent, VenuesRow};
use crate::chaos::journal::{Action, Call, Reply};

/// What a seat costs.
pub(super) const PRICE: i64 = 2_000;
const BUYER: Uuid = Uuid::from_u128(300);
/// The wallet and the basket have the same id, as only their aggregates tell them apart.
const WALLET: Uuid = Uuid::from_u128(301);
const SEAT: Uuid = Uuid::from_u128(302);
const OTHER: Uuid = Uuid::from_u128(303);
const MATCH: Uuid = Uuid::from_u128(304);
/// A hold is so many seconds long.
const HOLD: i64 = 2;

/// The second `seconds` of the sale.
pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

/// The purchase of this number.
pub(super) fn purchase(number: u128) -> Uuid {
    Uuid::from_u128(400 + number)
}

fn hold(number: u128) -> Option<Uuid> {
    Some(Uuid::from_u128(500 + number))
}

/// A call about this that was answered in the second `second`, with a key of its own.
pub(super) fn called(action: Action, second: u64, about: Uuid, reply: Reply) -> Call {
    let reply = Reply { status: if reply.status == 0 { 200 } else { reply.status }, ..reply };
    Call { about: Some(about), ..call(second, action, Some(u128::from(second) + 600), reply) }
}

fn of(aggregate: &str, stream: Uuid, kind: &str, second: i64) -> VenuesEvent {
    VenuesEvent {
        aggregate: aggregate.to_owned(),
        stream,
        kind: kind.to_owned(),
        recorded_at: at(second),
        ..VenuesEvent::default()
    }
}

fn held(seat: Uuid, number: u128, second: i64) -> [VenuesEvent; 2] {
    let (hold, buyer, until) = (hold(number), Some(BUYER), Some(at(second + HOLD)));
    let basket = of("basket", WALLET, "TicketsHeld", second);
    let seat_held = of("seat", seat, "Held", second);
    [
        VenuesEvent { hold, buyer, until, amount: Some(PRICE), ..seat_held },
        VenuesEvent { hold, buyer, until, tickets: vec![seat], ..basket },
    ]
}

fn released(seat: Uuid, number: u128, second: i64) -> [VenuesEvent; 2] {
    let basket = of("basket", WALLET, "TicketsReleased", second);
    [
        VenuesEvent { hold: hold(number), ..of("seat", seat, "Released", second) },
        VenuesEvent { tickets: vec![seat], ..basket },
    ]
}

fn posted(second: i64, cause: &str, number: Option<u128>, ends: [&str; 2]) -> VenuesEvent {
    let [from, to] = ends.map(|end| Some(end.to_owned()));
    VenuesEvent {
        amount: Some(PRICE),
        purchase: number.map(purchase),
        cause: Some(cause.to_owned()),
        from,
        to,
        ..of("wallet", WALLET, "Posted", second)
    }
}

fn bought(number: u128, by: u128, second: i64) -> [VenuesEvent; 4] {
    let (id, tickets, buyer) = (Some(purchase(number)), vec![SEAT], Some(BUYER));
    let made = of("purchase", purchase(number), "Made", second);
    let (wallet, amount) = (Some(WALLET), Some(PRICE));
    let basket = of("basket", WALLET, "TicketsBought", second);
    let sold = of("seat", SEAT, "Sold", second);
    [
        VenuesEvent { tickets: tickets.clone(), purchase: id, ..basket },
        posted(second, "purchase", Some(number), ["wallet", "sales"]),
        VenuesEvent { hold: hold(by), purchase: id, buyer, ..sold },
        VenuesEvent { buyer, wallet, amount, tickets, ..made },
    ]
}

fn calls() -> Vec<Call> {
    let yes = |made, until, tickets: &[Uuid]| {
        let (until, tickets) = (Some(at(until)), tickets.to_vec());
        Reply { made, until, tickets, ..answered(200) }
    };
    let receipt =
        |number| Reply { made: Some(purchase(number)), tickets: vec![SEAT], ..answered(200) };
    vec![
        called(Action::Reserve, 1, SEAT, yes(None, 3, &[])),
        called(Action::Purchase, 2, WALLET, receipt(1)),
        called(Action::Purchase, 2, WALLET, receipt(1)),
        called(Action::Refund, 3, purchase(1), receipt(1)),
        called(Action::Reserve, 4, MATCH, yes(hold(2), 6, &[SEAT])),
        called(Action::Reserve, 7, MATCH, yes(hold(3), 9, &[SEAT])),
        called(Action::Purchase, 8, WALLET, receipt(2)),
        called(Action::Reserve, 10, OTHER, yes(None, 12, &[])),
        called(Action::GiveUp, 11, OTHER, answered(200)),
    ]
}

/// All of it.
pub(super) fn sound() -> Findings {
    let back = purchase(1);
    let returned = of("seat", SEAT, "Returned", 3);
    let opening = posted(0, "opening", None, ["grants", "wallet"]);
    let mut events =
        vec![of("wallet", WALLET, "Opened", 0), VenuesEvent { amount: Some(3 * PRICE), ..opening }];
    events.extend(held(SEAT, 1, 1));
    events.extend(bought(1, 1, 2));
    events.push(of("purchase", back, "Refunded", 3));
    events.push(posted(3, "refund", Some(1), ["sales", "wallet"]));
    events.push(VenuesEvent { purchase: Some(back), ..returned });
    events.extend(held(SEAT, 2, 4));
    events.extend(released(SEAT, 2, 7));
    events.extend(held(SEAT, 3, 7));
    events.extend(bought(2, 3, 8));
    events.extend(held(OTHER, 4, 10));
    events.extend(released(OTHER, 4, 11));
    let mut sequences = std::collections::BTreeMap::new();
    for (position, event) in (1..).zip(&mut events) {
        let last = sequences.entry((event.aggregate.clone(), event.stream)).or_insert(0);
        *last += 1;
        (event.position, event.sequence) = (position, *last);
    }
    // A basket has no row of its own.
    let rows = sequences.into_iter().filter(|((aggregate, _), _)| aggregate != "basket");
    let row = |((aggregate, stream), sequence)| VenuesRow { aggregate, stream, sequence };
    let venues_rows = rows.map(row).collect();
    Findings { calls: calls(), venues_events: events, venues_rows, ..Findings::default() }
}

/// The same without the events of this type.
pub(super) fn without(aggregate: &str, kind: &str) -> Findings {
    let mut findings = sound();
    findings
        .venues_events
        .retain(|one| (one.aggregate.as_str(), one.kind.as_str()) != (aggregate, kind));
    findings
}

/// The first event of this type.
pub(super) fn event<'a>(findings: &'a Findings, aggregate: &str, kind: &str) -> &'a VenuesEvent {
    let is = |one: &&VenuesEvent| (one.aggregate.as_str(), one.kind.as_str()) == (aggregate, kind);
    findings.venues_events.iter().find(is).expect("one")
}

/// The same, to be changed.
pub(super) fn event_mut<'a>(
    findings: &'a mut Findings,
    aggregate: &str,
    kind: &str,
) -> &'a mut VenuesEvent {
    let is =
        |one: &&mut VenuesEvent| (one.aggregate.as_str(), one.kind.as_str()) == (aggregate, kind);
    findings.venues_events.iter_mut().find(is).expect("one")
}
