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
    #[serde(rename = "ticket_id")]
    pub ticket: TicketId,
    /// For which match.
    #[serde(rename = "match_id")]
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
        #[serde(rename = "buyer_id")]
        buyer: AccountId,
        /// From which wallet.
        #[serde(rename = "wallet_id")]
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
        #[serde(rename = "account_id")]
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
