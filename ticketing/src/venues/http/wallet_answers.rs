//! What the routes of wallets and purchases answer, each with an example for the document.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::purchases::{Found, PurchaseRow};
use super::super::purchasing::Receipt;
use super::super::wallets::{LedgerRow, WalletNow, WalletRow};
use super::answers::{example_id, example_instant};
use crate::api::money::Money;
use crate::api::timestamp::Timestamp;

/// A wallet.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(rename = "Wallet", example)]
pub(super) struct WalletSeen {
    /// Which wallet.
    pub(super) id: Uuid,
    /// Whose.
    pub(super) user: Uuid,
    /// What is in it.
    pub(super) money: Money,
}

impl From<WalletNow> for WalletSeen {
    fn from(wallet: WalletNow) -> Self {
        let WalletNow { id, owner, balance_minor, .. } = wallet;
        Self { id: id.0, user: owner.0, money: Money::minor(balance_minor) }
    }
}

impl From<WalletRow> for WalletSeen {
    fn from(row: WalletRow) -> Self {
        Self { id: row.wallet_id, user: row.owner, money: Money::minor(row.balance_minor) }
    }
}

impl Example for WalletSeen {
    fn example() -> Self {
        Self { id: example_id(6), user: example_id(7), money: Money::minor(5_000) }
    }
}

/// What became of a top-up.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(rename = "WalletCharged", example)]
pub(super) struct Charged {
    /// What happened.
    pub(super) message: String,
    /// Which top-up.
    pub(super) id: Uuid,
    /// What is in the wallet now; absent while that is not known.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default)]
    pub(super) new_balance: Option<Money>,
}

impl Example for Charged {
    fn example() -> Self {
        let new_balance = Some(Money::minor(5_000));
        Self { message: "Wallet charged by 50".to_owned(), id: example_id(10), new_balance }
    }
}

#[derive(ApiResponse)]
pub(super) enum ChargeAnswer {
    /// The money is in the wallet
    #[oai(status = 200)]
    Charged(Json<Charged>),
    /// The payment provider has not decided yet; the wallet tells when it has
    #[oai(status = 202)]
    Pending(
        Json<Charged>,
        /// Seconds until asking again can help.
        #[oai(header = "Retry-After")]
        u64,
    ),
}

/// What was bought.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(rename = "PurchaseMade", example)]
pub(super) struct PurchaseMade {
    /// That it was.
    pub(super) message: String,
    /// Which purchase.
    pub(super) purchase_id: Uuid,
    /// What all of it cost.
    pub(super) total: Money,
    /// The tickets.
    pub(super) tickets: Vec<Uuid>,
}

impl PurchaseMade {
    pub(super) fn of(message: &str, receipt: &Receipt) -> Self {
        Self {
            message: message.to_owned(),
            purchase_id: receipt.purchase.0,
            total: Money::minor(receipt.total.price_minor),
            tickets: receipt.tickets.iter().map(|ticket| ticket.0).collect(),
        }
    }
}

impl Example for PurchaseMade {
    fn example() -> Self {
        Self {
            message: "Purchase successful".to_owned(),
            purchase_id: example_id(11),
            total: Money::minor(4_000),
            tickets: vec![example_id(5), example_id(12)],
        }
    }
}

/// A posting of a wallet.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(rename = "Transaction", example)]
pub(super) struct TransactionSeen {
    /// Which posting.
    pub(super) id: Uuid,
    /// Of which wallet.
    pub(super) wallet: Uuid,
    /// `opening`, `top_up`, `purchase` or `refund`.
    pub(super) kind: String,
    /// How much came in; less than nothing if it went out.
    pub(super) amount: Money,
    /// What was in the wallet then.
    pub(super) balance: Money,
    /// The tickets that were bought or given back.
    pub(super) tickets: Vec<Uuid>,
    /// Which purchase, if it was one or its refund.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default)]
    pub(super) purchase_id: Option<Uuid>,
    /// When.
    pub(super) created_at: Timestamp,
}

impl From<LedgerRow> for TransactionSeen {
    fn from(row: LedgerRow) -> Self {
        let of_purchase = ["purchase", "refund"].contains(&row.cause.as_str());
        Self {
            id: row.transaction,
            wallet: row.wallet,
            kind: row.cause,
            amount: Money::minor(row.amount_minor),
            balance: Money::minor(row.balance_minor),
            tickets: row.tickets,
            purchase_id: of_purchase.then_some(row.subject),
            created_at: Timestamp(row.posted_at),
        }
    }
}

impl Example for TransactionSeen {
    fn example() -> Self {
        Self {
            id: example_id(13),
            wallet: example_id(6),
            kind: "purchase".to_owned(),
            amount: Money::minor(-2_000),
            balance: Money::minor(3_000),
            tickets: vec![example_id(5)],
            purchase_id: Some(example_id(11)),
            created_at: Timestamp(example_instant(0)),
        }
    }
}

/// A purchase as administrators list it.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(rename = "Purchase", example)]
pub(super) struct PurchaseSeen {
    /// Which purchase.
    pub(super) id: Uuid,
    /// Whose.
    pub(super) user: Uuid,
    /// From which wallet.
    pub(super) wallet: Uuid,
    /// What all of it cost.
    pub(super) total: Money,
    /// How many tickets.
    pub(super) ticket_count: i64,
    /// The tickets, when one purchase is read.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default)]
    pub(super) tickets: Option<Vec<Uuid>>,
    /// When it was made.
    pub(super) created_at: Timestamp,
    /// When it was refunded.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default)]
    pub(super) refunded_at: Option<Timestamp>,
}

impl From<PurchaseRow> for PurchaseSeen {
    fn from(row: PurchaseRow) -> Self {
        Self {
            id: row.purchase_id,
            user: row.buyer,
            wallet: row.wallet_id,
            total: Money::minor(row.total_minor),
            ticket_count: row.tickets,
            tickets: None,
            created_at: Timestamp(row.made_at),
            refunded_at: row.refunded_at.map(Timestamp),
        }
    }
}

impl From<Found> for PurchaseSeen {
    fn from(found: Found) -> Self {
        let tickets = found.tickets.iter().map(|bought| bought.ticket.0).collect();
        Self { tickets: Some(tickets), ..found.row.into() }
    }
}

impl Example for PurchaseSeen {
    fn example() -> Self {
        Self {
            id: example_id(11),
            user: example_id(7),
            wallet: example_id(6),
            total: Money::minor(4_000),
            ticket_count: 2,
            tickets: Some(vec![example_id(5), example_id(12)]),
            created_at: Timestamp(example_instant(0)),
            refunded_at: None,
        }
    }
}
