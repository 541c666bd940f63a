//! The events of a basket: what one buyer holds at the moment, whatever the match. Written with the
//! events of the seats.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::AccountId;
use crate::fixture::{FixtureId, TicketId};
use crate::id::id;
use crate::price::Price;
use crate::purchase::PurchaseId;
use crate::seat::HoldId;

id! {
    /// Whose basket.
    BasketId
}

impl BasketId {
    /// The basket of an account: a UUID v5 of `basket` in the account's namespace.
    pub fn of(account: AccountId) -> Self {
        Self(Uuid::new_v5(&account.0, b"basket"))
    }
}

/// A ticket in a basket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldTicket {
    /// Which ticket.
    #[serde(rename = "ticket_id")]
    pub ticket: TicketId,
    /// What it costs.
    #[serde(flatten)]
    pub price: Price,
}

/// What happens to a basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum BasketEvent {
    /// Seats were reserved together.
    TicketsHeld {
        /// Whose basket it is.
        #[serde(rename = "buyer_id")]
        buyer: AccountId,
        /// By which hold.
        #[serde(rename = "hold_id")]
        hold: HoldId,
        /// At which match.
        #[serde(rename = "match_id")]
        fixture: FixtureId,
        /// The first instant at which others may have them.
        until: DateTime<Utc>,
        /// Which.
        tickets: Vec<HeldTicket>,
    },
    /// Tickets were given up, or their time was over.
    TicketsReleased {
        /// Which.
        tickets: Vec<TicketId>,
    },
    /// Tickets were bought.
    TicketsBought {
        /// In which purchase.
        #[serde(rename = "purchase_id")]
        purchase: PurchaseId,
        /// Which.
        tickets: Vec<TicketId>,
    },
}

impl DomainEvent for BasketEvent {
    fn event_type(&self) -> String {
        match self {
            Self::TicketsHeld { .. } => "TicketsHeld",
            Self::TicketsReleased { .. } => "TicketsReleased",
            Self::TicketsBought { .. } => "TicketsBought",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
