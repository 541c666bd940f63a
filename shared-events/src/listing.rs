//! The events of a listing: somebody offers a ticket, a buyer's order holds it for a while, it is
//! sold or free again. Nothing marks the end of a hold's time: that is a comparison with the clock.
//! The title is free text and stands in the vault. Who is erased loses it by `title_id` of `Listed`
//! and `Edited` as they are stored: under other names it would stay.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::id::id;
use crate::order::OrderId;
use crate::price::Price;

id! {
    /// Which listing.
    ListingId
}
id! {
    /// Which title: the id it has in the vault. An edited title is another one.
    TitleId
}

/// What happens to a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum ListingEvent {
    /// A ticket was offered.
    Listed {
        /// By whom.
        #[serde(rename = "seller_id")]
        seller: AccountId,
        /// Under which title.
        #[serde(rename = "title_id")]
        title: TitleId,
        /// For how much.
        #[serde(flatten)]
        price: Price,
    },
    /// Title or price changed; both are told as they are now.
    Edited {
        /// The title.
        #[serde(rename = "title_id")]
        title: TitleId,
        /// The price.
        #[serde(flatten)]
        price: Price,
    },
    /// An order holds the ticket, or holds it for longer.
    Reserved {
        /// Which order.
        #[serde(rename = "order_id")]
        order: OrderId,
        /// The first instant at which somebody else may have it.
        until: DateTime<Utc>,
    },
    /// The order no longer has the ticket: others may buy it.
    Released {
        /// Which order.
        #[serde(rename = "order_id")]
        order: OrderId,
    },
    /// The ticket is the order's for good, unless that is refunded.
    Sold {
        /// Which order.
        #[serde(rename = "order_id")]
        order: OrderId,
    },
    /// The ticket is no longer offered.
    Withdrawn,
    /// The seller's account is no more while an order has the ticket: when the order no longer has
    /// it, nobody offers it.
    SellerLeft,
}

impl DomainEvent for ListingEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Listed { .. } => "Listed",
            Self::Edited { .. } => "Edited",
            Self::Reserved { .. } => "Reserved",
            Self::Released { .. } => "Released",
            Self::Sold { .. } => "Sold",
            Self::Withdrawn => "Withdrawn",
            Self::SellerLeft => "SellerLeft",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
