//! Wallets and their statements: the read tables, how events make them, and their questions. One
//! wallet is read from its stream.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use deadpool_postgres::Transaction;
use shared_events::{AccountId, Cause, Envelope, LedgerAccount, WalletEvent, WalletId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::wallet::Wallet;
use crate::platform::event_store::{EventStore, Loaded, ReadError};
use crate::platform::read_table::{ReadRow, read_table};
use crate::platform::snapshots;

read_table! {
    /// One wallet as it stands.
    pub struct WalletRow of "wallets" {
        /// Which wallet.
        wallet_id: Uuid = "uuid",
        /// Whose.
        owner: Uuid = "uuid",
        /// Of which currency.
        currency: String = "text",
        /// What is in it, in hundredths.
        balance_minor: i64 = "bigint",
        /// When it was opened.
        opened_at: DateTime<Utc> = "timestamptz",
        /// The position of the first event in this row: lists are in this order.
        first_position: i64 = "bigint",
        /// The sequence of the last event in this row.
        sequence: i64 = "bigint",
    }
}

/// What a posting did to one account of the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// Which posting.
    pub transaction: Uuid,
    /// Of which wallet.
    pub wallet: Uuid,
    /// How much came in, in hundredths; less than nothing if it went out.
    pub amount_minor: i64,
    /// What was in the wallet then.
    pub balance_minor: i64,
    /// `opening`, `top_up`, `purchase` or `refund`.
    pub cause: String,
    /// The top-up or the purchase; for an opening who gave it.
    pub subject: Uuid,
    /// The tickets that were bought or given back.
    pub tickets: Vec<Uuid>,
    /// When.
    pub posted_at: DateTime<Utc>,
    /// Its place in the wallet's history.
    pub sequence: i64,
}

/// The row after one more event.
pub fn project(mut row: WalletRow, event: &Envelope<WalletEvent>) -> WalletRow {
    row.wallet_id = event.aggregate_id;
    row.sequence = event.sequence;
    if event.sequence == 1 {
        row.first_position = event.position;
    }
    match &event.payload {
        WalletEvent::Opened { owner, currency } => {
            row.owner = owner.0;
            row.currency = currency.to_string();
            row.opened_at = event.recorded_at;
        }
        WalletEvent::Posted { from, to, amount_minor, .. } => {
            for (account, amount) in [(from, -amount_minor), (to, *amount_minor)] {
                if *account == LedgerAccount::Wallet {
                    row.balance_minor += amount;
                }
            }
        }
    }
    row
}

fn cause_of(cause: &Cause) -> (&'static str, Uuid) {
    match cause {
        Cause::Opening { by } => ("opening", by.0),
        Cause::TopUp { top_up } => ("top_up", top_up.0),
        Cause::Purchase { purchase } => ("purchase", purchase.0),
        Cause::Refund { purchase } => ("refund", purchase.0),
    }
}

/// Writes what events make of the ledger: two rows a posting. `before` are the wallets' rows
/// without these events.
///
/// # Errors
/// If Postgres does not answer.
pub async fn project_ledger(
    transaction: &Transaction<'_>,
    events: &[Envelope<WalletEvent>],
    before: BTreeMap<Uuid, WalletRow>,
) -> Result<(), tokio_postgres::Error> {
    let mut wallets = before;
    let text = "insert into ledger (transaction_id, account, wallet_id, amount_minor, \
                    balance_minor, cause, subject, tickets, posted_at, sequence) \
                values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    for event in events {
        let row = wallets.remove(&event.aggregate_id).unwrap_or_default();
        let row = project(row, event);
        let balance = row.balance_minor;
        wallets.insert(event.aggregate_id, row);
        let WalletEvent::Posted { transaction: id, cause, from, to, amount_minor, tickets } =
            &event.payload
        else {
            continue;
        };
        let statement = transaction.prepare_cached(text).await?;
        let (cause, subject) = cause_of(cause);
        let tickets: Vec<Uuid> = tickets.iter().map(|ticket| ticket.0).collect();
        for (account, amount) in [(from, -amount_minor), (to, *amount_minor)] {
            let account = account.as_str();
            let parameters: [&(dyn ToSql + Sync); 10] = [
                &id.0,
                &account,
                &event.aggregate_id,
                &amount,
                &balance,
                &cause,
                &subject,
                &tickets,
                &event.recorded_at,
                &event.sequence,
            ];
            transaction.execute(&statement, &parameters).await?;
        }
    }
    Ok(())
}

/// The rows of these wallets.
///
/// # Errors
/// If Postgres does not answer.
pub async fn rows(
    transaction: &Transaction<'_>,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, WalletRow>, tokio_postgres::Error> {
    let text = format!("select {} from wallets where wallet_id = any($1)", WalletRow::names());
    let statement = transaction.prepare_cached(&text).await?;
    let rows = transaction.query(&statement, &[&ids]).await?;
    let row = |row: &Row| WalletRow::read(row, 0).map(|row| (row.wallet_id, row));
    rows.iter().map(row).collect()
}

fn ledger_row(row: &Row) -> Result<LedgerRow, tokio_postgres::Error> {
    Ok(LedgerRow {
        transaction: row.try_get(0)?,
        wallet: row.try_get(1)?,
        amount_minor: row.try_get(2)?,
        balance_minor: row.try_get(3)?,
        cause: row.try_get(4)?,
        subject: row.try_get(5)?,
        tickets: row.try_get(6)?,
        posted_at: row.try_get(7)?,
        sequence: row.try_get(8)?,
    })
}

/// A wallet as its owner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalletNow {
    /// Which wallet.
    pub id: WalletId,
    /// Whose.
    pub owner: AccountId,
    /// What is in it, in hundredths.
    pub balance_minor: i64,
    /// The sequence of its last event.
    pub sequence: i64,
}

/// Reads wallets; cheap to clone.
#[derive(Clone)]
pub struct Wallets {
    store: EventStore,
}

impl Wallets {
    /// Reads from the store's database.
    pub fn new(store: EventStore) -> Self {
        Self { store }
    }

    /// One wallet, as current as its last event; `None` if there is none.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer or an event can not be read.
    pub async fn find(&self, id: WalletId) -> Result<Option<WalletNow>, ReadError> {
        let loaded: Loaded<Wallet> = snapshots::load(&self.store, id.0).await?;
        let balance = loaded.state.balance();
        Ok(balance.map(|(owner, balance_minor)| WalletNow {
            id,
            owner,
            balance_minor,
            sequence: loaded.sequence,
        }))
    }

    /// Wallets, oldest first, as the projection has them; `after` is the first position of the last
    /// one before.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn list(&self, after: i64, limit: i64) -> Result<Vec<WalletRow>, ReadError> {
        let text = format!(
            "select {} from wallets where first_position > $1 \
             order by first_position limit $2",
            WalletRow::names()
        );
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(&text).await?;
        let rows = client.query(&statement, &[&after, &limit]).await?;
        Ok(rows.iter().map(|row| WalletRow::read(row, 0)).collect::<Result<_, _>>()?)
    }

    /// The postings of one wallet, oldest first, as the projection has them; `after` is the
    /// sequence of the last one before.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn statement(
        &self,
        wallet: WalletId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<LedgerRow>, ReadError> {
        let text = "select transaction_id, wallet_id, amount_minor, balance_minor, cause, subject, \
                        tickets, posted_at, sequence from ledger \
                    where account = 'wallet' and wallet_id = $1 and sequence > $2 \
                    order by sequence limit $3";
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(text).await?;
        let rows = client.query(&statement, &[&wallet.0, &after, &limit]).await?;
        Ok(rows.iter().map(ledger_row).collect::<Result<_, _>>()?)
    }

    /// The postings of all wallets, oldest first, as the projection has them.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn transactions(
        &self,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<LedgerRow>, ReadError> {
        let text = "select transaction_id, wallet_id, amount_minor, balance_minor, cause, subject, \
                        tickets, posted_at, sequence from ledger \
                    where account = 'wallet' and transaction_id > $1 \
                    order by transaction_id limit $2";
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(text).await?;
        let rows = client.query(&statement, &[&after.unwrap_or(Uuid::nil()), &limit]).await?;
        Ok(rows.iter().map(ledger_row).collect::<Result<_, _>>()?)
    }
}
