//! Reading link tokens: made by the rule service, checked here with its public keys.
//!
//! Algorithm, type, issuer and audience are pinned (RFC 8725 §3.1, §3.11). Times in the token are
//! not looked at: the request's stream decides when a link works. A login token is never a link
//! token, nor the reverse.
//!
//! The file of public keys is read at start, and again when a token names a key that is not known,
//! every few seconds at the most: keys are rolled out by replacing the file, without a restart. A
//! file that can not be used by then changes nothing. Not here: making tokens (the rule service),
//! and keeping them (`platform/vault.rs`).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use shared_events::verdict::{
    LINK_TOKEN_AUDIENCE, LINK_TOKEN_ISSUER, LINK_TOKEN_TYPE, LinkTokenClaims,
};

use crate::platform::causes::causes;

/// How often the file is read again at the most, when a token names a key that is not known.
const REREAD: Duration = Duration::from_secs(5);

/// The public keys of the rule service.
pub struct LinkKeys {
    file: PathBuf,
    keys: RwLock<Known>,
}

struct Known {
    by_id: HashMap<String, Arc<DecodingKey>>,
    read_at: Option<Instant>,
}

/// The file of public keys can not be used.
#[derive(Debug, thiserror::Error)]
pub enum LinkKeysError {
    /// It can not be read.
    #[error("{file}: can not be read")]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not a JWKS (RFC 7517).
    #[error("{file}: expected a JSON Web Key Set")]
    Format {
        /// Which.
        file: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A key in it is none that verifies ES256, or has no `kid`.
    #[error("{file}: expected P-256 keys with a kid")]
    Key {
        /// Which file.
        file: PathBuf,
    },
}

impl LinkKeys {
    /// Reads the keys.
    ///
    /// # Errors
    /// [`LinkKeysError`] names the file and what was expected.
    pub fn open(file: &Path) -> Result<Self, LinkKeysError> {
        let by_id = read(file)?;
        let keys = RwLock::new(Known { by_id, read_at: Some(Instant::now()) });
        Ok(Self { file: file.to_owned(), keys })
    }

    /// The claims of a genuine link token; `None` for anything else.
    pub fn verify(&self, token: &str) -> Option<LinkTokenClaims> {
        let header = decode_header(token).ok()?;
        if header.alg != Algorithm::ES256 || header.typ.as_deref() != Some(LINK_TOKEN_TYPE) {
            return None;
        }
        let key = self.find(&header.kid?)?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[LINK_TOKEN_ISSUER]);
        validation.set_audience(&[LINK_TOKEN_AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        decode::<LinkTokenClaims>(token, &key, &validation).ok().map(|data| data.claims)
    }

    fn find(&self, id: &str) -> Option<Arc<DecodingKey>> {
        let known = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known.by_id.get(id) {
            return Some(Arc::clone(key));
        }
        let lately = known.read_at.is_some_and(|at| at.elapsed() < REREAD);
        drop(known);
        if lately {
            return None;
        }
        let mut known = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        known.read_at = Some(Instant::now());
        match read(&self.file) {
            Ok(by_id) => known.by_id = by_id,
            Err(error) => {
                tracing::error!(
                    error = causes(&error),
                    "the public keys of links were kept as they were"
                )
            }
        }
        known.by_id.get(id).cloned()
    }
}

fn read(file: &Path) -> Result<HashMap<String, Arc<DecodingKey>>, LinkKeysError> {
    let text = std::fs::read_to_string(file)
        .map_err(|source| LinkKeysError::File { file: file.to_owned(), source })?;
    let set: JwkSet = serde_json::from_str(&text)
        .map_err(|source| LinkKeysError::Format { file: file.to_owned(), source })?;
    let keys = set.keys.iter().map(|key| {
        let id = key.common.key_id.clone()?;
        Some((id, Arc::new(DecodingKey::from_jwk(key).ok()?)))
    });
    keys.collect::<Option<_>>().ok_or_else(|| LinkKeysError::Key { file: file.to_owned() })
}
