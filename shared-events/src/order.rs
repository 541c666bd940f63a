//! The events of an order: it is placed with a hold on its ticket, paid for, or it ends. A payment
//! that comes after its end is answered with the ticket, if that is still free, or with the money.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::id::id;
use crate::listing::{ListingId, TitleId};
use crate::payment::{PaymentId, RefundReason};
use crate::price::Price;

id! {
    /// Which order.
    OrderId
}

/// Why an order was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// Its buyer did not want it any more.
    ByBuyer,
    /// Its payment was declined too often.
    Declined,
}

/// What happens to an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum OrderEvent {
    /// Somebody wants to buy a ticket and holds it for a while.
    Placed {
        /// Who.
        #[serde(rename = "buyer_id")]
        buyer: AccountId,
        /// Which ticket.
        #[serde(rename = "listing_id")]
        listing: ListingId,
        /// Whose ticket it was.
        #[serde(rename = "seller_id")]
        seller: AccountId,
        /// Its title at that moment.
        #[serde(rename = "title_id")]
        title: TitleId,
        /// Its price at that moment, which is the price of the order.
        #[serde(flatten)]
        price: Price,
        /// The first instant at which it can no longer be paid.
        expires_at: DateTime<Utc>,
    },
    /// A payment is being made; the ticket is held until its outcome should be known.
    PaymentStarted {
        /// Which payment.
        #[serde(rename = "payment_id")]
        payment: PaymentId,
        /// The first instant at which the ticket is held no longer.
        until: DateTime<Utc>,
    },
    /// The payment was declined; another one may be tried.
    PaymentDeclined {
        /// Which payment.
        #[serde(rename = "payment_id")]
        payment: PaymentId,
    },
    /// Paid: the ticket is the buyer's.
    Completed {
        /// By which payment.
        #[serde(rename = "payment_id")]
        payment: PaymentId,
    },
    /// Given up before it was paid.
    Cancelled {
        /// Why.
        reason: CancelReason,
    },
    /// Not paid in time.
    Expired,
    /// The money went back.
    Refunded {
        /// Which payment's.
        #[serde(rename = "payment_id")]
        payment: PaymentId,
        /// Why.
        reason: RefundReason,
    },
}

impl DomainEvent for OrderEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Placed { .. } => "Placed",
            Self::PaymentStarted { .. } => "PaymentStarted",
            Self::PaymentDeclined { .. } => "PaymentDeclined",
            Self::Completed { .. } => "Completed",
            Self::Cancelled { .. } => "Cancelled",
            Self::Expired => "Expired",
            Self::Refunded { .. } => "Refunded",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
