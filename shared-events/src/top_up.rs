//! The events of a top-up: money is asked of a payment provider for a wallet, and what came of it
//! is recorded. What is paid with stands in the vault until the outcome is known. Who is erased
//! loses it by `account_id` of the first event as it is stored: under another name it would stay.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::id::id;
use crate::price::Price;
use crate::wallet::WalletId;

id! {
    /// Which top-up; to the provider it is the id of a payment.
    TopUpId
}

/// What happens to a top-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum TopUpEvent {
    /// The provider is being asked for the money.
    Started {
        /// For which wallet.
        #[serde(rename = "wallet_id")]
        wallet: WalletId,
        /// By whom.
        #[serde(rename = "account_id")]
        by: AccountId,
        /// How much.
        #[serde(flatten)]
        price: Price,
        /// The provider's name.
        provider: String,
    },
    /// The provider has taken the money; it is in the wallet.
    Captured {
        /// What the provider calls it.
        charge: String,
    },
    /// The provider has taken no money and never will for this top-up.
    Declined {
        /// The provider's reason, a code such as `card_declined`.
        reason: String,
    },
}

impl DomainEvent for TopUpEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Started { .. } => "Started",
            Self::Captured { .. } => "Captured",
            Self::Declined { .. } => "Declined",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
