//! The events of one seat at one match: somebody holds it for a while, it is sold, or free again.
//! Its stream begins with its first hold. Nothing marks the end of a hold's time: that is a
//! comparison with the clock, and who releases names the hold.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::fixture::FixtureId;
use crate::id::id;
use crate::price::Price;
use crate::purchase::PurchaseId;

id! {
    /// Which hold: one for all seats that were reserved together.
    HoldId
}

/// What happens to a seat of a match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum SeatEvent {
    /// Somebody holds it for a while.
    Held {
        /// At which match.
        #[serde(rename = "match_id")]
        fixture: FixtureId,
        /// By which hold.
        #[serde(rename = "hold_id")]
        hold: HoldId,
        /// Who.
        #[serde(rename = "buyer_id")]
        buyer: AccountId,
        /// The first instant at which somebody else may have it.
        until: DateTime<Utc>,
        /// What it costs who holds it.
        #[serde(flatten)]
        price: Price,
    },
    /// The hold is over, before its time or after it.
    Released {
        /// Which hold.
        #[serde(rename = "hold_id")]
        hold: HoldId,
    },
    /// It is the holder's for good, unless the purchase is refunded.
    Sold {
        /// By which hold.
        #[serde(rename = "hold_id")]
        hold: HoldId,
        /// In which purchase.
        #[serde(rename = "purchase_id")]
        purchase: PurchaseId,
        /// To whom.
        #[serde(rename = "buyer_id")]
        buyer: AccountId,
    },
    /// The purchase was refunded: others may have the seat.
    Returned {
        /// Which purchase.
        #[serde(rename = "purchase_id")]
        purchase: PurchaseId,
    },
}

impl DomainEvent for SeatEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Held { .. } => "Held",
            Self::Released { .. } => "Released",
            Self::Sold { .. } => "Sold",
            Self::Returned { .. } => "Returned",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
