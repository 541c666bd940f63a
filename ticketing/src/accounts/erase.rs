//! Erasing a person who asks for it: name, addresses, password, identities, all that the contexts
//! keep of what they wrote, and the answers that are kept for repeats. What is left is the
//! account's id, which history, ledgers and other people's orders know; nobody can sign in to it.
//!
//! What the person has begun and nobody can go on with is ended first, by the contexts. Replicas
//! hear within a second that the account's tokens are refused: what one of them may have taken
//! until then is erased a minute later.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Transaction;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Accounts;
use super::caller::Caller;
use super::revoke::revoke_all;
use super::tokens::TOKEN_LIFETIME;
use crate::platform::causes::causes;
use crate::platform::database::DatabaseError;
use crate::platform::erasure::{Erasure, Leaving, LeavingError};
use crate::platform::idempotency;

/// How often it is looked who was erased lately.
const AGAIN_EVERY: Duration = Duration::from_secs(60);
/// How long ago that is, in minutes: what somebody held when its seller left may be free again by
/// then.
const LATELY: i64 = 60;
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

/// What the contexts do about somebody who is erased.
#[derive(Default)]
pub struct Erasing {
    /// What they forget.
    pub erasures: Vec<Erasure>,
    /// What they end before.
    pub leaving: Vec<Arc<dyn Leaving>>,
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
        let id = caller.account.0;
        self.leave(id).await?;
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(DatabaseError::from)?;
        self.forget(&transaction, id).await?;
        let now = self.clock.now();
        let mark = "update accounts set erased_at = $2 where id = $1";
        transaction.execute(mark, &[&id, &now]).await.map_err(DatabaseError::from)?;
        let revoked = revoke_all(&transaction, caller.account, now).await;
        let revoked = revoked.map_err(DatabaseError::from)?;
        transaction.commit().await.map_err(DatabaseError::from)?;
        drop(client);
        self.revocations.add(caller.session, now + TOKEN_LIFETIME);
        self.settle(revoked).await;
        Ok(())
    }

    /// Erases again who was erased lately, from time to time, until cancelled.
    pub async fn erase_again(self: Arc<Self>, shutdown: CancellationToken) {
        let mut period = tokio::time::interval(AGAIN_EVERY);
        loop {
            tokio::select! {
                _ = period.tick() => {}
                () = shutdown.cancelled() => return,
            }
            if let Err(error) = self.erase_late().await {
                tracing::warn!(error = causes(&error), "who was erased lately was not again");
            }
        }
    }

    /// Erases what was written of somebody while they were being erased.
    ///
    /// # Errors
    /// [`EraseError`] for the first of whom it was not.
    async fn erase_late(&self) -> Result<(), EraseError> {
        let since = self.clock.now() - chrono::TimeDelta::minutes(LATELY);
        let lately: Vec<Uuid> = {
            let client = self.database.get().await?;
            let text = "select id from accounts where erased_at > $1";
            let rows = client.query(text, &[&since]).await.map_err(DatabaseError::from)?;
            let ids = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>();
            ids.map_err(DatabaseError::from)?
        };
        for id in lately {
            self.leave(id).await?;
            let mut client = self.database.get().await?;
            let transaction = client.transaction().await.map_err(DatabaseError::from)?;
            self.forget(&transaction, id).await?;
            transaction.commit().await.map_err(DatabaseError::from)?;
        }
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
