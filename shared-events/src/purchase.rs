//! The events of a purchase: tickets for money from a wallet, and back again.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::fixture::{FixtureId, TicketId};
use crate::id::id;
use crate::price::Price;
use crate::wallet::WalletId;

id! {
    /// Which purchase.
    PurchaseId
}

/// A ticket that was bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoughtTicket {
    /// Which ticket.
    pub ticket: TicketId,
    /// For which match.
    pub fixture: FixtureId,
    /// What it cost.
    #[serde(flatten)]
    pub price: Price,
}

/// What happens to a purchase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum PurchaseEvent {
    /// Tickets were bought.
    Made {
        /// By whom.
        buyer: AccountId,
        /// From which wallet.
        wallet: WalletId,
        /// What all of them cost together.
        #[serde(flatten)]
        total: Price,
        /// Which.
        tickets: Vec<BoughtTicket>,
    },
    /// The money went back, and the seats are free.
    Refunded {
        /// By whom.
        by: AccountId,
    },
}

impl DomainEvent for PurchaseEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Made { .. } => "Made",
            Self::Refunded { .. } => "Refunded",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
