//! What the routes of tickets and of the seat map answer, each with an example for the document.

use poem_openapi::payload::{Binary, Json};
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::holding::{Held, HeldSeat};
use super::super::seat_maps::Answer;
use super::super::tickets::TicketRow;
use super::answers::{example_id, example_instant};
use crate::api::money::Money;
use crate::api::timestamp::Timestamp;

/// A ticket.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(rename = "Ticket", example)]
pub(super) struct TicketSeen {
    /// Which ticket.
    pub(super) id: Uuid,
    /// For which match.
    #[oai(rename = "match")]
    #[serde(rename = "match")]
    pub(super) fixture: Uuid,
    /// For which seat.
    pub(super) seat: Uuid,
    /// The section's name; empty if there are none.
    pub(super) section: String,
    /// The row; 0 if there are none.
    pub(super) row: u32,
    /// The seat in its row.
    pub(super) number: u32,
    /// At which named price it is sold.
    pub(super) price: Uuid,
    /// How much that was when it was put on sale, which it costs.
    pub(super) unit_price: Money,
    /// 1 reserved, 2 cancelled, 3 confirmed, 4 empty, 5 expired.
    pub(super) status: u8,
    /// The same in a word.
    pub(super) status_name: String,
}

impl From<TicketRow> for TicketSeen {
    fn from(row: TicketRow) -> Self {
        Self {
            id: row.ticket.0,
            fixture: row.fixture.0,
            seat: row.seat.0,
            section: row.place.section,
            row: row.place.row,
            number: row.place.number,
            price: row.tariff.0,
            unit_price: Money::minor(row.price_minor),
            status: row.status.number(),
            status_name: row.status.as_str().to_owned(),
        }
    }
}

impl Example for TicketSeen {
    fn example() -> Self {
        Self {
            id: example_id(5),
            fixture: example_id(4),
            seat: example_id(2),
            section: "North".to_owned(),
            row: 3,
            number: 7,
            price: example_id(3),
            unit_price: Money::minor(2_000),
            status: 4,
            status_name: "empty".to_owned(),
        }
    }
}

/// That a ticket is reserved.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(rename = "TicketReserved", example)]
pub(super) struct Reserved {
    /// That it is.
    pub(super) message: String,
    /// The first instant at which somebody else may have it.
    pub(super) expires_at: Timestamp,
}

impl Reserved {
    pub(super) fn of(held: &Held) -> Self {
        let message = "Ticket reserved successfully".to_owned();
        Self { message, expires_at: Timestamp(held.until) }
    }
}

impl Example for Reserved {
    fn example() -> Self {
        let message = "Ticket reserved successfully".to_owned();
        Self { message, expires_at: Timestamp(example_instant(5)) }
    }
}

/// Tickets that are reserved together.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(rename = "TicketsReserved", example)]
pub(super) struct ReservedTogether {
    /// That they are.
    pub(super) message: String,
    /// The first instant at which somebody else may have them.
    pub(super) expires_at: Timestamp,
    /// By which hold.
    pub(super) hold_id: Uuid,
    /// Which.
    pub(super) tickets: Vec<ReservedTicket>,
}

/// A ticket that is reserved.
#[derive(Debug, Object, Serialize, Deserialize)]
pub(super) struct ReservedTicket {
    /// Which ticket.
    pub(super) id: Uuid,
    /// The section's name; empty if there are none.
    pub(super) section: String,
    /// The row; 0 if there are none.
    pub(super) row: u32,
    /// The seat in its row.
    pub(super) number: u32,
    /// What it costs.
    pub(super) unit_price: Money,
}

impl ReservedTogether {
    pub(super) fn of(held: &Held) -> Self {
        let ticket = |seat: &HeldSeat| ReservedTicket {
            id: seat.ticket.0,
            section: seat.place.section.clone(),
            row: seat.place.row,
            number: seat.place.number,
            unit_price: Money::minor(seat.price.price_minor),
        };
        Self {
            message: "Ticket reserved successfully".to_owned(),
            expires_at: Timestamp(held.until),
            hold_id: held.hold.0,
            tickets: held.tickets.iter().map(ticket).collect(),
        }
    }
}

impl Example for ReservedTogether {
    fn example() -> Self {
        let section = "North".to_owned();
        let unit_price = Money::minor(2_000);
        let ticket = ReservedTicket { id: example_id(5), section, row: 3, number: 7, unit_price };
        Self {
            message: "Ticket reserved successfully".to_owned(),
            expires_at: Timestamp(example_instant(5)),
            hold_id: example_id(9),
            tickets: vec![ticket],
        }
    }
}

/// That a hold was given up.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(rename = "TicketCancelled", example)]
pub(super) struct Cancelled {
    /// That it was.
    pub(super) message: String,
}

impl Cancelled {
    pub(super) fn new() -> Self {
        Self { message: "Ticket CANCELED successfully".to_owned() }
    }
}

impl Example for Cancelled {
    fn example() -> Self {
        Self::new()
    }
}

/// The seats of a match.
#[derive(Object)]
#[oai(rename = "SeatMap", example)]
pub(super) struct SeatMapSeen {
    /// Which match.
    #[oai(rename = "match")]
    fixture: Uuid,
    /// What seats cost.
    prices: Vec<SeatMapPrice>,
    /// The sections, in the order in which they were put on sale.
    sections: Vec<SeatMapSection>,
}

/// What seats cost.
#[derive(Object)]
struct SeatMapPrice {
    /// Which named price.
    id: Uuid,
    /// How much that was when they were put on sale.
    unit_price: Money,
}

/// Seats of a section.
#[derive(Object)]
struct SeatMapSection {
    /// The section's name; empty if there are none.
    name: String,
    /// Its rows; one whose seats cost differently is in several parts.
    rows: Vec<SeatMapRow>,
}

/// Seats of a row, numbered without a gap.
#[derive(Object)]
struct SeatMapRow {
    /// The row; 0 if there are none.
    row: u32,
    /// The number of the first seat.
    first: u32,
    /// What each costs: a place in `prices`, from 0.
    price: u32,
    /// One digit a seat: 0 not on sale, 1 reserved, 2 cancelled, 3 confirmed, 4 empty, 5 expired.
    seats: String,
}

impl Example for SeatMapSeen {
    fn example() -> Self {
        let row = SeatMapRow { row: 1, first: 1, price: 0, seats: "4441133344".to_owned() };
        let section = SeatMapSection { name: "North".to_owned(), rows: vec![row] };
        let price = SeatMapPrice { id: example_id(3), unit_price: Money::minor(2_000) };
        Self { fixture: example_id(4), prices: vec![price], sections: vec![section] }
    }
}

/// A seat map that is written already; the document describes it as [`SeatMapSeen`].
pub(super) struct Written(Binary<bytes::Bytes>);

impl poem_openapi::payload::Payload for Written {
    const CONTENT_TYPE: &'static str = "application/json";

    fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
        <Json<SeatMapSeen> as poem_openapi::payload::Payload>::schema_ref()
    }

    fn register(registry: &mut poem_openapi::registry::Registry) {
        <Json<SeatMapSeen> as poem_openapi::payload::Payload>::register(registry);
    }
}

impl poem::IntoResponse for Written {
    fn into_response(self) -> poem::Response {
        poem::Response::builder().content_type("application/json; charset=utf-8").body(self.0.0)
    }
}

#[derive(ApiResponse)]
pub(super) enum SeatMapAnswer {
    /// The map
    #[oai(status = 200)]
    Map(
        Written,
        /// The last event in it and the last time that has passed; the same on every replica.
        #[oai(header = "ETag")]
        String,
        #[oai(header = "Cache-Control")] String,
    ),
    /// It is the map that is at hand
    #[oai(status = 304)]
    Unchanged(
        /// Its entity tag.
        #[oai(header = "ETag")]
        String,
        #[oai(header = "Cache-Control")] String,
    ),
}

/// The map and that it did not change are kept alike (RFC 9110, section 15.4.5): by who asked
/// alone, and asked for again each time.
const KEPT: &str = "private, no-cache";

impl SeatMapAnswer {
    pub(super) fn of(Answer { etag, body }: Answer) -> Self {
        Self::Map(Written(Binary(body)), etag, KEPT.to_owned())
    }

    pub(super) fn unchanged(etag: String) -> Self {
        Self::Unchanged(etag, KEPT.to_owned())
    }
}
