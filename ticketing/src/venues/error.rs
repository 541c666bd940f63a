//! Why a command over several aggregates of the venues is refused: by one of them, or because what
//! it speaks of can not be found.

use super::access_right::AccessRightError;
use super::basket::BasketError;
use super::fixture::FixtureError;
use super::purchase::PurchaseError;
use super::seat::SeatError;
use super::stadium::StadiumError;
use super::tariff::TariffError;
use super::top_up::TopUpError;
use super::wallet::WalletError;

/// The refusal of one of the aggregates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VenuesError {
    /// The stadium's.
    #[error(transparent)]
    Stadium(#[from] StadiumError),
    /// The named price's.
    #[error(transparent)]
    Tariff(#[from] TariffError),
    /// The match's.
    #[error(transparent)]
    Fixture(#[from] FixtureError),
    /// The seat's.
    #[error(transparent)]
    Seat(#[from] SeatError),
    /// The basket's.
    #[error(transparent)]
    Basket(#[from] BasketError),
    /// The wallet's.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The purchase's.
    #[error(transparent)]
    Purchase(#[from] PurchaseError),
    /// The top-up's.
    #[error(transparent)]
    TopUp(#[from] TopUpError),
    /// The right's.
    #[error(transparent)]
    AccessRight(#[from] AccessRightError),
    /// Somebody holds tickets of the match, or has them.
    #[error("tickets of the match are held or sold")]
    HasSales,
    /// There are not so many seats to be had.
    #[error("not enough seats are free")]
    NotEnoughSeats,
    /// A ticket was named that is not of this match, or not on sale.
    #[error("there is no such ticket")]
    UnknownTicket,
    /// A seat or section was named that the stadium does not have.
    #[error("there is no such seat or section: {0}")]
    UnknownSeat(String),
}
