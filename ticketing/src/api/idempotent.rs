//! Repeats of the same call at the edge: `Idempotency-Key` turned into a replay, a refusal, or
//! leave to go on. Not here: how keys are stored (`platform/idempotency.rs`).

use serde::Serialize;
use shared_events::AccountId;

use crate::api_error::ApiError;
use crate::platform::database::Database;
use crate::platform::idempotency::{Begun, Idempotency, IdempotencyKey, InFlight, StoredAnswer};

/// Recognises repeats; cheap to clone.
#[derive(Clone)]
pub struct Idempotent(Idempotency);

/// What becomes of a call.
pub enum Started {
    /// It is a repeat; this was the answer.
    Replay(StoredAnswer),
    /// It is new, or has no key.
    Go(Box<Start>),
}

/// A call that goes on; its key is in flight until this is dropped.
pub struct Start {
    idempotency: Idempotency,
    key: Option<(IdempotencyKey, InFlight)>,
}

impl Idempotent {
    /// Keeps keys in this database.
    pub fn new(database: Database) -> Self {
        Self(Idempotency::new(database))
    }

    /// Looks at the key of a call, before anything is done. A guest's key has to be a UUID.
    ///
    /// # Errors
    /// 400 if the key is malformed, 409 if a call with it is in flight, 422 if it was used for
    /// another body.
    pub async fn start(
        &self,
        header: Option<String>,
        caller: Option<AccountId>,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Result<Started, ApiError> {
        let caller = caller.map(|caller| caller.0);
        let key = IdempotencyKey::read(header.as_deref(), caller, method, path, body)?;
        let Some(key) = key else {
            return Ok(Started::Go(Box::new(Start { idempotency: self.0.clone(), key: None })));
        };
        match self.0.begin(&key).await? {
            Begun::First(guard) => {
                let key = Some((key, guard));
                Ok(Started::Go(Box::new(Start { idempotency: self.0.clone(), key })))
            }
            begun => replayed(begun).map(Started::Replay),
        }
    }
}

impl Start {
    /// The answer to keep with the call's effect; nothing without a key.
    pub fn answer<T: Serialize>(
        &self,
        status: u16,
        body: &T,
    ) -> Option<(IdempotencyKey, StoredAnswer)> {
        let (key, _) = self.key.as_ref()?;
        // Serialising strings and ids can not fail.
        let body = serde_json::to_string(body).unwrap_or_default();
        Some((*key, StoredAnswer { status, body }))
    }

    /// The answer that another replica has stored under the key in the meantime.
    ///
    /// # Errors
    /// 409 if it is not there (yet), 422 if it belongs to another body.
    pub async fn taken(&self) -> Result<StoredAnswer, ApiError> {
        match &self.key {
            Some((key, _)) => {
                replayed(self.idempotency.find(key).await?.unwrap_or(Begun::InFlight))
            }
            None => replayed(Begun::InFlight),
        }
    }
}

fn replayed(begun: Begun) -> Result<StoredAnswer, ApiError> {
    match begun {
        Begun::Replay(answer) => Ok(answer),
        Begun::OtherRequest => Err(ApiError::idempotency_key_reused()),
        Begun::InFlight | Begun::First(_) => Err(ApiError::request_in_flight()),
    }
}
