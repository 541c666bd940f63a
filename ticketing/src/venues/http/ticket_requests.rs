//! What the operations on tickets, wallets and purchases take, and the judgement of each member.

use poem_openapi::Object;
use poem_openapi::registry::MetaSchema;
use poem_openapi::types::Example;
use shared_events::{SeatId, TicketId};
use uuid::Uuid;

use super::super::basket::MOST_HELD;
use super::super::seat_maps::Wanted;
use super::answers::example_id;
use super::bounds::{Count, Items, UnitPrice};
use super::requests::Judge;
use crate::api::money::Money;
use crate::api::text::{Rule, Text};
use crate::api_error::ApiError;

/// Seats that are reserved at once at most.
const MOST_AT_ONCE: u32 = 100;
const _: () = assert!(MOST_AT_ONCE as usize == MOST_HELD);
/// What a top-up may be, in hundredths.
const TOP_UPS: std::ops::RangeInclusive<i64> = 1..=10_000_000;
/// The longest token of a payment provider that is taken, in characters.
const LONGEST_SOURCE: usize = 255;
/// What is paid with unless something else is said: the test provider's card.
const DEFAULT_SOURCE: &str = "tok_visa";

/// Seats to be put on sale.
#[derive(Object)]
#[oai(rename = "TicketsOffer", example, skip_serializing_if_is_none)]
pub(super) struct TicketsOffer {
    /// At which named price.
    pub(super) price: Uuid,
    /// Only seats of these sections, 1 to 1,000.
    pub(super) sections: Option<Items<String, 1, 1_000>>,
    /// Only these seats, 1 to 1,000; not beside `sections`.
    pub(super) seats: Option<Items<Uuid, 1, 1_000>>,
}

impl Example for TicketsOffer {
    fn example() -> Self {
        let sections = Some(Items(vec!["North".to_owned()]));
        Self { price: example_id(3), sections, seats: None }
    }
}

/// Which seats are to be put on sale.
pub(super) enum Offered {
    All,
    Sections(Vec<String>),
    Seats(Vec<SeatId>),
}

impl TicketsOffer {
    /// # Errors
    /// 422 with each broken rule.
    pub(super) fn judge(self) -> Result<Offered, ApiError> {
        let mut judge = Judge::default();
        let sections = self.sections.map(|sections| judge.items("sections", sections));
        let seats = self.seats.map(|seats| judge.items("seats", seats));
        let offered = match (sections, seats) {
            (None, None) => Offered::All,
            (Some(sections), None) => Offered::Sections(sections),
            (None, Some(seats)) => {
                let mut seats: Vec<_> = seats.into_iter().map(SeatId).collect();
                seats.sort_unstable();
                seats.dedup();
                Offered::Seats(seats)
            }
            (Some(_), Some(_)) => {
                judge.refuse("seats", "is not allowed beside sections");
                Offered::All
            }
        };
        judge.verdict()?;
        Ok(offered)
    }
}

/// A seat to be put on sale.
#[derive(Object)]
#[oai(rename = "NewTicket", example)]
pub(super) struct NewTicket {
    /// For which match.
    #[oai(rename = "match")]
    pub(super) fixture: Uuid,
    /// Which seat of its stadium.
    pub(super) seat: Uuid,
    /// At which named price.
    pub(super) price: Uuid,
}

impl Example for NewTicket {
    fn example() -> Self {
        Self { fixture: example_id(4), seat: example_id(2), price: example_id(3) }
    }
}

/// What changes of a ticket; what is left out stays.
#[derive(Object)]
#[oai(rename = "TicketChange", example, skip_serializing_if_is_none)]
pub(super) struct TicketChange {
    /// Its match; a ticket does not change it.
    #[oai(rename = "match")]
    pub(super) fixture: Option<Uuid>,
    /// Its seat; a ticket does not change it.
    pub(super) seat: Option<Uuid>,
    /// At which named price it is sold.
    pub(super) price: Option<Uuid>,
}

impl Example for TicketChange {
    fn example() -> Self {
        Self { fixture: None, seat: None, price: Some(example_id(3)) }
    }
}

impl From<NewTicket> for TicketChange {
    fn from(NewTicket { fixture, seat, price }: NewTicket) -> Self {
        Self { fixture: Some(fixture), seat: Some(seat), price: Some(price) }
    }
}

/// How a ticket is reserved.
#[derive(Object)]
#[oai(rename = "Reservation", example, skip_serializing_if_is_none)]
pub(super) struct Reservation {
    /// If the match is behind the gate: the link request whose link you have used.
    pub(super) request_id: Option<Uuid>,
}

impl Example for Reservation {
    fn example() -> Self {
        Self { request_id: Some(example_id(8)) }
    }
}

/// Seats of one match: named ones, or so many of the best.
#[derive(Object)]
#[oai(rename = "SeatsWanted", example, skip_serializing_if_is_none)]
pub(super) struct SeatsWanted {
    /// Which tickets, 1 to 100; all of them or none.
    pub(super) tickets: Option<Items<Uuid, 1, 100>>,
    /// How many of the best, 1 to 100.
    pub(super) quantity: Option<Count<1, MOST_AT_ONCE>>,
    /// With `quantity`: only in this section.
    pub(super) section: Option<String>,
    /// With `quantity`: beside each other in one row; not unless said.
    pub(super) adjacent: Option<bool>,
    /// If the match is behind the gate: the link request whose link you have used.
    pub(super) request_id: Option<Uuid>,
}

impl Example for SeatsWanted {
    fn example() -> Self {
        let (quantity, adjacent) = (Some(Count(4)), Some(true));
        Self { tickets: None, quantity, section: None, adjacent, request_id: None }
    }
}

/// What is wanted of a match.
pub(super) enum Seats {
    Named(Vec<TicketId>),
    Best(Wanted),
}

impl SeatsWanted {
    /// # Errors
    /// 422 with each broken rule.
    pub(super) fn judge(self) -> Result<Seats, ApiError> {
        let mut judge = Judge::default();
        let Self { tickets, quantity, section, adjacent, .. } = self;
        let seats = match (tickets, quantity) {
            (Some(tickets), None) => {
                let tickets = judge.items("tickets", tickets);
                Seats::Named(tickets.into_iter().map(TicketId).collect())
            }
            (None, Some(quantity)) => {
                let quantity = judge.count("quantity", quantity);
                let quantity = usize::try_from(quantity).unwrap_or(usize::MAX);
                let together = adjacent.unwrap_or_default();
                Seats::Best(Wanted { quantity, section, together })
            }
            (Some(_), Some(_)) | (None, None) => {
                judge.refuse("tickets", "either tickets or quantity is required");
                Seats::Named(Vec::new())
            }
        };
        judge.verdict()?;
        Ok(seats)
    }
}

/// A wallet to be opened: one's own, unless an administrator says whose.
#[derive(Object)]
#[oai(rename = "NewWallet", example, skip_serializing_if_is_none)]
pub(super) struct NewWallet {
    /// Whose, said by an administrator; one's own unless said.
    pub(super) user: Option<Uuid>,
    /// What is in it at first, given by an administrator: 0 to 1,000,000.
    pub(super) money: Option<Money>,
}

impl Example for NewWallet {
    fn example() -> Self {
        Self { user: None, money: None }
    }
}

/// Money for a wallet.
#[derive(Object)]
#[oai(rename = "TopUp", example, skip_serializing_if_is_none)]
pub(super) struct NewTopUp {
    /// How much: 0.01 to 100,000, with at most two places.
    pub(super) money: UnitPrice,
    /// What is paid with: a token of the payment provider; `tok_visa` unless said.
    pub(super) token: Option<Text<Source>>,
}

impl Example for NewTopUp {
    fn example() -> Self {
        Self { money: UnitPrice(Money::minor(5_000)), token: Some(Text::new("tok_visa")) }
    }
}

impl NewTopUp {
    /// How much in hundredths, and from what.
    ///
    /// # Errors
    /// 422 with each broken rule.
    pub(super) fn judge(self) -> Result<(i64, String), ApiError> {
        let mut judge = Judge::default();
        let Self { money: UnitPrice(Money(minor)), token } = self;
        let minor = minor.filter(|minor| TOP_UPS.contains(minor));
        if minor.is_none() {
            judge.refuse("money", "must be 0.01 to 100000, with at most two places");
        }
        let token = token.map_or_else(|| DEFAULT_SOURCE.to_owned(), |token| token.0);
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !(1..=LONGEST_SOURCE).contains(&token.len()) || !plain(&token) {
            judge.refuse("token", "must have 1 to 255 letters, digits or underscores");
        }
        judge.verdict()?;
        Ok((minor.unwrap_or_default(), token))
    }
}

/// A token of the payment provider.
pub(super) struct Source;

impl Rule for Source {
    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(1),
            max_length: Some(LONGEST_SOURCE),
            pattern: Some("^[A-Za-z0-9_]+$".to_owned()),
            ..MetaSchema::new("string")
        }
    }
}
