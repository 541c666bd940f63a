//! The events of a wallet: a ledger by double entry. Each posting takes an amount from one account
//! of the books and gives it to another, so that all accounts together are always zero.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::AccountId;
use crate::fixture::TicketId;
use crate::id::id;
use crate::price::Currency;
use crate::purchase::PurchaseId;
use crate::top_up::TopUpId;

id! {
    /// Which wallet.
    WalletId
}
id! {
    /// Which posting.
    TransactionId
}

impl WalletId {
    /// The wallet of an account: a UUID v5 of `wallet` in the account's namespace.
    pub fn of(account: AccountId) -> Self {
        Self(Uuid::new_v5(&account.0, b"wallet"))
    }
}

/// An account of the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerAccount {
    /// The wallet itself.
    Wallet,
    /// What payment providers have taken for us.
    Provider,
    /// What tickets were sold for.
    Sales,
    /// What administrators have given away.
    Grants,
}

impl LedgerAccount {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Provider => "provider",
            Self::Sales => "sales",
            Self::Grants => "grants",
        }
    }
}

/// Why money moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    /// An administrator opened the wallet with a sum.
    Opening {
        /// Who.
        #[serde(rename = "account_id")]
        by: AccountId,
    },
    /// Money came from a payment provider.
    TopUp {
        /// In which top-up.
        #[serde(rename = "top_up_id")]
        top_up: TopUpId,
    },
    /// Tickets were bought.
    Purchase {
        /// In which purchase.
        #[serde(rename = "purchase_id")]
        purchase: PurchaseId,
    },
    /// A purchase was refunded.
    Refund {
        /// Which purchase.
        #[serde(rename = "purchase_id")]
        purchase: PurchaseId,
    },
}

/// What happens to a wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum WalletEvent {
    /// There is a wallet; it is empty.
    Opened {
        /// Whose.
        #[serde(rename = "owner_id")]
        owner: AccountId,
        /// Of which currency.
        currency: Currency,
    },
    /// Money moved between two accounts, one of which is the wallet.
    Posted {
        /// Which posting.
        #[serde(rename = "transaction_id")]
        transaction: TransactionId,
        /// Why.
        #[serde(flatten)]
        cause: Cause,
        /// What has less now.
        from: LedgerAccount,
        /// What has more now.
        to: LedgerAccount,
        /// How much, in hundredths; more than nothing.
        amount_minor: i64,
        /// The tickets that were bought or given back.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tickets: Vec<TicketId>,
    },
}

impl DomainEvent for WalletEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Opened { .. } => "Opened",
            Self::Posted { .. } => "Posted",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
