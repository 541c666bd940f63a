//! Why a command over several aggregates of the market is refused: by one of them.

use super::listing::ListingError;
use super::order::OrderError;
use super::payment::PaymentError;

/// The refusal of one of the aggregates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarketError {
    /// The listing's.
    #[error(transparent)]
    Listing(#[from] ListingError),
    /// The order's.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The payment's.
    #[error(transparent)]
    Payment(#[from] PaymentError),
}
