//! Setting another password, by who knows the present one. Everything the account has handed out
//! ends with it: whoever else had the old password, or a token, is out.

use secrecy::SecretString;
use shared_events::account::AccountId;

use super::Accounts;
use super::caller::Caller;
use super::login::{Credentials, credentials};
use super::password::{self, HashError, UnfitPassword};
use super::revoke::revoke_all;
use super::tokens::TOKEN_LIFETIME;
use crate::platform::database::DatabaseError;

/// Set another password.
pub struct SetPassword {
    /// The present one.
    pub current: SecretString,
    /// The one from now on; it may be the same.
    pub new: SecretString,
}

/// Why the password is as it was.
#[derive(Debug, thiserror::Error)]
pub enum SetPasswordError {
    /// The new one is not accepted.
    #[error(transparent)]
    Unfit(#[from] UnfitPassword),
    /// The present one is another, perhaps since a moment ago.
    #[error("the current password is another one")]
    WrongPassword,
    /// The account has none: it belongs to who signs in with a provider.
    #[error("the account has no password")]
    NoPassword,
    /// No password can be hashed now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// Postgres did not do what was asked.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Accounts {
    /// Sets another password and revokes all tokens of the account, the caller's own included: its
    /// sessions at once here, everything within a second on every replica. Returns when a new login
    /// is good, within a second too. Of two at once with the same present password one succeeds.
    ///
    /// # Errors
    /// [`SetPasswordError`] says why the password is as it was.
    pub async fn set_password(
        &self,
        caller: &Caller,
        set: SetPassword,
    ) -> Result<(), SetPasswordError> {
        password::check(&set.new)?;
        let found = self.find_credentials_of(caller.account).await?;
        let Some(Credentials { password_hash: Some(_), .. }) = found else {
            return Err(SetPasswordError::NoPassword);
        };
        let recognised = self.recognise(found, set.current).await?;
        let old = recognised.ok_or(SetPasswordError::WrongPassword)?.password_hash;
        let new = self.passwords.hash(set.new).await?;
        self.replace_password(caller, &old, &new).await
    }

    /// Replaces this hash and no other: somebody may have been faster.
    async fn replace_password(
        &self,
        caller: &Caller,
        old: &str,
        new: &str,
    ) -> Result<(), SetPasswordError> {
        let id = caller.account.0;
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(DatabaseError::from)?;
        let replace = "update accounts set password_hash = $3 where id = $1 and password_hash = $2";
        let replaced = transaction.execute(replace, &[&id, &old, &new]).await;
        if replaced.map_err(DatabaseError::from)? == 0 {
            return Err(SetPasswordError::WrongPassword);
        }
        let now = self.clock.now();
        let revoked = revoke_all(&transaction, caller.account, now).await;
        let revoked = revoked.map_err(DatabaseError::from)?;
        transaction.commit().await.map_err(DatabaseError::from)?;
        drop(client);
        // A token of a login without a session has only its own.
        self.revocations.add(caller.session, now + TOKEN_LIFETIME);
        self.settle(revoked).await;
        Ok(())
    }

    async fn find_credentials_of(
        &self,
        account: AccountId,
    ) -> Result<Option<Credentials>, DatabaseError> {
        let client = self.database.get().await?;
        let find = "select id, username, tier, roles, password_hash from accounts where id = $1";
        let statement = client.prepare_cached(find).await?;
        let row = client.query_opt(&statement, &[&account.0]).await?;
        Ok(row.as_ref().map(credentials).transpose()?)
    }
}
