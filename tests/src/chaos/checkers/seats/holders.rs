//! One holder: a seat is one person's at a time, by the end of each hold and not by who was quicker
//! to record it. Liveness: no hold is left whose time is over.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{kinds, streams};
use crate::chaos::findings::Findings;
use crate::chaos::findings::venues::VenuesEvent;

/// Whose a seat is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Seat {
    #[default]
    Free,
    Held {
        hold: Option<Uuid>,
        buyer: Option<Uuid>,
        until: Option<DateTime<Utc>>,
    },
    Sold {
        purchase: Option<Uuid>,
    },
}

impl Seat {
    /// What it is after this event, and whether that was right.
    fn after(self, event: &VenuesEvent) -> (Self, bool) {
        let VenuesEvent { hold, buyer, until, purchase, .. } = *event;
        let at = Some(event.recorded_at);
        match event.kind.as_str() {
            "Held" => {
                let was_free = match self {
                    Self::Free => true,
                    Self::Held { until, .. } => until <= at,
                    Self::Sold { .. } => false,
                };
                (Self::Held { hold, buyer, until }, was_free && until > at)
            }
            "Released" => {
                (Self::Free, matches!(self, Self::Held { hold: holder, .. } if holder == hold))
            }
            "Sold" => {
                let is_holder = matches!(self, Self::Held { hold: holder, buyer: who, until }
                    if (holder, who) == (hold, buyer) && at < until);
                (Self::Sold { purchase }, is_holder)
            }
            "Returned" => (Self::Free, self == Self::Sold { purchase }),
            _ => (self, false),
        }
    }
}

pub(in super::super) fn one_holder(findings: &Findings) -> Vec<String> {
    let mut wrong = Vec::new();
    for (id, events) in streams(findings, "seat") {
        let mut seat = Seat::default();
        for event in events {
            let (after, is_right) = seat.after(event);
            if !is_right {
                let VenuesEvent { kind, sequence, recorded_at, .. } = event;
                wrong.push(format!(
                    "the seat {id} was {seat:?} when it was {kind} at {sequence}, {recorded_at}"
                ));
            }
            seat = after;
        }
    }
    wrong.extend(baskets(findings));
    wrong
}

/// Baskets and seats tell of the same holds.
fn baskets(findings: &Findings) -> Vec<String> {
    let of_baskets = kinds(findings, "basket", "TicketsHeld");
    let of_baskets: BTreeSet<_> = of_baskets
        .flat_map(|event| event.tickets.iter().map(|ticket| (*ticket, event.hold, event.buyer)))
        .collect();
    let of_seats = kinds(findings, "seat", "Held");
    let of_seats: BTreeSet<_> = of_seats.map(|one| (one.stream, one.hold, one.buyer)).collect();
    let differ = of_baskets.symmetric_difference(&of_seats);
    differ.map(|held| format!("only a basket or only a seat tells of {held:?}")).collect()
}

pub(in super::super) fn liveness(findings: &Findings) -> Vec<String> {
    let mut wrong = Vec::new();
    for (id, events) in streams(findings, "basket") {
        let mut held: HashSet<Uuid> = HashSet::new();
        for event in events {
            match event.kind.as_str() {
                "TicketsHeld" => held.extend(&event.tickets),
                _ => held.retain(|ticket| !event.tickets.contains(ticket)),
            }
        }
        if !held.is_empty() {
            wrong.push(format!("the basket {id} is left with {held:?}"));
        }
    }
    for (id, events) in streams(findings, "seat") {
        if let Some(last) = events.last().filter(|last| last.kind == "Held") {
            wrong.push(format!("the seat {id} is left held until {:?}", last.until));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::super::sample::{at, event_mut, sound, without};
    use super::*;

    #[test]
    fn a_sound_sale_passes() {
        assert_eq!(one_holder(&sound()), Vec::<String>::new());
        assert_eq!(liveness(&sound()), Vec::<String>::new());
    }

    #[test]
    fn a_seat_with_two_holders_is_found() {
        // Held although it is sold, or sold to nobody.
        for lost in ["Returned", "Held"] {
            assert!(!one_holder(&without("seat", lost)).is_empty(), "{lost}");
        }
        // Whoever comes when the time of the hold before is over needs no word about its end.
        let mut unsaid = without("seat", "Released");
        assert_eq!(one_holder(&unsaid), Vec::<String>::new());
        for event in unsaid.venues_events.iter_mut().filter(|event| event.until == Some(at(6))) {
            event.until = Some(at(8));
        }
        assert_eq!(one_holder(&unsaid).len(), 1);
    }

    #[test]
    fn a_stale_release_a_late_sale_and_a_wrong_return_are_found() {
        let mut stale = sound();
        event_mut(&mut stale, "seat", "Released").hold = Some(Uuid::nil());
        assert_eq!(one_holder(&stale).len(), 1);
        let mut late = sound();
        event_mut(&mut late, "seat", "Sold").recorded_at = at(99);
        assert_eq!(one_holder(&late).len(), 1);
        for (kind, count) in [("Sold", 2), ("Returned", 1)] {
            let mut other = sound();
            event_mut(&mut other, "seat", kind).purchase = Some(Uuid::nil());
            assert!((1..=count).contains(&one_holder(&other).len()), "{kind}");
        }
        let mut stranger = sound();
        event_mut(&mut stranger, "seat", "Sold").buyer = Some(Uuid::nil());
        assert_eq!(one_holder(&stranger).len(), 1);
    }

    #[test]
    fn a_basket_that_does_not_know_of_a_hold_is_found() {
        let mut findings = sound();
        event_mut(&mut findings, "basket", "TicketsHeld").tickets.clear();
        assert_eq!(one_holder(&findings).len(), 1);
    }

    #[test]
    fn a_hold_that_is_left_is_found() {
        for lost in ["TicketsReleased", "TicketsBought"] {
            assert!(!liveness(&without("basket", lost)).is_empty(), "{lost}");
        }
        let mut left = sound();
        let last = |event: &VenuesEvent| event.aggregate == "seat";
        let last = left.venues_events.iter().rposition(last).expect("one");
        left.venues_events.remove(last);
        assert_eq!(liveness(&left).len(), 1);
    }
}
