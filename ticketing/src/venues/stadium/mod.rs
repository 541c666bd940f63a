//! The aggregate `Stadium`: its seats, each place once, and the calendar of its matches, of which
//! no two overlap. Both are decided here and nowhere else.

mod add_seat;
mod book;
mod close;
mod define;
mod describe;
mod move_seat;
mod plan_seats;
mod remove_seat;
mod unbook;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use shared_events::{FixtureId, Place, SeatId, SectionPlan, StadiumEvent, StadiumId};

pub use add_seat::AddSeat;
pub use book::Book;
pub use close::CloseStadium;
pub use define::DefineStadium;
pub use describe::DescribeStadium;
pub use move_seat::{MoveSeat, NewPlace};
pub use plan_seats::PlanSeats;
pub use remove_seat::RemoveSeat;
pub use unbook::Unbook;

use super::pairs;

/// Seats that a stadium has at most.
pub const MOST_SEATS: u64 = 100_000;
/// Seats at most that are not as the plan has them: put in one by one, or moved.
pub const MOST_SINGLE_SEATS: usize = 5_000;

/// Where matches take place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stadium {
    /// There is none.
    #[default]
    Absent,
    /// There is one.
    Open {
        /// What it is called.
        name: String,
        /// What it is like.
        description: String,
        /// Its seats.
        seating: Arc<Seating>,
        /// When it is taken, and by which match.
        calendar: BTreeMap<FixtureId, Span>,
    },
    /// There was one.
    Closed,
}

/// From one instant until just before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first instant of it.
    pub starts_at: DateTime<Utc>,
    /// The first instant after it.
    pub ends_at: DateTime<Utc>,
}

impl Span {
    /// Whether the two have an instant in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.starts_at < other.ends_at && other.starts_at < self.ends_at
    }
}

/// The seats of a stadium: whole sections, and what differs from them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seating {
    /// Sections that were planned.
    pub sections: Vec<SectionPlan>,
    /// Places of sections whose seats are gone or elsewhere.
    pub missing: BTreeSet<Place>,
    /// Seats that were put in one by one, or moved.
    #[serde(with = "pairs")]
    pub single: BTreeMap<Place, SeatId>,
}

impl Seating {
    /// The seat at a place.
    pub fn seat_at(&self, stadium: StadiumId, place: &Place) -> Option<SeatId> {
        if let Some(seat) = self.single.get(place) {
            return Some(*seat);
        }
        let planned = !self.missing.contains(place) && self.sections.iter().any(|s| s.has(place));
        planned.then(|| SeatId::of(stadium, place))
    }

    /// Where these seats are; those that are not there are left out.
    pub fn places(&self, stadium: StadiumId, seats: &[SeatId]) -> Vec<(SeatId, Place)> {
        let asked: HashSet<SeatId> = seats.iter().copied().collect();
        let single = self.single.iter().map(|(place, seat)| (*seat, place.clone()));
        let planned = self.sections.iter().flat_map(SectionPlan::places);
        let planned = planned.filter(|place| !self.missing.contains(place));
        let planned = planned.map(|place| (SeatId::of(stadium, &place), place));
        single.chain(planned).filter(|(seat, _)| asked.contains(seat)).take(asked.len()).collect()
    }

    /// Where a seat is. `near` is where it was last seen: a seat that is not there, nor among those
    /// that were moved or put in one by one, is not in the stadium.
    pub fn place_of(&self, stadium: StadiumId, seat: SeatId, near: &Place) -> Option<Place> {
        if self.seat_at(stadium, near) == Some(seat) {
            return Some(near.clone());
        }
        let mut single = self.single.iter();
        single.find(|(_, single)| **single == seat).map(|(place, _)| place.clone())
    }

    fn has(&self, place: &Place) -> bool {
        let planned = !self.missing.contains(place) && self.sections.iter().any(|s| s.has(place));
        planned || self.single.contains_key(place)
    }

    /// How many seats there are.
    pub fn seats(&self) -> u64 {
        let planned: u64 = self.sections.iter().map(SectionPlan::seats).sum();
        planned - self.missing.len() as u64 + self.single.len() as u64
    }

    fn take_out(&mut self, place: &Place) {
        if self.single.remove(place).is_none() {
            self.missing.insert(place.clone());
        }
    }
}

/// What can be asked of a stadium.
#[derive(Clone, Debug)]
pub enum StadiumCommand {
    /// Define it.
    Define(DefineStadium),
    /// Describe it otherwise.
    Describe(DescribeStadium),
    /// Put in whole sections of seats.
    PlanSeats(PlanSeats),
    /// Put in a seat.
    AddSeat(AddSeat),
    /// Move a seat.
    MoveSeat(MoveSeat),
    /// Take a seat out.
    RemoveSeat(RemoveSeat),
    /// Take a time for a match.
    Book(Book),
    /// Give a match's time back.
    Unbook(Unbook),
    /// Close it.
    Close(CloseStadium),
    /// Look at it: nothing happens, but it has to be there.
    Look,
}

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StadiumError {
    /// There is no such stadium.
    #[error("there is no such stadium")]
    Unknown,
    /// The id was used before.
    #[error("the stadium exists already")]
    AlreadyDefined,
    /// There is a seat at this place.
    #[error("there is a seat at {section} {row} {number} already", section = .0.section,
            row = .0.row, number = .0.number)]
    SeatExists(Place),
    /// A section of this name has other rows or seats.
    #[error("the section {0} has other seats")]
    SectionExists(String),
    /// There is no such seat.
    #[error("there is no such seat")]
    UnknownSeat,
    /// It would have too many seats.
    #[error("the stadium would have too many seats")]
    TooManySeats,
    /// Another match takes place at that time.
    #[error("another match takes place at that time: {0}")]
    Taken(FixtureId),
    /// Matches will take place there.
    #[error("matches will take place there")]
    HasMatches,
}

/// A stadium that is open, for decisions.
struct Open<'a> {
    name: &'a str,
    description: &'a str,
    seating: &'a Seating,
    calendar: &'a BTreeMap<FixtureId, Span>,
}

impl Stadium {
    /// Its seats, if it is open.
    pub fn seating(&self) -> Option<&Arc<Seating>> {
        match self {
            Self::Open { seating, .. } => Some(seating),
            Self::Absent | Self::Closed => None,
        }
    }

    fn open(&self) -> Result<Open<'_>, StadiumError> {
        match self {
            Self::Open { name, description, seating, calendar } => {
                Ok(Open { name, description, seating, calendar })
            }
            Self::Absent | Self::Closed => Err(StadiumError::Unknown),
        }
    }
}

impl Aggregate for Stadium {
    const TYPE: &'static str = "stadium";
    type Command = StadiumCommand;
    type Event = StadiumEvent;
    type Error = StadiumError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let events = match command {
            StadiumCommand::Define(command) => command.decide(self),
            StadiumCommand::Describe(command) => command.decide(self),
            StadiumCommand::PlanSeats(command) => command.decide(self),
            StadiumCommand::AddSeat(command) => command.decide(self),
            StadiumCommand::MoveSeat(command) => command.decide(self),
            StadiumCommand::RemoveSeat(command) => command.decide(self),
            StadiumCommand::Book(command) => command.decide(self),
            StadiumCommand::Unbook(command) => command.decide(self),
            StadiumCommand::Close(command) => command.decide(self),
            StadiumCommand::Look => self.open().map(|_| Vec::new()),
        }?;
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        if let StadiumEvent::Defined { name, description } = event {
            let (seating, calendar) = (Arc::default(), BTreeMap::new());
            *self = Self::Open { name, description, seating, calendar };
            return;
        }
        let Self::Open { name, description, seating, calendar } = self else { return };
        match event {
            StadiumEvent::Defined { .. } => {}
            StadiumEvent::Described { name: new_name, description: new_description } => {
                *name = new_name;
                *description = new_description;
            }
            StadiumEvent::SeatsPlanned { sections } => {
                Arc::make_mut(seating).sections.extend(sections);
            }
            StadiumEvent::SeatAdded { seat, place } => {
                Arc::make_mut(seating).single.insert(place, seat);
            }
            StadiumEvent::SeatMoved { seat, from, to } => {
                let seating = Arc::make_mut(seating);
                seating.take_out(&from);
                seating.single.insert(to, seat);
            }
            StadiumEvent::SeatRemoved { place, .. } => Arc::make_mut(seating).take_out(&place),
            StadiumEvent::Booked { fixture, starts_at, ends_at } => {
                calendar.insert(fixture, Span { starts_at, ends_at });
            }
            StadiumEvent::Unbooked { fixture } => {
                calendar.remove(&fixture);
            }
            StadiumEvent::Closed => *self = Self::Closed,
        }
    }
}

#[cfg(test)]
mod given {
    //! States of a stadium, as the events that lead to them.

    use super::*;
    use uuid::Uuid;

    pub(super) const STADIUM: StadiumId = StadiumId(Uuid::from_u128(1));
    pub(super) const FIXTURE: FixtureId = FixtureId(Uuid::from_u128(2));
    pub(super) const OTHER_FIXTURE: FixtureId = FixtureId(Uuid::from_u128(3));
    pub(super) const SEAT: SeatId = SeatId(Uuid::from_u128(4));

    pub(super) fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_219_200 + hour * 3_600, 0).unwrap()
    }

    pub(super) fn place(section: &str, row: u32, number: u32) -> Place {
        Place { section: section.into(), row, number }
    }

    pub(super) fn section(name: &str, rows: u32, seats_per_row: u32) -> SectionPlan {
        SectionPlan { name: name.into(), rows, seats_per_row }
    }

    pub(super) fn defined() -> Vec<StadiumEvent> {
        vec![StadiumEvent::Defined { name: "Arena".into(), description: "a hall".into() }]
    }

    /// Two rows of three seats in section A.
    pub(super) fn planned() -> Vec<StadiumEvent> {
        let sections = vec![section("A", 2, 3)];
        [defined(), vec![StadiumEvent::SeatsPlanned { sections }]].concat()
    }

    /// A match from 18 to 20 hours.
    pub(super) fn booked() -> Vec<StadiumEvent> {
        let (starts_at, ends_at) = (at(18), at(20));
        [planned(), vec![StadiumEvent::Booked { fixture: FIXTURE, starts_at, ends_at }]].concat()
    }

    pub(super) fn then(mut events: Vec<StadiumEvent>, event: StadiumEvent) -> Vec<StadiumEvent> {
        events.push(event);
        events
    }

    /// What a command comes to, in a given state.
    pub(super) fn decided(
        given: Vec<StadiumEvent>,
        command: StadiumCommand,
    ) -> Result<Vec<StadiumEvent>, StadiumError> {
        let framework = cqrs_es::test::TestFramework::<Stadium>::with(());
        framework.given(given).when(command).inspect_result()
    }
}
