//! The events of a stadium: its seats, and when its matches take place. A plan of many thousand
//! seats is one event; the ids of its seats follow from their places. Names are the organiser's own
//! words about places, nobody's personal data, so they stand in history.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::fixture::FixtureId;
use crate::id::id;

id! {
    /// Which stadium.
    StadiumId
}
id! {
    /// Which seat of a stadium.
    SeatId
}

/// Where a seat is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The section's name; empty where there are none.
    pub section: String,
    /// The row, from 1; 0 where there are none.
    pub row: u32,
    /// The seat in its row, from 1.
    pub number: u32,
}

impl SeatId {
    /// The id of the seat that a stadium's plan has at a place: a UUID v5 in the stadium's
    /// namespace of `<section>/<row>/<number>`.
    pub fn of(stadium: StadiumId, place: &Place) -> Self {
        let Place { section, row, number } = place;
        Self(Uuid::new_v5(&stadium.0, format!("{section}/{row}/{number}").as_bytes()))
    }
}

/// Rows of equal length, numbered from 1, with seats that are numbered from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionPlan {
    /// The section's name.
    pub name: String,
    /// How many rows it has.
    pub rows: u32,
    /// How many seats each row has.
    pub seats_per_row: u32,
}

impl SectionPlan {
    /// How many seats it has.
    pub fn seats(&self) -> u64 {
        u64::from(self.rows) * u64::from(self.seats_per_row)
    }

    /// Whether it has a seat at this place.
    pub fn has(&self, place: &Place) -> bool {
        self.name == place.section
            && (1..=self.rows).contains(&place.row)
            && (1..=self.seats_per_row).contains(&place.number)
    }

    /// Its places, row by row.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        let Self { name, rows, seats_per_row } = self;
        (1..=*rows).flat_map(move |row| {
            let place = move |number| Place { section: name.clone(), row, number };
            (1..=*seats_per_row).map(place)
        })
    }
}

/// What happens to a stadium.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum StadiumEvent {
    /// There is a stadium.
    Defined {
        /// What it is called; may be empty.
        name: String,
        /// What it is like.
        description: String,
    },
    /// It is described otherwise; both are told as they are now.
    Described {
        /// What it is called.
        name: String,
        /// What it is like.
        description: String,
    },
    /// Whole sections of seats were put in; their ids are [`SeatId::of`] their places.
    SeatsPlanned {
        /// Which.
        sections: Vec<SectionPlan>,
    },
    /// A seat was put in.
    SeatAdded {
        /// Which.
        #[serde(rename = "seat_id")]
        seat: SeatId,
        /// Where.
        #[serde(flatten)]
        place: Place,
    },
    /// A seat is elsewhere now.
    SeatMoved {
        /// Which.
        #[serde(rename = "seat_id")]
        seat: SeatId,
        /// Where it was.
        from: Place,
        /// Where it is.
        to: Place,
    },
    /// A seat was taken out.
    SeatRemoved {
        /// Which.
        #[serde(rename = "seat_id")]
        seat: SeatId,
        /// Where it was.
        #[serde(flatten)]
        place: Place,
    },
    /// A match takes place, or takes place at another time than before.
    Booked {
        /// Which match.
        #[serde(rename = "match_id")]
        fixture: FixtureId,
        /// Its first instant.
        starts_at: DateTime<Utc>,
        /// The first instant at which the next may begin.
        ends_at: DateTime<Utc>,
    },
    /// A match does not take place here.
    Unbooked {
        /// Which match.
        #[serde(rename = "match_id")]
        fixture: FixtureId,
    },
    /// There is no such stadium any more.
    Closed,
}

impl DomainEvent for StadiumEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Defined { .. } => "Defined",
            Self::Described { .. } => "Described",
            Self::SeatsPlanned { .. } => "SeatsPlanned",
            Self::SeatAdded { .. } => "SeatAdded",
            Self::SeatMoved { .. } => "SeatMoved",
            Self::SeatRemoved { .. } => "SeatRemoved",
            Self::Booked { .. } => "Booked",
            Self::Unbooked { .. } => "Unbooked",
            Self::Closed => "Closed",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_has_each_of_its_places_and_no_other() {
        let section = SectionPlan { name: "A".into(), rows: 2, seats_per_row: 3 };
        let places: Vec<_> = section.places().collect();
        assert_eq!((places.len() as u64, section.seats()), (6, 6));
        assert!(places.iter().all(|place| section.has(place)));
        for (name, row, number) in [("B", 1, 1), ("A", 0, 1), ("A", 3, 1), ("A", 1, 0), ("A", 1, 4)]
        {
            assert!(!section.has(&Place { section: name.into(), row, number }));
        }
    }

    #[test]
    fn the_id_of_a_seat_follows_from_its_place_for_ever() {
        let place = Place { section: "A".into(), row: 1, number: 2 };
        let id = SeatId::of(StadiumId(Uuid::from_u128(1)), &place);
        assert_eq!(id.to_string(), "133f69a3-5abe-5273-a57d-cbaf167d0429");
    }
}
