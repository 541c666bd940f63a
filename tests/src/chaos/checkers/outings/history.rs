//! What the history makes of each announcement, event by event, and what is odd about an event.
//! Written anew, so that it does not repeat a mistake of the service.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::chaos::findings::Findings;
use crate::chaos::findings::outings::OutingsEvent;

/// From when until when; the end is not part of it.
pub(super) type Span = (DateTime<Utc>, DateTime<Utc>);

/// An announcement with its bookings, the removed ones too.
#[derive(Clone, Debug, Default)]
pub(super) struct Outing {
    pub(super) host: Uuid,
    pub(super) places: i64,
    pub(super) span: Span,
    pub(super) is_called_off: bool,
    /// Whether its last word was that no place is left.
    pub(super) is_closed: bool,
    pub(super) bookings: BTreeMap<Uuid, Booking>,
    /// Whether guests could ever apply.
    pub(super) is_open: bool,
    is_known: bool,
}

/// A booking and what both say of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Booking {
    pub(super) guest: Uuid,
    pub(super) guest_says: bool,
    pub(super) host_says: Option<bool>,
    pub(super) clashes: bool,
    pub(super) is_removed: bool,
}

impl Booking {
    /// Whether it takes a place.
    pub(super) fn has_place(&self) -> bool {
        !self.is_removed && self.guest_says && self.host_says == Some(true)
    }

    /// Whether neither says no.
    pub(super) fn is_wanted(&self) -> bool {
        !self.is_removed && self.guest_says && self.host_says != Some(false)
    }

    /// What it is after an event, and whether that was to be expected.
    fn after(self, kind: &str) -> (Self, bool) {
        let Self { guest_says, host_says, clashes, is_removed, .. } = self;
        let said = Self { clashes: false, ..self };
        let (after, is_new) = match kind {
            "Accepted" => (Self { host_says: Some(true), ..said }, host_says != Some(true)),
            "Declined" => (Self { host_says: Some(false), ..said }, host_says != Some(false)),
            // Who was elsewhere when it was moved may say yes once more.
            "Confirmed" => (Self { guest_says: true, ..said }, !guest_says || clashes),
            "Withdrawn" => (Self { guest_says: false, ..said }, guest_says),
            "Removed" => (Self { is_removed: true, ..self }, true),
            "ClashFound" => (Self { clashes: true, ..self }, !clashes),
            "ClashCleared" => (said, clashes),
            _ => (self, false),
        };
        (after, is_new && !is_removed)
    }
}

impl Outing {
    pub(super) fn taken(&self) -> i64 {
        self.bookings.values().filter(|booking| booking.has_place()).count() as i64
    }

    /// Takes in an event; whether it was to be expected.
    fn take_in(&mut self, event: &OutingsEvent) -> bool {
        let was_known = std::mem::replace(&mut self.is_known, true);
        match event.kind.as_str() {
            "Announced" => {
                self.host = event.person.unwrap_or_default();
                self.places = event.places.unwrap_or_default();
                self.span = span(event);
                return !was_known;
            }
            "Opened" => return was_known && !std::mem::replace(&mut self.is_open, true),
            "PlacesChanged" => {
                let before = std::mem::replace(&mut self.places, event.places.unwrap_or_default());
                return !self.is_called_off && before != self.places;
            }
            "Moved" => {
                let before = std::mem::replace(&mut self.span, span(event));
                return !self.is_called_off && before != self.span;
            }
            "Closed" => return !std::mem::replace(&mut self.is_closed, true),
            "Reopened" => return std::mem::replace(&mut self.is_closed, false),
            "Cancelled" => return !std::mem::replace(&mut self.is_called_off, true),
            _ => {}
        }
        let Some(id) = event.booking else { return false };
        if event.kind == "Applied" {
            let guest = event.person.unwrap_or_default();
            let new = Booking { guest, guest_says: true, ..Booking::default() };
            let is_first = !self.bookings.values().any(|one| one.guest == guest && !one.is_removed);
            let is_new = self.bookings.insert(id, new).is_none();
            return is_first && is_new && guest != self.host && self.is_open && !self.is_closed;
        }
        let Some(booking) = self.bookings.get_mut(&id) else { return false };
        let (after, is_expected) = booking.after(&event.kind);
        *booking = after;
        is_expected && (!self.is_called_off || event.kind == "Removed")
    }
}

/// From when until when an event says.
pub(super) fn span(event: &OutingsEvent) -> Span {
    (event.starts_at.unwrap_or_default(), event.ends_at.unwrap_or_default())
}

/// What became of each announcement. `each` hears of every event, with the announcement as it is
/// then and whether the event was to be expected.
pub(super) fn play<'a>(
    findings: &'a Findings,
    mut each: impl FnMut(&'a OutingsEvent, &Outing, bool),
) -> BTreeMap<Uuid, Outing> {
    let mut outings: BTreeMap<Uuid, Outing> = BTreeMap::new();
    for event in findings.outings.events.iter().filter(|event| event.aggregate == "announcement") {
        let outing = outings.entry(event.stream).or_default();
        let is_expected = outing.take_in(event);
        each(event, outing, is_expected);
    }
    outings
}

/// What became of each announcement in the end.
pub(super) fn end(findings: &Findings) -> BTreeMap<Uuid, Outing> {
    play(findings, |_, _, _| {})
}
