//! The events of a payment: a capture is started, and what the provider made of it is recorded; the
//! same for a refund. What is paid with (a card's token) stands in the vault until the outcome is
//! known. Who is erased loses it by `buyer_id` of the first event as it is stored: under another
//! name it would stay.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::id::id;
use crate::order::OrderId;
use crate::price::Price;

id! {
    /// Which payment; the provider gets it as idempotency key and metadata.
    PaymentId
}

/// Why money goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundReason {
    /// The seller or an administrator said so.
    Requested,
    /// The order had ended before the money came, and its ticket is no longer to be had.
    TicketGone,
    /// The order was paid already.
    PaidTwice,
    /// Somebody had it sent back at the provider.
    AtProvider,
}

/// What happens to a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum PaymentEvent {
    /// The provider is being asked for the money. What follows is not known until it is recorded.
    Started {
        /// For which order.
        #[serde(rename = "order_id")]
        order: OrderId,
        /// By whom.
        #[serde(rename = "buyer_id")]
        buyer: AccountId,
        /// How much.
        #[serde(flatten)]
        price: Price,
        /// The provider's name.
        provider: String,
    },
    /// The provider has taken the money.
    Captured {
        /// What the provider calls it.
        charge: String,
    },
    /// The provider has taken no money and never will for this payment.
    Declined {
        /// The provider's reason, a code such as `card_declined`.
        reason: String,
    },
    /// The provider is being asked to give the money back.
    RefundStarted {
        /// Why.
        reason: RefundReason,
        /// Whether the ticket is no longer offered afterwards.
        withdraw: bool,
    },
    /// The provider has given the money back.
    Refunded {
        /// What the provider calls that.
        refund: String,
    },
}

impl DomainEvent for PaymentEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Started { .. } => "Started",
            Self::Captured { .. } => "Captured",
            Self::Declined { .. } => "Declined",
            Self::RefundStarted { .. } => "RefundStarted",
            Self::Refunded { .. } => "Refunded",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
