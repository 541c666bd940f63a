//! What an announcement is once it was made: its terms, how far it has come, its bookings, and what
//! events make of them. Not here: any decision.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use shared_events::{AccountId, AnnouncementEvent, BookingId, FilmId, TextId};

use super::Booking;

/// An outing with those who want to come along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outing {
    /// What was announced.
    pub terms: Terms,
    /// How far it has come, as it was recorded.
    pub stage: Stage,
    /// Who applied, whatever has become of it.
    pub bookings: BTreeMap<BookingId, Booking>,
    /// Who has removed a booking that the host had declined.
    pub declined: BTreeSet<AccountId>,
    /// How often it was moved or called off: which time it is that its guests follow.
    pub moves: u32,
}

/// What was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// By whom.
    pub host: AccountId,
    /// To which film.
    pub film: FilmId,
    /// Under which title.
    pub title: TextId,
    /// With which description.
    pub description: TextId,
    /// Where.
    pub location: TextId,
    /// Whether only those who follow the host may see it.
    pub sub_only: bool,
    /// Whether guests pay nothing.
    pub is_free: bool,
    /// How many guests there can be, 1 to 1,000.
    pub places: u32,
    /// When.
    pub span: Span,
}

/// When an outing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Its first instant.
    pub starts_at: DateTime<Utc>,
    /// How long it takes, in minutes.
    pub duration_minutes: u32,
}

impl Span {
    /// The first instant at which it is over.
    pub fn ends_at(self) -> DateTime<Utc> {
        self.starts_at + TimeDelta::minutes(self.duration_minutes.into())
    }
}

/// How far an announcement has come, as it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Nobody can apply yet.
    Draft,
    /// Guests can apply.
    Open,
    /// No place is left.
    Full,
    /// It is over.
    Ended,
    /// It does not take place.
    Cancelled,
}

/// How far an announcement has come at a moment, as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A draft.
    Created,
    /// Guests can apply.
    Alive,
    /// No place is left, or it does not take place.
    Closed,
    /// It is over.
    Done,
}

impl Status {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Alive => "Alive",
            Self::Closed => "Closed",
            Self::Done => "Done",
        }
    }
}

impl Outing {
    pub(super) fn draft(terms: Terms) -> Self {
        let (bookings, declined) = (BTreeMap::new(), BTreeSet::new());
        Self { terms, stage: Stage::Draft, bookings, declined, moves: 0 }
    }

    /// What people see at this moment, whether or not somebody has recorded that it is over. What
    /// was never opened is a draft for ever.
    pub fn status_at(&self, now: DateTime<Utc>) -> Status {
        match self.stage {
            Stage::Draft => Status::Created,
            Stage::Cancelled => Status::Closed,
            Stage::Ended => Status::Done,
            Stage::Open | Stage::Full if now >= self.terms.span.ends_at() => Status::Done,
            Stage::Open => Status::Alive,
            Stage::Full => Status::Closed,
        }
    }

    /// Whether guests are there, or were.
    pub fn has_begun(&self, now: DateTime<Utc>) -> bool {
        let is_public = matches!(self.stage, Stage::Open | Stage::Full | Stage::Ended);
        is_public && now >= self.terms.span.starts_at
    }

    /// Whether a guest can still say no: until it begins. Whoever has no place can until it is
    /// over, otherwise a host who never answers would hold their time with no way out.
    pub(super) fn can_leave(&self, booking: &Booking, now: DateTime<Utc>) -> bool {
        let is_over = self.status_at(now) == Status::Done;
        let is_late = if booking.has_place() { self.has_begun(now) } else { is_over };
        !is_late
    }

    /// How many places are taken.
    pub fn taken(&self) -> u32 {
        let taken = self.bookings.values().filter(|booking| booking.has_place()).count();
        u32::try_from(taken).unwrap_or(u32::MAX)
    }

    /// How many places are left.
    pub fn left(&self) -> u32 {
        self.terms.places.saturating_sub(self.taken())
    }

    /// The booking of a guest.
    pub fn booking_of(&self, guest: AccountId) -> Option<(BookingId, &Booking)> {
        let mut of_guest = self.bookings.iter().filter(|(_, booking)| booking.guest == guest);
        of_guest.next().map(|(id, booking)| (*id, booking))
    }

    /// A booking as people see it: what was called off takes nobody along.
    pub fn booking(&self, id: BookingId) -> Option<Booking> {
        let booking = *self.bookings.get(&id)?;
        match self.stage {
            Stage::Cancelled => Some(Booking { host_says: Some(false), ..booking }),
            _ => Some(booking),
        }
    }

    /// When a guest is engaged by a booking; `None` if not.
    pub fn engages(&self, id: BookingId) -> Option<Span> {
        self.booking(id).filter(Booking::engages).map(|_| self.terms.span)
    }

    pub(super) fn apply(&mut self, event: AnnouncementEvent) {
        match event {
            AnnouncementEvent::Announced { .. } => {}
            AnnouncementEvent::Opened | AnnouncementEvent::Reopened => self.stage = Stage::Open,
            AnnouncementEvent::Closed => self.stage = Stage::Full,
            AnnouncementEvent::Ended => self.stage = Stage::Ended,
            AnnouncementEvent::Cancelled => {
                self.stage = Stage::Cancelled;
                self.moves += 1;
            }
            AnnouncementEvent::Edited { title, description, location, sub_only, is_free } => {
                self.terms =
                    Terms { title, description, location, sub_only, is_free, ..self.terms };
            }
            AnnouncementEvent::PlacesChanged { places } => self.terms.places = places,
            AnnouncementEvent::Moved { starts_at, duration_minutes } => {
                self.terms.span = Span { starts_at, duration_minutes };
                self.moves += 1;
            }
            AnnouncementEvent::Applied { booking, guest } => {
                self.bookings.insert(booking, Booking::new(guest));
            }
            AnnouncementEvent::Removed { booking } => {
                let removed = self.bookings.remove(&booking);
                let declined = removed.filter(|booking| booking.host_says == Some(false));
                self.declined.extend(declined.map(|booking| booking.guest));
            }
            AnnouncementEvent::Accepted { booking } => self.host_says(booking, true),
            AnnouncementEvent::Declined { booking } => self.host_says(booking, false),
            AnnouncementEvent::Confirmed { booking } => self.guest_says(booking, true),
            AnnouncementEvent::Withdrawn { booking } => self.guest_says(booking, false),
            AnnouncementEvent::ClashFound { booking } => self.clashes(booking, true),
            AnnouncementEvent::ClashCleared { booking } => self.clashes(booking, false),
        }
    }

    fn host_says(&mut self, id: BookingId, yes: bool) {
        if let Some(booking) = self.bookings.get_mut(&id) {
            *booking = Booking { host_says: Some(yes), clashes: false, ..*booking };
        }
    }

    fn guest_says(&mut self, id: BookingId, yes: bool) {
        if let Some(booking) = self.bookings.get_mut(&id) {
            *booking = Booking { guest_says: yes, clashes: false, ..*booking };
        }
    }

    fn clashes(&mut self, id: BookingId, clashes: bool) {
        if let Some(booking) = self.bookings.get_mut(&id) {
            booking.clashes = clashes;
        }
    }
}
