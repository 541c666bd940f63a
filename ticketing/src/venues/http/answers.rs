//! What the routes of stadiums, named prices and matches answer, each with an example for the
//! document. These are not the events: the wire may change without touching history.

use chrono::{DateTime, TimeDelta, Utc};
use poem_openapi::payload::Json;
use poem_openapi::types::{Example, ParseFromJSON, ToJSON};
use poem_openapi::{ApiResponse, Object};
use serde::{Deserialize, Serialize};
use shared_events::Place;
use uuid::Uuid;

use super::super::fixtures::FixtureRow;
use super::super::stadium_seats::SeatRow;
use super::super::stadiums::StadiumRow;
use super::super::tariffs::TariffRow;
use crate::api::money::Money;
use crate::api::timestamp::Timestamp;

pub(super) fn example_id(n: u128) -> Uuid {
    Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0000 | n)
}

pub(super) fn example_instant(minutes: i64) -> DateTime<Utc> {
    let time = DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default();
    time + TimeDelta::minutes(minutes)
}

#[derive(ApiResponse)]
pub(super) enum Made<T: ToJSON + ParseFromJSON + Send + Sync> {
    /// Made
    #[oai(status = 201)]
    Made(Json<T>),
}

#[derive(ApiResponse)]
pub(super) enum One<T: ToJSON + ParseFromJSON + Send + Sync> {
    /// As it is now
    #[oai(status = 200)]
    One(
        Json<T>,
        /// The sequence of its last event, quoted; for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
pub(super) enum Done<T: ToJSON + ParseFromJSON + Send + Sync> {
    /// Done
    #[oai(status = 200)]
    Done(Json<T>),
}

#[derive(ApiResponse)]
pub(super) enum Many<T: ToJSON + ParseFromJSON + Send + Sync> {
    /// A page
    #[oai(status = 200)]
    Page(
        Json<Vec<T>>,
        /// The next page, `rel="next"` (RFC 8288); absent on the last one.
        #[oai(header = "Link")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
pub(super) enum Gone {
    /// Done; there is nothing to say
    #[oai(status = 204)]
    Done,
}

/// A stadium.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(rename = "Stadium", example)]
pub(super) struct StadiumSeen {
    /// Which stadium.
    pub(super) id: Uuid,
    /// What it is called; absent if it has no name.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default)]
    pub(super) name: Option<String>,
    /// What it is like.
    pub(super) description: String,
}

impl From<StadiumRow> for StadiumSeen {
    fn from(row: StadiumRow) -> Self {
        let name = (!row.name.is_empty()).then_some(row.name);
        Self { id: row.stadium_id, name, description: row.description }
    }
}

impl Example for StadiumSeen {
    fn example() -> Self {
        let name = Some("Arena".to_owned());
        Self { id: example_id(1), name, description: "A hall with a roof".to_owned() }
    }
}

/// How many seats a stadium has now.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(rename = "SeatCount", example)]
pub(super) struct SeatCount {
    /// Which stadium.
    pub(super) stadium: Uuid,
    /// How many seats it has now.
    pub(super) seats: u64,
}

impl Example for SeatCount {
    fn example() -> Self {
        Self { stadium: example_id(1), seats: 800 }
    }
}

/// A seat of a stadium.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(rename = "Seat", example)]
pub(super) struct SeatSeen {
    /// Which seat.
    pub(super) id: Uuid,
    /// Of which stadium.
    pub(super) stadium: Uuid,
    /// The section's name.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default)]
    pub(super) section: Option<String>,
    /// The row.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default)]
    pub(super) row: Option<u32>,
    /// The seat in its row.
    pub(super) number: u32,
}

impl From<SeatRow> for SeatSeen {
    fn from(seen: SeatRow) -> Self {
        let SeatRow { seat, stadium, place } = seen;
        let Place { section, row, number } = place;
        let section = (!section.is_empty()).then_some(section);
        let row = (row > 0).then_some(row);
        Self { id: seat.0, stadium: stadium.0, section, row, number }
    }
}

impl Example for SeatSeen {
    fn example() -> Self {
        let section = Some("North".to_owned());
        Self { id: example_id(2), stadium: example_id(1), section, row: Some(3), number: 7 }
    }
}

/// A named price.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(rename = "Price", example)]
pub(super) struct TariffSeen {
    /// Which one.
    pub(super) id: Uuid,
    /// Its name.
    pub(super) name: String,
    /// How much it is.
    pub(super) unit_price: Money,
}

impl From<TariffRow> for TariffSeen {
    fn from(row: TariffRow) -> Self {
        Self { id: row.tariff_id, name: row.name, unit_price: Money::minor(row.price_minor) }
    }
}

impl Example for TariffSeen {
    fn example() -> Self {
        Self { id: example_id(3), name: "Adults".to_owned(), unit_price: Money::minor(2_000) }
    }
}

/// A match.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(rename = "Match", example)]
pub(super) struct FixtureSeen {
    /// Which match.
    pub(super) id: Uuid,
    /// In which stadium.
    pub(super) stadium: Uuid,
    /// What it is called; absent if it has no title.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default)]
    pub(super) title: Option<String>,
    /// Its first instant.
    pub(super) start_time: Timestamp,
    /// Its end.
    pub(super) end_time: Timestamp,
    /// Whether only holders of a used access link may buy.
    pub(super) requires_link: bool,
}

impl From<FixtureRow> for FixtureSeen {
    fn from(row: FixtureRow) -> Self {
        Self {
            id: row.fixture_id,
            stadium: row.stadium_id,
            title: (!row.title.is_empty()).then_some(row.title),
            start_time: Timestamp(row.starts_at),
            end_time: Timestamp(row.ends_at),
            requires_link: row.requires_link,
        }
    }
}

impl Example for FixtureSeen {
    fn example() -> Self {
        Self {
            id: example_id(4),
            stadium: example_id(1),
            title: Some("Final".to_owned()),
            start_time: Timestamp(example_instant(0)),
            end_time: Timestamp(example_instant(120)),
            requires_link: false,
        }
    }
}

/// How many tickets were put on sale.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(rename = "TicketCount", example)]
pub(super) struct TicketCount {
    /// For which match.
    #[oai(rename = "match")]
    #[serde(rename = "match")]
    pub(super) fixture: Uuid,
    /// How many are new on sale; those that were before are as they were.
    pub(super) tickets: u64,
}

impl Example for TicketCount {
    fn example() -> Self {
        Self { fixture: example_id(4), tickets: 800 }
    }
}
