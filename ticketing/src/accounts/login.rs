//! Logging in: a username and a password become a token. Whether the user exists is neither said
//! nor to be measured.

use secrecy::{ExposeSecret, SecretString};
use shared_events::account::{AccountId, Tier};
use tokio_postgres::Row;
use uuid::Uuid;

use super::Accounts;
use super::caller::{Caller, Roles};
use super::password::{HashError, LONGEST};
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

/// What logging in needs of an account.
pub(super) struct Credentials {
    pub(super) password_hash: Option<String>,
    caller: Caller,
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
        if password.expose_secret().chars().count() > LONGEST {
            return Err(LoginError::WrongCredentials);
        }
        let account = self.find_credentials(username).await?;
        let hash = account.as_ref().and_then(|account| account.password_hash.clone());
        let right = self.passwords.verify(password, hash).await?;
        match account.filter(|_| right) {
            Some(account) => Ok(self.tokens.issue(&account.caller, self.clock.now())?),
            None => Err(LoginError::WrongCredentials),
        }
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
        Ok(Some(Credentials {
            password_hash: row.try_get(4)?,
            caller: caller(&row, Uuid::new_v4())?,
        }))
    }
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
