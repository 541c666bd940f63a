//! Sessions: what outlives a login token. A refresh token is used once and replaced by the next
//! (RFC 9700, section 4.14.2); one that comes a second time was stolen, by the first or by the
//! second who used it, so the whole session ends. What ended is refused at once here, and within a
//! second on every replica (`revocations.rs`).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Accounts;
use super::caller::Caller;
use super::login::caller;
use super::tokens::{NoSigningKey, TOKEN_LIFETIME};
use crate::platform::database::DatabaseError;

/// How long a refresh token can be used.
const REFRESH_LIFETIME: TimeDelta = TimeDelta::days(30);
/// A longer text is no refresh token.
const LONGEST: usize = 128;

/// What a session hands out.
pub struct Tokens {
    /// Who has the session.
    pub caller: Caller,
    /// The login token.
    pub login: SecretString,
    /// The refresh token.
    pub refresh: SecretString,
}

/// Why a session is not refreshed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token is none, is too old, was used before, or its session has ended.
    #[error("the refresh token is not valid")]
    Refused,
    /// Nothing can be signed now.
    #[error(transparent)]
    Sign(#[from] NoSigningKey),
    /// Postgres did not do what was asked.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// A refresh token: the session's id and a secret.
struct RefreshToken {
    session: Uuid,
    text: SecretString,
}

impl RefreshToken {
    fn new(session: Uuid) -> Self {
        // 244 bits that nobody can guess.
        let secret = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        let secret = URL_SAFE_NO_PAD.encode(secret);
        Self { session, text: format!("{}.{secret}", session.simple()).into() }
    }

    fn read(text: SecretString) -> Option<Self> {
        let (session, secret) = text.expose_secret().split_once('.')?;
        let session = Uuid::try_parse(session).ok()?;
        let fits = secret.len() <= LONGEST;
        fits.then_some(Self { session, text })
    }

    fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.text.expose_secret()).to_vec()
    }
}

impl Accounts {
    /// Starts a session for a caller; for one who came with a password only if the account still
    /// has the one of this hash. Waits for who is just setting another one, and then ends sessions.
    ///
    /// # Errors
    /// [`RefreshError::Refused`] if the account has another password by now, or is no more.
    pub(super) async fn start_session(
        &self,
        caller: Caller,
        password_hash: Option<&str>,
    ) -> Result<Tokens, RefreshError> {
        let now = self.clock.now();
        let refresh = RefreshToken::new(caller.session);
        let login = self.tokens.issue(&caller, now)?.into();
        let client = self.database.get().await?;
        let insert = "insert into sessions (id, account_id, refresh_hash, expires_at) \
                      select $1, id, $3, $4 from accounts \
                      where id = $2 and ($5::text is null or password_hash = $5) for share";
        let statement = client.prepare_cached(insert).await.map_err(DatabaseError::from)?;
        let (hash, expires_at) = (refresh.hash(), now + REFRESH_LIFETIME);
        let account = caller.account.0;
        let started = client
            .execute(&statement, &[&caller.session, &account, &hash, &expires_at, &password_hash])
            .await
            .map_err(DatabaseError::from)?;
        if started == 0 {
            return Err(RefreshError::Refused);
        }
        Ok(Tokens { caller, login, refresh: refresh.text })
    }

    /// Whether a login token or a refresh token would be accepted now. Neither is used up.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer; it is not asked about login tokens.
    pub async fn is_accepted(&self, token: SecretString) -> Result<bool, DatabaseError> {
        let now = self.clock.now();
        if self.tokens.verify(token.expose_secret(), now).is_ok() {
            return Ok(true);
        }
        let Some(token) = RefreshToken::read(token) else { return Ok(false) };
        let client = self.database.get().await?;
        let find = "select 1 from sessions where id = $1 and refresh_hash = $2 \
                    and ended_at is null and expires_at > $3";
        let statement = client.prepare_cached(find).await?;
        let found = client.query_opt(&statement, &[&token.session, &token.hash(), &now]).await?;
        Ok(found.is_some())
    }

    /// New tokens for a refresh token, which is used up.
    ///
    /// # Errors
    /// [`RefreshError`]; a token that was used before ends its session.
    pub async fn refresh(&self, token: SecretString) -> Result<Tokens, RefreshError> {
        let now = self.clock.now();
        let token = RefreshToken::read(token).ok_or(RefreshError::Refused)?;
        let next = RefreshToken::new(token.session);
        // Whatever can fail comes before the token is used up, or is the same statement: who is
        // told to try again still can.
        self.tokens.can_issue(now)?;
        let client = self.database.get().await?;
        let rotate = "update sessions s set refresh_hash = $3, expires_at = $4 from accounts a \
                      where s.id = $1 and s.refresh_hash = $2 and s.ended_at is null \
                      and s.expires_at > $5 and a.id = s.account_id \
                      returning a.id, a.username, a.tier, a.roles";
        let statement = client.prepare_cached(rotate).await.map_err(DatabaseError::from)?;
        let (old, new, expires_at) = (token.hash(), next.hash(), now + REFRESH_LIFETIME);
        let rotated = client
            .query_opt(&statement, &[&token.session, &old, &new, &expires_at, &now])
            .await
            .map_err(DatabaseError::from)?;
        drop(client);
        let Some(row) = rotated else {
            self.end_reused(&token, now).await?;
            return Err(RefreshError::Refused);
        };
        let caller = caller(&row, token.session).map_err(DatabaseError::from)?;
        let login = self.tokens.issue(&caller, now)?.into();
        Ok(Tokens { caller, login, refresh: next.text })
    }

    /// A token of a session that goes on, but not its present one, was used before.
    async fn end_reused(
        &self,
        token: &RefreshToken,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        let client = self.database.get().await?;
        let end = "update sessions set ended_at = $3 where id = $1 and refresh_hash <> $2 \
                   and ended_at is null and expires_at > $3";
        if client.execute(end, &[&token.session, &token.hash(), &now]).await? > 0 {
            self.revocations.add(token.session, now + TOKEN_LIFETIME);
            tracing::warn!("a refresh token was used twice, its session has ended");
        }
        Ok(())
    }

    /// Ends the session of a caller: its login token and its refresh token are refused from now on.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn sign_out(&self, caller: &Caller) -> Result<(), DatabaseError> {
        let now = self.clock.now();
        let client = self.database.get().await?;
        let end = "insert into sessions (id, account_id, expires_at, ended_at) \
                   values ($1, $2, $3, $4) on conflict (id) do update \
                   set ended_at = coalesce(sessions.ended_at, excluded.ended_at)";
        let statement = client.prepare_cached(end).await?;
        let until = now + TOKEN_LIFETIME;
        client.execute(&statement, &[&caller.session, &caller.account.0, &until, &now]).await?;
        self.revocations.add(caller.session, until);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_token_names_its_session_and_no_two_are_the_same() {
        let session = Uuid::from_u128(7);
        let (one, two) = (RefreshToken::new(session), RefreshToken::new(session));
        assert_ne!(one.hash(), two.hash());
        let read = RefreshToken::read(one.text.clone()).unwrap();
        assert_eq!((read.session, read.hash()), (session, one.hash()));
        for garbage in ["", ".", "x.y", "7"] {
            assert!(RefreshToken::read(garbage.into()).is_none(), "{garbage}");
        }
    }
}
