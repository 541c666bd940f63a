//! Login tokens: ES256, one hour, compared with our own clock without leeway. Algorithm, type,
//! issuer, audience and key are pinned (RFC 8725); a link token has others, so neither passes for
//! the other. Verified tokens are remembered by their hash; what was granted or revoked since
//! always overrides what a token says.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared_events::account::{AccountId, Tier};
use uuid::Uuid;

use super::caller::{Caller, Roles};
use super::grants::Grants;
use super::keys::{KeySet, TokenKeys};
use super::revocations::Revocations;

/// How long a token is valid.
pub const TOKEN_LIFETIME: TimeDelta = TimeDelta::hours(1);
/// `typ` of a login token.
pub const TYPE: &str = "login+jwt";
/// `iss` of a login token.
pub const ISSUER: &str = "ticketing";
/// `aud` of a login token.
pub const AUDIENCE: &str = "turnstile";
/// Longer texts are no tokens of ours.
const LONGEST: usize = 4096;
/// How many verified tokens are remembered; one takes about 300 bytes.
const REMEMBERED: u64 = 100_000;

/// What a login token says.
#[derive(Debug, Deserialize, Serialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: Uuid,
    jti: Uuid,
    /// The session; tokens from before there were sessions have none.
    #[serde(default)]
    sid: Option<Uuid>,
    iat: i64,
    nbf: i64,
    exp: i64,
    username: String,
    tier: Tier,
    roles: Vec<String>,
}

/// Why a text is not accepted as a login token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// It is not a token, not ours, not for this purpose, or not signed by a key in use.
    #[error("the login token is not valid")]
    NotOurs,
    /// Its time has not come.
    #[error("the login token is not valid yet")]
    NotYetValid,
    /// Its hour is over.
    #[error("the login token has expired, please log in again")]
    Expired,
    /// The account's tokens of that time were revoked.
    #[error("the login token was revoked, please log in again")]
    Revoked,
}

/// No key's time has come, so nothing can be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no key signs login tokens yet")]
pub struct NoSigningKey;

struct Verified {
    caller: Caller,
    issued_at: DateTime<Utc>,
    valid_from: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    /// Of the keys it was verified with; other keys mean that it is verified again.
    generation: u64,
}

/// Issues and verifies login tokens.
pub struct LoginTokens {
    keys: TokenKeys,
    grants: Grants,
    revocations: Revocations,
    verified: Cache<[u8; 32], Arc<Verified>>,
    validation: Validation,
}

impl LoginTokens {
    /// With these keys; `grants` and `revocations` override what tokens say.
    pub fn new(keys: TokenKeys, grants: Grants, revocations: Revocations) -> Self {
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        // The library would read the system's time; times are compared below, with our clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let lifetime = TOKEN_LIFETIME.to_std().unwrap_or_default();
        let verified = Cache::builder().max_capacity(REMEMBERED).time_to_live(lifetime).build();
        Self { keys, grants, revocations, verified, validation }
    }

    /// A token for this account, valid from now for [`TOKEN_LIFETIME`].
    ///
    /// # Errors
    /// [`NoSigningKey`] if every key starts in the future.
    pub fn issue(&self, account: &Caller, now: DateTime<Utc>) -> Result<String, NoSigningKey> {
        let keys = self.keys.current();
        let key = keys.signing(now).ok_or(NoSigningKey)?;
        let header = Header {
            typ: Some(TYPE.to_owned()),
            kid: Some(key.id.clone()),
            ..Header::new(Algorithm::ES256)
        };
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: account.account.0,
            jti: Uuid::new_v4(),
            sid: Some(account.session),
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: (now + TOKEN_LIFETIME).timestamp(),
            username: account.username.as_ref().to_owned(),
            tier: account.tier,
            roles: account.roles.names().into_iter().map(str::to_owned).collect(),
        };
        encode(&header, &claims, &key.signing).map_err(|_| NoSigningKey)
    }

    /// Whether a token could be issued now.
    ///
    /// # Errors
    /// [`NoSigningKey`] if every key starts in the future.
    pub fn can_issue(&self, now: DateTime<Utc>) -> Result<(), NoSigningKey> {
        self.keys.current().signing(now).map(drop).ok_or(NoSigningKey)
    }

    /// Who presents this token.
    ///
    /// # Errors
    /// [`TokenRefused`] says why it is not accepted.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Caller, TokenRefused> {
        if token.len() > LONGEST {
            return Err(TokenRefused::NotOurs);
        }
        let keys = self.keys.current();
        let hash: [u8; 32] = Sha256::digest(token).into();
        let known = self.verified.get(&hash).filter(|known| known.generation == keys.generation);
        let verified = match known {
            Some(verified) => verified,
            None => {
                let verified = Arc::new(self.read(token, &keys, now)?);
                self.verified.insert(hash, Arc::clone(&verified));
                verified
            }
        };
        self.judge(&verified, now)
    }

    /// Everything about a token that does not change with time.
    fn read(
        &self,
        token: &str,
        keys: &KeySet,
        now: DateTime<Utc>,
    ) -> Result<Verified, TokenRefused> {
        let header = decode_header(token).map_err(|_| TokenRefused::NotOurs)?;
        let pinned = header.alg == Algorithm::ES256
            && header.typ.as_deref() == Some(TYPE)
            && header.crit.is_none();
        let key = header.kid.as_deref().and_then(|id| keys.verifying(id, now));
        let Some(key) = key.filter(|_| pinned) else { return Err(TokenRefused::NotOurs) };
        let claims = decode::<Claims>(token, &key.verifying, &self.validation)
            .map_err(|_| TokenRefused::NotOurs)?
            .claims;
        let time = |seconds| DateTime::from_timestamp(seconds, 0).ok_or(TokenRefused::NotOurs);
        Ok(Verified {
            caller: Caller {
                account: AccountId(claims.sub),
                username: claims.username.into(),
                tier: claims.tier,
                roles: Roles::from_names(&claims.roles),
                session: claims.sid.unwrap_or(claims.jti),
            },
            issued_at: time(claims.iat)?,
            valid_from: time(claims.nbf)?,
            expires_at: time(claims.exp)?,
            generation: keys.generation,
        })
    }

    fn judge(&self, verified: &Verified, now: DateTime<Utc>) -> Result<Caller, TokenRefused> {
        if now >= verified.expires_at {
            return Err(TokenRefused::Expired);
        }
        if now < verified.valid_from {
            return Err(TokenRefused::NotYetValid);
        }
        let mut caller = verified.caller.clone();
        if self.revocations.contains(caller.session) {
            return Err(TokenRefused::Revoked);
        }
        if let Some(standing) = self.grants.find(caller.account) {
            if standing.tokens_valid_from.is_some_and(|from| verified.issued_at < from) {
                return Err(TokenRefused::Revoked);
            }
            caller.tier = standing.tier;
            caller.roles = standing.roles;
        }
        Ok(caller)
    }
}

#[cfg(test)]
mod tests;
