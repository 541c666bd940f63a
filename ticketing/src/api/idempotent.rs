//! Repeats of the same call at the edge: an operation runs through [`Idempotent::run`], which turns
//! `Idempotency-Key` into a replay, a refusal, or leave to go on. Not here: how keys are stored
//! (`platform/idempotency.rs`).

use std::future::Future;
use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared_events::AccountId;

use crate::api_error::ApiError;
use crate::platform::append::{AppendError, Attached};
use crate::platform::commands::CommandError;
use crate::platform::database::Database;
use crate::platform::idempotency::{Begun, Idempotency, IdempotencyKey, StoredAnswer};

/// Recognises repeats; cheap to clone. One for all routes of a process: a key in flight is known
/// only to the one that saw it.
#[derive(Clone)]
pub struct Idempotent(Idempotency);

/// What makes two calls the same.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The header `Idempotency-Key`, if there is one.
    pub key: Option<&'a str>,
    /// Whose call it is; a guest's key has to be a UUID.
    pub caller: Option<AccountId>,
    /// The HTTP method.
    pub method: &'a str,
    /// The path as it was asked for.
    pub path: &'a str,
    /// What else the call says; under the same key it has to be the same.
    pub body: &'a [u8],
}

/// What is kept with a call's effect, so that a repeat is answered alike.
pub struct Keep<F> {
    key: Option<IdempotencyKey>,
    status: StatusCode,
    answer: F,
}

impl<F> Keep<F> {
    /// What the append carries: the answer under the call's key, nothing without a key. Deadlines
    /// and secrets are added by the caller: `Attached { deadlines, ..keep.attach(done) }`.
    pub fn attach<D, T: Serialize>(&self, done: &D) -> Attached
    where
        F: Fn(&D) -> T,
    {
        let answer = self.key.map(|key| {
            // Serialising strings and ids can not fail.
            let body = serde_json::to_string(&(self.answer)(done)).unwrap_or_default();
            (key, StoredAnswer { status: self.status.as_u16(), body })
        });
        Attached { answer, ..Attached::default() }
    }
}

/// Why a call has no success to answer with.
#[derive(Debug)]
pub enum CallError<E> {
    /// The aggregate's rules forbid it.
    Refused(E),
    /// Anything else: the key can not be used, somebody was faster, something is away.
    Failed(ApiError),
}

impl<E> From<ApiError> for CallError<E> {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl<E: std::error::Error> From<CommandError<E>> for CallError<E> {
    fn from(error: CommandError<E>) -> Self {
        Self::Failed(match error {
            CommandError::Refused(refusal) => return Self::Refused(refusal),
            CommandError::Conflict => AppendError::Conflict.into(),
            CommandError::KeyTaken => AppendError::KeyTaken.into(),
            CommandError::Append(error) => error.into(),
            CommandError::Read(error) => error.into(),
        })
    }
}

impl<E: Into<ApiError>> From<CallError<E>> for ApiError {
    fn from(error: CallError<E>) -> Self {
        match error {
            CallError::Refused(refusal) => refusal.into(),
            CallError::Failed(error) => error,
        }
    }
}

impl Idempotent {
    /// Keeps keys in this database.
    pub fn new(database: Database) -> Self {
        Self(Idempotency::new(database))
    }

    /// Answers a call: with what it was answered before, or with the `answer` to what `effect` has
    /// done. `effect` has to append what [`Keep::attach`] gives it. `answer` only says what was
    /// done (it is asked twice), holds no secret, and is kept with `status`.
    ///
    /// # Errors
    /// [`CallError::Refused`] with what the command was refused for; otherwise 400 if the key is
    /// malformed, 409 if a call with it is in flight, 422 if it was used for another body, or what
    /// the command failed of.
    pub async fn run<D, T, E, F, R>(
        &self,
        call: Call<'_>,
        status: StatusCode,
        answer: F,
        effect: impl FnOnce(Arc<Keep<F>>) -> R,
    ) -> Result<T, CallError<E>>
    where
        F: Fn(&D) -> T,
        T: Serialize + DeserializeOwned,
        E: std::error::Error,
        R: Future<Output = Result<D, CommandError<E>>>,
    {
        let Call { key, caller, method, path, body } = call;
        let caller = caller.map(|caller| caller.0);
        let key = IdempotencyKey::read(key, caller, method, path, body).map_err(ApiError::from)?;
        let _in_flight = match &key {
            None => None,
            Some(key) => match self.0.begin(key).await.map_err(ApiError::from)? {
                Begun::First(guard) => Some(guard),
                begun => return Ok(replay(begun)?),
            },
        };
        let keep = Arc::new(Keep { key, status, answer });
        match (effect(Arc::clone(&keep)).await, &key) {
            (Ok(done), _) => Ok((keep.answer)(&done)),
            (Err(CommandError::KeyTaken), Some(key)) => {
                let known = self.find(key).await?.unwrap_or(Begun::InFlight);
                Ok(replay(known)?)
            }
            // Another replica may have carried out the same call since the key was looked up: what
            // refuses it now may be its own success.
            (Err(error @ (CommandError::Refused(_) | CommandError::Conflict)), Some(key)) => {
                match self.find(key).await? {
                    Some(known) => Ok(replay(known)?),
                    None => Err(error.into()),
                }
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    async fn find(&self, key: &IdempotencyKey) -> Result<Option<Begun>, ApiError> {
        Ok(self.0.find(key).await?)
    }
}

fn replay<T: DeserializeOwned>(begun: Begun) -> Result<T, ApiError> {
    match begun {
        Begun::Replay(answer) => {
            serde_json::from_str(&answer.body).map_err(|error| ApiError::internal(&error))
        }
        Begun::OtherRequest => Err(ApiError::idempotency_key_reused()),
        Begun::InFlight | Begun::First(_) => Err(ApiError::request_in_flight()),
    }
}
