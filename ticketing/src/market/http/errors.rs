//! What the refusals of the market are to a client.

use super::super::error::MarketError;
use super::super::listing::ListingError;
use super::super::order::OrderError;
use super::super::paying::SettleError;
use super::super::payment::PaymentError;
use crate::api::idempotent::CallError;
use crate::api_error::{ApiError, Code};

pub(super) fn unknown_listing() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such ticket")
}

pub(super) fn unknown_order() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such order")
}

pub(super) fn unknown_payment() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such payment")
}

/// To a seller. What a buyer is told stands in that of [`MarketError`].
impl From<ListingError> for ApiError {
    fn from(error: ListingError) -> Self {
        match error {
            ListingError::Unknown => unknown_listing(),
            ListingError::Reserved => {
                Self::new(Code::TicketReserved, "Cannot edit a reserved ticket")
            }
            ListingError::Withdrawn => {
                Self::new(Code::TicketWithdrawn, "The ticket is no longer offered")
            }
            ListingError::Own => Self::new(Code::OwnTicket, "You cannot buy your own ticket"),
            ListingError::AlreadyListed => Self::internal(&error),
        }
    }
}

impl From<OrderError> for ApiError {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Unknown => unknown_order(),
            OrderError::Expired => Self::new(Code::OrderEnded, "The order has expired"),
            OrderError::Cancelled => Self::new(Code::OrderEnded, "The order was cancelled"),
            OrderError::Refunded => Self::new(Code::OrderEnded, "The order was refunded"),
            OrderError::PaymentInProgress => {
                Self::new(Code::PaymentInProgress, "A payment for the order is being made")
                    .retry_after(super::payments::LATER)
            }
            OrderError::Completed { payment } => {
                let way = format!(
                    "The order is paid; its seller can give the money back with \
                     POST /api/payments/{payment}/refund"
                );
                Self::new(Code::OrderPaid, way)
            }
            OrderError::AlreadyPlaced => Self::internal(&error),
        }
    }
}

impl From<PaymentError> for ApiError {
    fn from(error: PaymentError) -> Self {
        match error {
            PaymentError::Unknown => unknown_payment(),
            PaymentError::NotCaptured => Self::new(Code::NothingPaid, "Nothing was paid"),
            PaymentError::AlreadyStarted | PaymentError::Contradiction => Self::internal(&error),
        }
    }
}

impl From<MarketError> for ApiError {
    fn from(error: MarketError) -> Self {
        match error {
            MarketError::Listing(ListingError::Reserved) => {
                Self::new(Code::TicketReserved, "Ticket is already reserved")
            }
            MarketError::Listing(error) => error.into(),
            MarketError::Order(error) => error.into(),
            MarketError::Payment(error) => error.into(),
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
