//! Signing in with a provider. Who comes back has to be who was sent: the state is used once, and
//! is the browser's own. The first sign-in makes the account, or finds the one with the same
//! address if the provider vouches for it. An account whose own address was never verified is then
//! cleared of its password, its other identities and its sessions: whoever registered it may not be
//! whose address it is.

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use shared_events::account::AccountId;
use uuid::Uuid;

use super::Accounts;
use super::identity_provider::{Begun, Identity, IdentityProvider, Proof, ProviderError};
use super::people::{Person, SignError};
use super::revoke::revoke_all;
use super::sessions::{RefreshError, Tokens};
use crate::platform::database::DatabaseError;

/// How long somebody may take at the provider.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);
/// How often an account is looked for before somebody else's haste is told.
const ATTEMPTS: usize = 3;

/// Two who link the same identity at once: one of them does not.
const LINK: &str = "insert into identities (provider, subject, account_id, linked_at) \
                    values ($1, $2, $3, $4) on conflict do nothing";

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInWithError {
    /// What came back does not belong to a sign-in that was begun here.
    #[error("the sign-in was not begun here, or too long ago")]
    NotBegun,
    /// Who was sent to the provider did not agree there.
    #[error("the sign-in was cancelled at the provider")]
    Cancelled,
    /// The provider vouches for nobody.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The address belongs to another account, and the provider does not vouch for it.
    #[error("the address is taken")]
    Taken,
    /// No session can be started.
    #[error(transparent)]
    Session(#[from] RefreshError),
    /// Postgres did not do what was asked.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// What the provider says of who did not agree (RFC 6749, section 4.1.2.1).
const DENIED: &str = "access_denied";

/// Somebody who came back from a provider.
pub struct Returned {
    /// What the provider vouches with.
    pub code: Option<String>,
    /// Why it does not.
    pub error: Option<String>,
    /// Who says that it is the provider.
    pub issuer: Option<String>,
    /// Which sign-in it is said to be.
    pub state: Option<String>,
    /// Which sign-in the browser has begun.
    pub begun: Option<String>,
}

impl Returned {
    /// The sign-in, if the browser that comes back is the one that set out. Otherwise somebody
    /// could have a victim finish the attacker's own.
    pub fn own_state(&self) -> Option<&str> {
        self.state.as_deref().filter(|state| self.begun.as_deref() == Some(state))
    }
}

impl Accounts {
    /// Sends somebody to a provider. The state belongs into a cookie.
    ///
    /// # Errors
    /// [`SignInWithError`].
    pub async fn begin_sign_in(
        &self,
        provider: &IdentityProvider,
    ) -> Result<Begun, SignInWithError> {
        let begun = provider.begin().await?;
        let client = self.database.get().await?;
        let text = "insert into sign_ins (state_hash, provider, nonce, verifier, expires_at) \
                    values ($1, $2, $3, $4, $5)";
        let expires_at = self.clock.now() + PATIENCE;
        let (hash, name) = (hash(&begun.state), provider.name());
        client
            .execute(text, &[&hash, &name, &begun.nonce, &begun.verifier, &expires_at])
            .await
            .map_err(DatabaseError::from)?;
        Ok(begun)
    }

    /// A session for who came back.
    ///
    /// # Errors
    /// [`SignInWithError`].
    pub async fn finish_sign_in(
        &self,
        provider: &IdentityProvider,
        returned: Returned,
    ) -> Result<(Person, Tokens), SignInWithError> {
        let state = returned.own_state().ok_or(SignInWithError::NotBegun)?;
        let now = self.clock.now();
        let (nonce, verifier) = self.take_sign_in(provider.name(), state, now).await?;
        let Returned { code, error, issuer, .. } = returned;
        let code = match (code, error) {
            (Some(code), None) => code,
            (_, Some(error)) if error == DENIED => return Err(SignInWithError::Cancelled),
            (_, error) => {
                let reason = error.unwrap_or_else(|| "no code".to_owned());
                return Err(ProviderError::Refused(reason.into()).into());
            }
        };
        let proof = Proof { code, issuer, nonce, verifier };
        let identity = provider.finish(proof, now).await?;
        let id = self.account_of(provider.name(), &identity).await?;
        let caller = self.find_caller(id, Uuid::new_v4()).await?;
        let caller = caller.ok_or(SignInWithError::NotBegun)?;
        let person = self.find_person(id).await?.ok_or(SignInWithError::NotBegun)?;
        let tokens = self.start_session(caller, None).await?;
        // Whose address it is may have come meanwhile and cut this identity off; the session would
        // be younger than those that ended then.
        if self.find_identity(provider.name(), &identity.subject).await? != Some(id) {
            self.sign_out(&tokens.caller).await?;
            return Err(SignInWithError::NotBegun);
        }
        Ok((person, tokens))
    }

    /// Nonce and verifier of a sign-in, which is used up.
    async fn take_sign_in(
        &self,
        provider: &str,
        state: &str,
        now: DateTime<Utc>,
    ) -> Result<(String, String), SignInWithError> {
        let client = self.database.get().await?;
        let text = "delete from sign_ins where state_hash = $1 and provider = $2 \
                    returning nonce, verifier, expires_at";
        let row = client.query_opt(text, &[&hash(state), &provider]).await;
        let row = row.map_err(DatabaseError::from)?.ok_or(SignInWithError::NotBegun)?;
        let expires_at: DateTime<Utc> = row.try_get(2).map_err(DatabaseError::from)?;
        if now >= expires_at {
            return Err(SignInWithError::NotBegun);
        }
        let read = |column| row.try_get(column).map_err(DatabaseError::from);
        Ok((read(0)?, read(1)?))
    }

    /// Whose account an identity is; made or linked if it is not known yet.
    async fn account_of(
        &self,
        provider: &str,
        identity: &Identity,
    ) -> Result<AccountId, SignInWithError> {
        for _ in 0..ATTEMPTS {
            if let Some(known) = self.find_identity(provider, &identity.subject).await? {
                return Ok(known);
            }
            if identity.email_verified
                && let Some(email) = &identity.email
                && let Some(id) = self.link(provider, identity, email).await?
            {
                return Ok(id);
            }
            match self.make(provider, identity).await {
                // Somebody was faster with the same identity or address: look again.
                Err(SignError::Taken) => {}
                Err(SignError::Database(error)) => return Err(error.into()),
                Err(_) => return Err(SignInWithError::Taken),
                Ok(id) => return Ok(id),
            }
        }
        Err(SignInWithError::Taken)
    }

    async fn find_identity(
        &self,
        provider: &str,
        subject: &str,
    ) -> Result<Option<AccountId>, DatabaseError> {
        let client = self.database.get().await?;
        let text = "select account_id from identities where provider = $1 and subject = $2";
        let row = client.query_opt(text, &[&provider, &subject]).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?.map(AccountId))
    }

    /// Links an identity to the account with its address, if there is one. If that account's own
    /// address was never verified, everything ends that whoever made it could come back with:
    /// password, other identities, sessions and tokens.
    async fn link(
        &self,
        provider: &str,
        identity: &Identity,
        email: &str,
    ) -> Result<Option<AccountId>, DatabaseError> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await?;
        let find = "select id, email_verified_at is not null from accounts \
                    where lower(email) = lower($1) for update";
        let Some(row) = transaction.query_opt(find, &[&email]).await? else { return Ok(None) };
        let (id, verified): (Uuid, bool) = (row.try_get(0)?, row.try_get(1)?);
        let (account, now) = (AccountId(id), self.clock.now());
        let mut revoked = None;
        if !verified {
            let clear = "update accounts set password_hash = null, email_verified_at = $2 \
                         where id = $1";
            transaction.execute(clear, &[&id, &now]).await?;
            transaction.execute("delete from identities where account_id = $1", &[&id]).await?;
            revoked = Some(revoke_all(&transaction, account, now).await?);
        }
        transaction.execute(LINK, &[&provider, &identity.subject, &id, &now]).await?;
        transaction.commit().await?;
        drop(client);
        if let Some(revoked) = revoked {
            self.settle(revoked).await;
        }
        Ok(Some(account))
    }

    /// Makes an account without a password for an identity.
    async fn make(&self, provider: &str, identity: &Identity) -> Result<AccountId, SignError> {
        let Identity { subject, email, email_verified, first_name, last_name } = identity.clone();
        let person = Person { id: AccountId(Uuid::now_v7()), email, first_name, last_name };
        let now = self.clock.now();
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(DatabaseError::from)?;
        let verified_at = email_verified.then_some(now);
        self.insert_person(&*transaction, &person, None, verified_at).await?;
        let linked = transaction.execute(LINK, &[&provider, &subject, &person.id.0, &now]).await;
        if linked.map_err(DatabaseError::from)? == 0 {
            return Err(SignError::Taken);
        }
        transaction.commit().await.map_err(DatabaseError::from)?;
        Ok(person.id)
    }
}

fn hash(state: &str) -> Vec<u8> {
    Sha256::digest(state).to_vec()
}
