//! Erasing a person who asks for it: name, addresses, password, identities, all that the contexts
//! keep of what they wrote, and the answers that are kept for repeats. What is left is the
//! account's id, which history, ledgers and other people's orders know; nobody can sign in to it.
//!
//! What the person has begun and nobody can go on with is ended first, by the contexts. Replicas
//! hear within a second that the account's tokens are refused: what one of them may have taken
//! until then is erased later (`erase_again.rs`).

use std::sync::Arc;

use chrono::{DateTime, Utc};
use shared_events::account::AccountId;
use tokio_postgres::Transaction;
use uuid::Uuid;

use super::Accounts;
use super::caller::Caller;
use super::revoke::{Revoked, revoke_all};
use super::tokens::TOKEN_LIFETIME;
use crate::platform::database::DatabaseError;
use crate::platform::erasure::{Erasure, Leaving, LeavingError};
use crate::platform::idempotency;

/// What the accounts themselves forget. A username that nobody can register: it holds a space.
const OWN: [Erasure; 3] = [
    Erasure {
        what: "name, address and password",
        statement: "update accounts set username = 'erased ' || id, email = null, password_hash = null, \
                    first_name = null, last_name = null, email_verified_at = null, roles = '{}' \
                    where id = $1",
    },
    Erasure { what: "profile", statement: "delete from profiles where account_id = $1" },
    Erasure {
        what: "identities at sign-in providers",
        statement: "delete from identities where account_id = $1",
    },
];

/// How often it is tried while Postgres ends it for the sake of others.
const TRIES: usize = 4;

/// What the contexts do about somebody who is erased.
#[derive(Default)]
pub struct Erasing {
    /// What they forget.
    pub erasures: Vec<Erasure>,
    /// What they end before.
    pub leaving: Vec<Arc<dyn Leaving>>,
    /// Of whom they still await something to forget.
    pub awaited: Vec<&'static str>,
    /// The names of the projections that both ask, each after its log.
    pub read: Vec<(&'static str, &'static str)>,
}

/// Why somebody was not erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// What they have begun was not ended, or not all of it.
    #[error("what the person has begun was not ended")]
    Leaving(#[source] LeavingError),
    /// Postgres did not do what was asked.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Accounts {
    /// Erases the caller. All their tokens are refused, here at once, elsewhere within a second.
    ///
    /// # Errors
    /// [`EraseError`] if they are as they were, perhaps with less going on.
    pub async fn erase(&self, caller: &Caller) -> Result<(), EraseError> {
        self.leave(caller.account.0).await?;
        let mut more = 1..TRIES;
        let (now, revoked) = loop {
            match self.forget_and_refuse(caller.account).await {
                // Of two who leave while each likes what the other wrote, each waits for the other.
                Err(error) if error.is_conflict() && more.next().is_some() => {}
                outcome => break outcome?,
            }
        };
        self.revocations.add(caller.session, now + TOKEN_LIFETIME);
        self.settle(revoked).await;
        Ok(())
    }

    /// In one transaction: forgets everything, and refuses all tokens. Answers when.
    async fn forget_and_refuse(
        &self,
        account: AccountId,
    ) -> Result<(DateTime<Utc>, Revoked), DatabaseError> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await?;
        self.forget(&transaction, account.0).await?;
        let now = self.clock.now();
        let mark = "update accounts set erased_at = $2 where id = $1";
        transaction.execute(mark, &[&account.0, &now]).await?;
        let revoked = revoke_all(&transaction, account, now).await?;
        transaction.commit().await?;
        Ok((now, revoked))
    }

    /// Erases what was written of somebody while they were being erased.
    ///
    /// # Errors
    /// [`EraseError`] if it was not, or not all of it.
    pub(super) async fn erase_once_more(&self, id: Uuid) -> Result<(), EraseError> {
        self.leave(id).await?;
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(DatabaseError::from)?;
        self.forget(&transaction, id).await?;
        transaction.commit().await.map_err(DatabaseError::from)?;
        Ok(())
    }

    async fn leave(&self, id: Uuid) -> Result<(), EraseError> {
        for leaving in &self.erasing.leaving {
            leaving.leave(id).await.map_err(EraseError::Leaving)?;
        }
        Ok(())
    }

    async fn forget(&self, transaction: &Transaction<'_>, id: Uuid) -> Result<(), DatabaseError> {
        for Erasure { what, statement } in OWN.iter().chain(&self.erasing.erasures) {
            let rows = transaction.execute(*statement, &[&id]).await?;
            tracing::debug!(what, rows, "erased");
        }
        idempotency::forget(transaction, id).await?;
        Ok(())
    }
}
