//! What every consumer would repeat: messages of another history are dropped, a message is turned
//! into the origin of a command, and the outcome of a command into that of the message. Not here:
//! taking messages (`inbox.rs`), and what they mean.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use shared_events::topology::Queue;
use uuid::Uuid;

use super::append::{AppendError, Attached, Origin, ProcessedMessage};
use super::causes::causes;
use super::commands::{CommandError, Execution};
use super::database::{Database, DatabaseError};
use super::event_store::{self, ReadError};
use super::inbox::{Handled, Handler, Incoming};

/// How long a history counts as the log's without asking again; so long a message of the history
/// before a restore may still be taken.
const HISTORY_KEPT: Duration = Duration::from_secs(1);

/// Hands on only messages that speak of the history this service writes: a restored database beside
/// an older broker must not mix. A message that names no history is handed on.
pub struct OfThisHistory<H> {
    handler: H,
    log: &'static str,
    database: Database,
    /// Known once the database answered.
    known: Mutex<Option<KnownHistory>>,
}

/// Which history the log was when the database was asked.
#[derive(Clone, Copy)]
struct KnownHistory {
    id: Uuid,
    asked_at: Instant,
}

impl<H> OfThisHistory<H> {
    /// Only messages of the present history of `log` reach `handler`.
    pub fn new(handler: H, log: &'static str, database: Database) -> Self {
        Self { handler, log, database, known: Mutex::default() }
    }

    /// Whether the log is this history. What was known is asked again after [`HISTORY_KEPT`], and
    /// always before the answer is no: a database can be restored under a running service.
    async fn is_current(&self, theirs: Uuid) -> Result<bool, DatabaseError> {
        let known = *self.known();
        let fresh = |known: &KnownHistory| known.asked_at.elapsed() < HISTORY_KEPT;
        if known.filter(fresh).is_some_and(|known| known.id == theirs) {
            return Ok(true);
        }
        let id = event_store::history(&self.database, self.log).await?;
        *self.known() = Some(KnownHistory { id, asked_at: Instant::now() });
        Ok(id == theirs)
    }

    fn known(&self) -> MutexGuard<'_, Option<KnownHistory>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H: Handler> Handler for OfThisHistory<H> {
    async fn handle(&self, message: &Incoming) -> Handled {
        let Some(theirs) = message.history else { return self.handler.handle(message).await };
        match self.is_current(theirs).await {
            Ok(true) => self.handler.handle(message).await,
            Ok(false) => {
                let (id, key) = (message.message_id, &message.routing_key);
                tracing::warn!(message_id = %id, routing_key = key, "a message of another history was dropped");
                Handled::Done
            }
            Err(error) => {
                let error = causes(&error);
                tracing::debug!(error, log = self.log, "the history can not be read");
                Handled::Unavailable
            }
        }
    }

    fn without_secrets(&self, body: &str) -> String {
        self.handler.without_secrets(body)
    }
}

impl Incoming {
    /// A command that follows from this message.
    pub fn execution(&self, now: DateTime<Utc>) -> Execution {
        let origin = Origin {
            correlation: self.correlation.unwrap_or(self.message_id),
            causation: Some(self.message_id),
            traceparent: self.traceparent.clone(),
        };
        Execution::new(origin, now)
    }

    /// What makes the effect of this message, taken from `queue`, happen once.
    pub fn attached(&self, queue: &Queue) -> Attached {
        let message = ProcessedMessage { consumer: queue.name, id: self.message_id };
        Attached { message: Some(message), ..Attached::default() }
    }
}

impl Handled {
    /// What a command's outcome is to its message. `refused` says what a refusal by the aggregate's
    /// rules is: [`Handled::Poison`] where waiting can not help, [`Handled::Refused`] where it can,
    /// [`Handled::Done`] where nothing is to be done.
    pub fn of<T, E: std::error::Error>(
        outcome: Result<T, CommandError<E>>,
        refused: impl FnOnce(E) -> Self,
    ) -> Self {
        match outcome {
            Ok(_) | Err(CommandError::Append(AppendError::AlreadyProcessed)) => Self::Done,
            Err(CommandError::Refused(refusal)) => refused(refusal),
            Err(CommandError::Append(AppendError::Invalid)) => {
                Self::Poison("its effect can not be stored".to_owned())
            }
            Err(CommandError::Conflict | CommandError::KeyTaken | CommandError::Append(_)) => {
                Self::Unavailable
            }
            // Damaged, or written by a newer program: no reason to hold up everything else.
            Err(CommandError::Read(error @ ReadError::Event { .. })) => {
                Self::Refused(error.to_string())
            }
            Err(CommandError::Read(error)) => {
                tracing::warn!(error = causes(&error), "a stream could not be read");
                Self::Unavailable
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handled(error: CommandError<std::fmt::Error>) -> Handled {
        Handled::of::<(), _>(Err(error), |refusal| Handled::Poison(refusal.to_string()))
    }

    #[test]
    fn a_repeat_is_done_and_a_refusal_is_what_the_consumer_says() {
        assert_eq!(handled(CommandError::Append(AppendError::AlreadyProcessed)), Handled::Done);
        let refusal = handled(CommandError::Refused(std::fmt::Error));
        assert_eq!(refusal, Handled::Poison(std::fmt::Error.to_string()));
    }

    #[test]
    fn what_says_nothing_of_the_message_is_not_held_against_it() {
        for error in [AppendError::Conflict, AppendError::Overloaded, AppendError::Unavailable] {
            assert_eq!(handled(CommandError::Append(error)), Handled::Unavailable);
        }
        assert_eq!(handled(CommandError::Conflict), Handled::Unavailable);
        let invalid = handled(CommandError::Append(AppendError::Invalid));
        assert!(matches!(invalid, Handled::Poison(_)), "{invalid:?}");
    }

    #[test]
    fn what_follows_from_a_message_names_it_as_its_cause() {
        let (id, correlation) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut message = Incoming {
            message_id: id,
            exchange: String::new(),
            routing_key: String::new(),
            correlation: Some(correlation),
            history: None,
            traceparent: None,
            body: String::new(),
        };
        let origin = message.execution(DateTime::UNIX_EPOCH).origin;
        assert_eq!((origin.correlation, origin.causation), (correlation, Some(id)));
        message.correlation = None;
        assert_eq!(message.execution(DateTime::UNIX_EPOCH).origin.correlation, id);
    }
}
