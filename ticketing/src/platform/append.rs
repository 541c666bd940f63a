//! What is appended: one call, one [`Append`], all or nothing. Streams with their expected
//! sequences, their events, and what must be atomic with them. How it is written stands in
//! `append_queue.rs`.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use uuid::Uuid;

use super::idempotency::{IdempotencyKey, StoredAnswer};

/// Where a command came from; carried into every event and message that follows from it.
#[derive(Clone, Debug)]
pub struct Origin {
    /// One id for everything that follows from one call.
    pub correlation: Uuid,
    /// The event or message this follows from.
    pub causation: Option<Uuid>,
    /// W3C Trace Context of the call.
    pub traceparent: Option<String>,
}

impl Origin {
    /// A call nobody is tracing.
    pub fn new() -> Self {
        Self { correlation: Uuid::now_v7(), causation: None, traceparent: None }
    }
}

impl Default for Origin {
    fn default() -> Self {
        Self::new()
    }
}

/// Everything one command changes.
#[derive(Clone, Debug)]
pub struct Append {
    /// The streams it writes to; at least one.
    pub streams: Vec<StreamAppend>,
    /// Where the command came from.
    pub origin: Origin,
    /// The moment of recording, by the service's clock.
    pub recorded_at: DateTime<Utc>,
    /// What is written with the events or not at all.
    pub attached: Attached,
}

/// What is atomic with an append's events.
#[derive(Clone, Debug, Default)]
pub struct Attached {
    /// The message that caused it; a second append for it is refused.
    pub message: Option<ProcessedMessage>,
    /// The caller's idempotency key with the answer for a repeat; a second append under the key is
    /// refused.
    pub answer: Option<(IdempotencyKey, StoredAnswer)>,
    /// Moments at which something more is to be recorded.
    pub deadlines: Vec<NewDeadline>,
    /// Values that belong to the events but must not stand in them.
    pub secrets: Vec<NewSecret>,
}

/// New events of one stream.
#[derive(Clone, Debug)]
pub struct StreamAppend {
    /// The kind of aggregate.
    pub aggregate: &'static str,
    /// Which aggregate.
    pub id: Uuid,
    /// The sequence of its last event as the decision saw it; 0 if there is none.
    pub expected: i64,
    /// What happened, in order.
    pub events: Vec<NewEvent>,
}

/// An event that is not stored yet.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its id, a UUID v7.
    pub id: Uuid,
    /// Its name.
    pub event_type: String,
    /// The version of its payload's shape.
    pub event_version: String,
    /// The payload, JSON.
    pub payload: String,
}

impl NewEvent {
    /// Writes a domain event down.
    ///
    /// # Errors
    /// If the event can not be written as JSON.
    pub fn of<E: DomainEvent>(event: &E) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id: Uuid::now_v7(),
            event_type: event.event_type(),
            event_version: event.event_version(),
            payload: serde_json::to_string(event)?,
        })
    }
}

/// A message whose effect the append is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcessedMessage {
    /// Who processed it, the queue's name.
    pub consumer: &'static str,
    /// Its message id.
    pub id: Uuid,
}

/// A moment at which something is to be recorded.
#[derive(Clone, Copy, Debug)]
pub struct NewDeadline {
    /// What is to be done, known to a handler.
    pub kind: &'static str,
    /// About which aggregate.
    pub subject: Uuid,
    /// When.
    pub due_at: DateTime<Utc>,
}

/// A value for the vault.
#[derive(Clone)]
pub struct NewSecret {
    /// What it belongs to.
    pub id: Uuid,
    /// What it is.
    pub name: &'static str,
    /// The value.
    pub value: String,
    /// When it may be deleted; never if `None`.
    pub expires_at: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSecret").field("id", &self.id).field("name", &self.name).finish()
    }
}

/// Where an append ended up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The position of its first event; the others follow without a gap.
    pub first_position: i64,
}

/// Why an append was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// A stream has moved on since the decision: load it again and decide again.
    #[error("a stream was not at the expected sequence")]
    Conflict,
    /// The message has had its effect already.
    #[error("the message was processed before")]
    AlreadyProcessed,
    /// The idempotency key was used already.
    #[error("the idempotency key is taken")]
    KeyTaken,
    /// More appends wait than can be written soon.
    #[error("too many appends wait")]
    Overloaded,
    /// Postgres is away, or whether it committed can not be known: a retry with the same key finds
    /// out.
    #[error("the history can not be written at present")]
    Unavailable,
    /// Postgres refuses the data itself, for example a NUL character in JSON.
    #[error("the data can not be stored")]
    Invalid,
}
