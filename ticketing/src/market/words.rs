//! Reasons in words, for buyers and sellers.

use shared_events::{CancelReason, RefundReason};

/// Why an order was cancelled.
pub fn cancelled(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::ByBuyer => "cancelled by its buyer",
        CancelReason::Declined => "its payment was declined three times",
    }
}

/// Why money goes back.
pub fn refunded(reason: RefundReason) -> &'static str {
    match reason {
        RefundReason::Requested => "refunded by the seller or an administrator",
        RefundReason::TicketGone => {
            "the payment came after the order had ended, and the ticket was gone"
        }
        RefundReason::PaidTwice => "the order was paid already",
        RefundReason::AtProvider => "refunded at the payment provider",
    }
}
