//! What the routes of the market answer, each with an example for the document. These are not the
//! events: the wire may change without touching history.

use chrono::{DateTime, TimeDelta, Utc};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::payments::PaymentRow;
use super::super::{listings, orders};
use crate::api::money::Money;
use crate::api::timestamp::Timestamp;

fn example_id(n: u128) -> Uuid {
    Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0000 | n)
}

fn example_time(minutes: i64) -> Timestamp {
    let time = DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default();
    Timestamp(time + TimeDelta::minutes(minutes))
}

/// A ticket that somebody offers.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(rename = "Listing", example, rename_all = "camelCase")]
pub(super) struct ListingSeen {
    /// Which listing.
    pub(super) id: Uuid,
    /// What is offered; empty if its seller was erased.
    pub(super) title: String,
    /// For how much.
    pub(super) price: Money,
    /// Who offers it.
    pub(super) user_id: Uuid,
    /// `free`, `held`, `sold` or `withdrawn`.
    pub(super) status: String,
}

impl ListingSeen {
    pub(super) fn at(found: listings::Found, now: DateTime<Utc>) -> Self {
        let listings::Found { row, title } = found;
        Self {
            id: row.listing_id,
            title,
            price: Money::minor(row.price_minor),
            user_id: row.seller,
            status: row.status_at(now).to_string(),
        }
    }
}

impl Example for ListingSeen {
    fn example() -> Self {
        Self {
            id: example_id(3),
            title: "Concert, row 7".to_owned(),
            price: Money::minor(1_999),
            user_id: example_id(1),
            status: "free".to_owned(),
        }
    }
}

#[derive(ApiResponse)]
pub(super) enum ListingMade {
    /// The ticket is offered
    #[oai(status = 201)]
    Made(Json<ListingSeen>),
}

#[derive(ApiResponse)]
pub(super) enum ListingAnswer {
    /// The listing
    #[oai(status = 200)]
    One(
        Json<ListingSeen>,
        /// The sequence of its last event, quoted; for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
pub(super) enum ListingPage {
    /// A page of listings
    #[oai(status = 200)]
    Page(
        Json<Vec<ListingSeen>>,
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

/// What was ordered.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(example)]
pub(super) struct OrderedTicket {
    /// Which listing.
    pub(super) id: Uuid,
    /// Its title when the order was placed; empty if its seller was erased.
    // Not kept for repeats: somebody else wrote it, who may be erased by then.
    #[serde(skip)]
    pub(super) title: String,
    /// The price of the order.
    pub(super) price: Money,
}

impl Example for OrderedTicket {
    fn example() -> Self {
        let title = "Concert, row 7".to_owned();
        Self { id: example_id(3), title, price: Money::minor(1_999) }
    }
}

/// An order.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(rename = "Order", example, rename_all = "camelCase")]
pub(super) struct OrderSeen {
    /// Which order.
    pub(super) id: Uuid,
    /// `created`, `awaiting_payment`, `completed`, `cancelled`, `expired` or `refunded`.
    pub(super) status: String,
    /// Who ordered.
    pub(super) user_id: Uuid,
    /// The first instant at which it can no longer be paid.
    pub(super) expires_at: Timestamp,
    /// What was ordered.
    pub(super) ticket: OrderedTicket,
    /// Its last payment.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default)]
    pub(super) payment_id: Option<Uuid>,
    /// Why it was cancelled or refunded.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default)]
    pub(super) reason: Option<String>,
}

impl OrderSeen {
    pub(super) fn at(found: orders::Found, now: DateTime<Utc>) -> Self {
        let orders::Found { row, title } = found;
        let price = Money::minor(row.price_minor);
        Self {
            id: row.order_id,
            status: row.status_at(now).to_owned(),
            user_id: row.buyer,
            expires_at: Timestamp(row.expires_at),
            ticket: OrderedTicket { id: row.listing_id, title, price },
            payment_id: row.payment_id,
            reason: row.reason,
        }
    }
}

impl Example for OrderSeen {
    fn example() -> Self {
        Self {
            id: example_id(4),
            status: "created".to_owned(),
            user_id: example_id(2),
            expires_at: example_time(15),
            ticket: OrderedTicket::example(),
            payment_id: None,
            reason: None,
        }
    }
}

#[derive(ApiResponse)]
pub(super) enum OrderMade {
    /// The ticket is held
    #[oai(status = 201)]
    Made(Json<OrderSeen>),
}

#[derive(ApiResponse)]
pub(super) enum OrderAnswer {
    /// The order
    #[oai(status = 200)]
    One(
        Json<OrderSeen>,
        /// The sequence of its last event, quoted; for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
pub(super) enum OrderPage {
    /// A page of orders
    #[oai(status = 200)]
    Page(
        Json<Vec<OrderSeen>>,
        /// The next page, `rel="next"` (RFC 8288); absent on the last one.
        #[oai(header = "Link")]
        Option<String>,
    ),
}

/// What became of a payment.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(example)]
pub(super) struct Charged {
    /// Whether the money has moved.
    pub(super) success: bool,
    /// Which payment.
    pub(super) id: Uuid,
}

impl Example for Charged {
    fn example() -> Self {
        Self { success: true, id: example_id(5) }
    }
}

#[derive(ApiResponse)]
pub(super) enum ChargeAnswer {
    /// Paid: the ticket is the buyer's
    #[oai(status = 201)]
    Paid(Json<Charged>),
    /// The payment provider has not decided yet; the order tells when it has
    #[oai(status = 202)]
    Pending(
        Json<Charged>,
        /// Seconds until asking again can help.
        #[oai(header = "Retry-After")]
        u64,
    ),
}

#[derive(ApiResponse)]
pub(super) enum RefundAnswer {
    /// The money has gone back
    #[oai(status = 200)]
    Back(Json<Charged>),
    /// The payment provider has not confirmed it yet; it is asked again until it does
    #[oai(status = 202)]
    Pending(Json<Charged>),
}

/// A payment as administrators see it.
#[derive(Object)]
#[oai(rename = "Payment", example, rename_all = "camelCase")]
pub(super) struct PaymentSeen {
    /// Which payment.
    id: Uuid,
    /// For which order.
    order_id: Uuid,
    /// Who pays.
    user_id: Uuid,
    /// How much.
    amount: Money,
    /// Of which currency.
    currency: String,
    /// Through which provider.
    provider: String,
    /// What the provider calls the capture.
    #[oai(skip_serializing_if_is_none)]
    charge: Option<String>,
    /// What the provider calls the refund.
    #[oai(skip_serializing_if_is_none)]
    refund: Option<String>,
    /// `capturing`, `captured`, `declined`, `refunding` or `refunded`.
    status: String,
    /// Why it was declined or refunded.
    #[oai(skip_serializing_if_is_none)]
    reason: Option<String>,
    /// When it was started.
    started_at: Timestamp,
}

impl From<PaymentRow> for PaymentSeen {
    fn from(row: PaymentRow) -> Self {
        Self {
            id: row.payment_id,
            order_id: row.order_id,
            user_id: row.buyer,
            amount: Money::minor(row.price_minor),
            currency: row.currency,
            provider: row.provider,
            charge: row.charge,
            refund: row.refund,
            status: row.status,
            reason: row.reason,
            started_at: Timestamp(row.started_at),
        }
    }
}

impl Example for PaymentSeen {
    fn example() -> Self {
        Self {
            id: example_id(5),
            order_id: example_id(4),
            user_id: example_id(2),
            amount: Money::minor(1_999),
            currency: "usd".to_owned(),
            provider: "test".to_owned(),
            charge: Some("ch_test_1".to_owned()),
            refund: None,
            status: "captured".to_owned(),
            reason: None,
            started_at: example_time(2),
        }
    }
}

#[derive(ApiResponse)]
pub(super) enum PaymentAnswer {
    /// The payment
    #[oai(status = 200)]
    One(
        Json<PaymentSeen>,
        /// The sequence of its last event, quoted.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
pub(super) enum PaymentPage {
    /// A page of payments
    #[oai(status = 200)]
    Page(
        Json<Vec<PaymentSeen>>,
        /// The next page, `rel="next"` (RFC 8288); absent on the last one.
        #[oai(header = "Link")]
        Option<String>,
    ),
}
