//! The events of a match (`fixture` in code): when it takes place, and which of its seats are on
//! sale for how much. Putting any number of seats on sale is one event; who has a seat is told by
//! the events of that seat.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::id;
use crate::price::Price;
use crate::stadium::{Place, SeatId, SectionPlan, StadiumId};
use crate::tariff::TariffId;

id! {
    /// Which match.
    FixtureId
}
id! {
    /// Which seat of which match: what a spectator buys.
    TicketId
}

impl TicketId {
    /// The ticket for a seat at a match: a UUID v5 of the seat's id in the match's namespace.
    pub fn of(fixture: FixtureId, seat: SeatId) -> Self {
        Self(Uuid::new_v5(&fixture.0, seat.0.as_bytes()))
    }
}

/// A whole section as it is put on sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Its rows and seats; their ids are [`SeatId::of`] their places.
    #[serde(flatten)]
    pub plan: SectionPlan,
    /// Row and number of those that are not meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<(u32, u32)>,
}

/// A single seat as it is put on sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedSeat {
    /// Which seat.
    #[serde(rename = "seat_id")]
    pub seat: SeatId,
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
}

/// What happens to a match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum FixtureEvent {
    /// A match will take place.
    Scheduled {
        /// Where.
        #[serde(rename = "stadium_id")]
        stadium: StadiumId,
        /// What it is called; may be empty.
        title: String,
        /// Its first instant; from then on nothing is sold.
        starts_at: DateTime<Utc>,
        /// Its end.
        ends_at: DateTime<Utc>,
        /// Whether only holders of a used access link may buy.
        requires_link: bool,
    },
    /// It is called otherwise, or sold otherwise; both are told as they are now.
    Edited {
        /// What it is called.
        title: String,
        /// Whether only holders of a used access link may buy.
        requires_link: bool,
    },
    /// It takes place at another time: who has tickets should be told.
    Moved {
        /// Its first instant.
        starts_at: DateTime<Utc>,
        /// Its end.
        ends_at: DateTime<Utc>,
    },
    /// Seats are on sale from now on.
    SeatsOffered {
        /// At which named price.
        #[serde(rename = "tariff_id")]
        tariff: TariffId,
        /// How much that is; it stays, whatever becomes of the named price.
        #[serde(flatten)]
        price: Price,
        /// Whole sections.
        blocks: Vec<Block>,
        /// Single seats.
        seats: Vec<OfferedSeat>,
    },
    /// A ticket has another price.
    TicketRepriced {
        /// Which ticket.
        #[serde(rename = "ticket_id")]
        ticket: TicketId,
        /// Where its seat is.
        #[serde(flatten)]
        place: Place,
        /// At which named price.
        #[serde(rename = "tariff_id")]
        tariff: TariffId,
        /// How much that is.
        #[serde(flatten)]
        price: Price,
    },
    /// A ticket is not on sale any more.
    TicketWithdrawn {
        /// Which ticket.
        #[serde(rename = "ticket_id")]
        ticket: TicketId,
        /// Where its seat is.
        #[serde(flatten)]
        place: Place,
    },
    /// It does not take place.
    Cancelled,
}

impl DomainEvent for FixtureEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Scheduled { .. } => "Scheduled",
            Self::Edited { .. } => "Edited",
            Self::Moved { .. } => "Moved",
            Self::SeatsOffered { .. } => "SeatsOffered",
            Self::TicketRepriced { .. } => "TicketRepriced",
            Self::TicketWithdrawn { .. } => "TicketWithdrawn",
            Self::Cancelled => "Cancelled",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
