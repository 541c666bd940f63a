//! What the refusals of the venues are to a client.

use super::super::access_right::AccessRightError;
use super::super::basket::BasketError;
use super::super::error::VenuesError;
use super::super::fixture::FixtureError;
use super::super::purchase::PurchaseError;
use super::super::seat::SeatError;
use super::super::stadium::{MOST_SEATS, MOST_SINGLE_SEATS, StadiumError};
use super::super::tariff::TariffError;
use super::super::topping_up::SettleError;
use super::super::wallet::WalletError;
use crate::api::idempotent::CallError;
use crate::api_error::{ApiError, Code, FieldError};

/// What a ticket that somebody has is answered with.
pub(super) const UNAVAILABLE: &str = "Ticket is not available for reservation";
/// What a ticket that the caller does not hold is answered with.
pub(super) const NOT_HELD: &str = "Ticket is not available for cancellation";

pub(super) fn unknown_stadium() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such stadium")
}

pub(super) fn unknown_seat() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such seat")
}

pub(super) fn unknown_tariff() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such price")
}

pub(super) fn unknown_match() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such match")
}

pub(super) fn unknown_ticket() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such ticket")
}

pub(super) fn unknown_wallet() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such wallet")
}

pub(super) fn unknown_purchase() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such purchase")
}

/// One member of the body breaks a rule that only the trade knows.
pub(super) fn invalid(field: &'static str, rule: impl Into<String>) -> ApiError {
    ApiError::invalid_fields(vec![FieldError::new(field, rule)])
}

impl From<StadiumError> for ApiError {
    fn from(error: StadiumError) -> Self {
        match error {
            StadiumError::Unknown => unknown_stadium(),
            StadiumError::UnknownSeat => unknown_seat(),
            StadiumError::SeatExists(place) => {
                let (section, row, number) = (place.section, place.row, place.number);
                let detail = format!(
                    "There is a seat at section \"{section}\", row {row}, number {number} already"
                );
                Self::new(Code::SeatExists, detail)
            }
            StadiumError::SectionExists(name) => {
                Self::new(Code::SeatExists, format!("The section \"{name}\" has other seats"))
            }
            StadiumError::TooManySeats => {
                let detail = format!(
                    "A stadium has at most {MOST_SEATS} seats, of which {MOST_SINGLE_SEATS} were \
                     moved or put in one by one"
                );
                Self::new(Code::TooManySeats, detail)
            }
            StadiumError::Taken(fixture) => {
                let detail = format!("Another match takes place there at that time: {fixture}");
                Self::new(Code::MatchesOverlap, detail)
            }
            StadiumError::HasMatches => {
                Self::new(Code::StadiumInUse, "Matches will take place in the stadium")
            }
            StadiumError::AlreadyDefined => Self::internal(&error),
        }
    }
}

impl From<TariffError> for ApiError {
    fn from(error: TariffError) -> Self {
        match error {
            TariffError::Unknown => unknown_tariff(),
            TariffError::AlreadyDefined => Self::internal(&error),
        }
    }
}

impl From<FixtureError> for ApiError {
    fn from(error: FixtureError) -> Self {
        match error {
            FixtureError::Unknown => unknown_match(),
            FixtureError::Begun => Self::new(Code::MatchBegun, "The match has begun"),
            FixtureError::Passed => invalid("start_time", "must be in the future"),
            FixtureError::EndsTooEarly => invalid("end_time", "must be after start_time"),
            FixtureError::NotOnSale(_) => unknown_ticket(),
            FixtureError::RequiresLink => {
                let detail = "The match is sold to holders of a used access link: name yours as \
                              request_id";
                Self::new(Code::LinkRequired, detail)
            }
            FixtureError::AlreadyScheduled => Self::internal(&error),
        }
    }
}

impl From<WalletError> for ApiError {
    fn from(error: WalletError) -> Self {
        match error {
            WalletError::Unknown => unknown_wallet(),
            WalletError::AlreadyOpen => {
                Self::new(Code::WalletExists, "The account has a wallet already")
            }
            WalletError::InsufficientFunds => {
                Self::new(Code::InsufficientFunds, "Insufficient funds in the wallet")
            }
            WalletError::OtherCurrency => {
                Self::new(Code::OtherCurrency, "The wallet holds money of another currency")
            }
            WalletError::TooMuch => {
                Self::new(Code::WalletFull, "There would be too much money in the wallet")
            }
        }
    }
}

impl From<PurchaseError> for ApiError {
    fn from(error: PurchaseError) -> Self {
        match error {
            PurchaseError::Unknown => unknown_purchase(),
            PurchaseError::AlreadyRefunded => {
                Self::new(Code::AlreadyRefunded, "The purchase was refunded before")
            }
            PurchaseError::TooLate => {
                let detail = "It is too late to give the tickets back; an administrator can help";
                Self::new(Code::RefundTooLate, detail)
            }
            PurchaseError::AlreadyMade => Self::internal(&error),
        }
    }
}

impl From<VenuesError> for ApiError {
    fn from(error: VenuesError) -> Self {
        match error {
            VenuesError::Stadium(error) => error.into(),
            VenuesError::Tariff(error) => error.into(),
            VenuesError::Fixture(error) => error.into(),
            VenuesError::Seat(SeatError::Taken) => Self::new(Code::TicketUnavailable, UNAVAILABLE),
            VenuesError::Seat(SeatError::NotHeld) | VenuesError::Basket(BasketError::NotHeld) => {
                Self::new(Code::TicketNotHeld, NOT_HELD)
            }
            VenuesError::Seat(SeatError::NotSold) => {
                Self::new(Code::AlreadyRefunded, "The purchase was refunded before")
            }
            VenuesError::Basket(BasketError::Full) => {
                Self::new(Code::TooManyHeld, "Nobody holds more than 100 tickets at once")
            }
            VenuesError::Basket(BasketError::Empty) => {
                Self::new(Code::NothingHeld, "No tickets are reserved, so there is nothing to buy")
            }
            VenuesError::Wallet(error) => error.into(),
            VenuesError::Purchase(error) => error.into(),
            VenuesError::AccessRight(AccessRightError::Unknown) => {
                Self::new(Code::LinkRequired, "request_id names no used access link of yours")
            }
            VenuesError::AccessRight(AccessRightError::Spent) => {
                Self::new(Code::LinkSpent, "The access link has been used to reserve before")
            }
            VenuesError::HasSales => {
                Self::new(Code::MatchHasSales, "Tickets of the match are held or sold")
            }
            VenuesError::NotEnoughSeats => Self::new(Code::TicketUnavailable, UNAVAILABLE),
            VenuesError::UnknownTicket => unknown_ticket(),
            VenuesError::UnknownSeat(name) => {
                Self::new(Code::NotFound, format!("The stadium has no seat or section \"{name}\""))
            }
            VenuesError::TopUp(_) => Self::internal(&error),
        }
    }
}

impl From<SettleError> for ApiError {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::Command(error) => CallError::from(error).into(),
            SettleError::Provider(error) => Self::unavailable(&error),
            SettleError::Database(error) => error.into(),
            SettleError::Read(error) => error.into(),
        }
    }
}
