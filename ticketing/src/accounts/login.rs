//! Logging in: a username and a password become a token or a session. Whether the user exists is
//! neither said nor to be measured. A password that is changed while it is being checked opens
//! nothing: what it would have opened could not be revoked any more.

use secrecy::{ExposeSecret, SecretString};
use shared_events::account::{AccountId, Tier};
use tokio_postgres::Row;
use uuid::Uuid;

use super::Accounts;
use super::caller::{Caller, Roles};
use super::password::{HashError, LONGEST};
use super::sessions::{RefreshError, Tokens};
use super::tokens::NoSigningKey;
use crate::platform::database::DatabaseError;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// There is no account with this name and password.
    #[error("wrong username or password")]
    WrongCredentials,
    /// The password can not be verified now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// Nothing can be signed now.
    #[error(transparent)]
    Sign(#[from] NoSigningKey),
    /// Postgres did not do what was asked.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<RefreshError> for LoginError {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Refused => Self::WrongCredentials,
            RefreshError::Sign(error) => error.into(),
            RefreshError::Database(error) => error.into(),
        }
    }
}

/// What logging in needs of an account.
pub(super) struct Credentials {
    pub(super) caller: Caller,
    pub(super) password_hash: Option<String>,
}

/// An account whose password was told.
pub(super) struct Recognised {
    pub(super) caller: Caller,
    /// Of the password that was told; the account's may be another one by now.
    pub(super) password_hash: String,
}

impl Accounts {
    /// A token for who knows the password.
    ///
    /// # Errors
    /// [`LoginError`] says why there is none.
    pub async fn login(
        &self,
        username: &str,
        password: SecretString,
    ) -> Result<String, LoginError> {
        let found = self.find_credentials(username).await?;
        let recognised = self.recognise(found, password).await?;
        let recognised = recognised.ok_or(LoginError::WrongCredentials)?;
        // Read before the account is: whoever sets another password after that refuses all tokens
        // that were issued until then.
        let now = self.clock.now();
        if !self.is_current(&recognised).await? {
            return Err(LoginError::WrongCredentials);
        }
        Ok(self.tokens.issue(&recognised.caller, now)?)
    }

    /// A session for who knows the password.
    ///
    /// # Errors
    /// [`LoginError`] says why there is none.
    pub async fn open_session(
        &self,
        username: &str,
        password: SecretString,
    ) -> Result<Tokens, LoginError> {
        let found = self.find_credentials(username).await?;
        let recognised = self.recognise(found, password).await?;
        let Recognised { caller, password_hash } =
            recognised.ok_or(LoginError::WrongCredentials)?;
        Ok(self.start_session(caller, Some(&password_hash)).await?)
    }

    /// Whose password it is. Nobody's takes as long; one that is too long takes no time, whoever
    /// was found.
    pub(super) async fn recognise(
        &self,
        found: Option<Credentials>,
        password: SecretString,
    ) -> Result<Option<Recognised>, HashError> {
        if password.expose_secret().chars().count() > LONGEST {
            return Ok(None);
        }
        let (caller, hash) = found.map(|found| (found.caller, found.password_hash)).unzip();
        let hash = hash.flatten();
        let right = self.passwords.verify(password, hash.clone()).await?;
        let recognised = caller.zip(hash).filter(|_| right);
        Ok(recognised.map(|(caller, password_hash)| Recognised { caller, password_hash }))
    }

    /// Whether the account still has the password that was told; waits for who is just setting
    /// another one.
    async fn is_current(&self, recognised: &Recognised) -> Result<bool, DatabaseError> {
        let client = self.database.get().await?;
        let text = "select 1 from accounts where id = $1 and password_hash = $2 for share";
        let statement = client.prepare_cached(text).await?;
        let Recognised { caller, password_hash } = recognised;
        Ok(client.query_opt(&statement, &[&caller.account.0, password_hash]).await?.is_some())
    }

    pub(super) async fn find_credentials(
        &self,
        username: &str,
    ) -> Result<Option<Credentials>, DatabaseError> {
        let client = self.database.get().await?;
        let find = "select id, username, tier, roles, password_hash from accounts \
                    where lower(username) = lower($1)";
        let statement = client.prepare_cached(find).await?;
        let Some(row) = client.query_opt(&statement, &[&username]).await? else { return Ok(None) };
        Ok(Some(credentials(&row)?))
    }
}

/// The credentials in a row that begins with id, username, tier, roles and password hash.
pub(super) fn credentials(row: &Row) -> Result<Credentials, tokio_postgres::Error> {
    let caller = caller(row, Uuid::new_v4())?;
    Ok(Credentials { caller, password_hash: row.try_get(4)? })
}

/// The caller in a row that begins with id, username, tier and roles.
pub(super) fn caller(row: &Row, session: Uuid) -> Result<Caller, tokio_postgres::Error> {
    let tier: &str = row.try_get(2)?;
    let roles: Vec<&str> = row.try_get(3)?;
    Ok(Caller {
        account: AccountId(row.try_get(0)?),
        username: row.try_get::<_, &str>(1)?.into(),
        tier: tier.parse().unwrap_or(Tier::Default),
        roles: Roles::from_names(&roles),
        session,
    })
}
