//! Carries out commands on one aggregate: load, decide, append, and decide again if somebody was
//! faster.
//!
//! Recently used aggregates are kept. A stale one is harmless: an append is refused and decided
//! again from a fresh load; a refusal or a no-op, which no append would check, is never given from
//! a kept state. Commands over several streams go through [`jointly`].

mod joint;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use moka::sync::Cache;
use uuid::Uuid;

use super::append::{Append, AppendError, Attached, NewEvent, Origin, StreamAppend};
use super::event_store::{EventStore, Loaded, ReadError};
use super::snapshots;

pub use joint::{Unit, jointly};

/// How often a command is decided before the caller is told of the conflict. Replicas that change
/// one aggregate all the time lose to each other about every other time: of four attempts one in
/// twelve came to nothing (`tests/it/outings/races.rs`).
pub const ATTEMPTS: usize = 16;
/// Aggregates kept in memory, at a few hundred bytes each: those that are being worked on.
const KEPT: u64 = 4_096;

/// Carries out commands on aggregates of type `A`; cheap to clone.
#[derive(Clone)]
pub struct Commands<A: Aggregate + Clone + 'static> {
    store: EventStore,
    kept: Cache<Uuid, Arc<Loaded<A>>>,
    /// Their streams grow long, so states are kept in the store too.
    with_snapshots: bool,
}

/// What a command came to.
#[derive(Clone, Debug)]
pub struct Done<A: Aggregate> {
    /// The aggregate after it.
    pub state: A,
    /// The sequence of its last event, for an ETag.
    pub sequence: i64,
    /// What happened; empty if there was nothing to do, or the message was a repeat.
    pub events: Vec<A::Event>,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError<E: std::error::Error> {
    /// The aggregate's rules forbid it.
    #[error(transparent)]
    Refused(E),
    /// Others kept changing the aggregate, or one that was to be created is there already.
    #[error("the aggregate kept changing")]
    Conflict,
    /// The idempotency key was used by somebody else just now.
    #[error("the idempotency key is taken")]
    KeyTaken,
    /// The append was not made.
    #[error(transparent)]
    Append(AppendError),
    /// History can not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Where and when a command is carried out.
#[derive(Clone, Debug)]
pub struct Execution {
    /// Where it came from.
    pub origin: Origin,
    /// The moment, by the service's clock.
    pub now: DateTime<Utc>,
    /// The sequence at which the caller saw the aggregate (`If-Match`): at any other, the command
    /// is [`CommandError::Conflict`]. `None` where it does not matter to the caller.
    pub expected: Option<i64>,
}

impl Execution {
    /// Whatever the aggregate's sequence is.
    pub fn new(origin: Origin, now: DateTime<Utc>) -> Self {
        Self { origin, now, expected: None }
    }

    /// Only if the aggregate is at this sequence.
    #[must_use]
    pub fn at(self, sequence: i64) -> Self {
        Self { expected: Some(sequence), ..self }
    }

    fn is_not_at(&self, sequence: i64) -> bool {
        self.expected.is_some_and(|expected| expected != sequence)
    }
}

impl<A> Commands<A>
where
    A: Aggregate<Services = ()> + Clone + 'static,
    A::Command: Clone + Send + Sync,
    A::Error: Send,
{
    /// Commands on the aggregates of one log.
    pub fn new(store: EventStore) -> Self {
        Self::keeping(store, KEPT)
    }

    /// Commands on aggregates of which more are being worked on at a time: so many are kept.
    pub fn keeping(store: EventStore, kept: u64) -> Self {
        Self { store, kept: Cache::new(kept), with_snapshots: false }
    }

    /// Commands on aggregates whose streams grow long.
    pub fn with_snapshots(store: EventStore) -> Self {
        Self { with_snapshots: true, ..Self::new(store) }
    }

    /// The log they are in.
    pub fn store(&self) -> &EventStore {
        &self.store
    }

    /// Creates an aggregate. Its id has to be new, so nothing is loaded.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn create(
        &self,
        id: Uuid,
        command: A::Command,
        execution: Execution,
        attach: impl Fn(&Done<A>) -> Attached + Sync,
    ) -> Result<Done<A>, CommandError<A::Error>> {
        let empty = Loaded { state: A::default(), sequence: 0 };
        if execution.is_not_at(empty.sequence) {
            return Err(CommandError::Conflict);
        }
        let done = decide(empty, command).await.map_err(CommandError::Refused)?;
        self.write(id, done, execution, &attach).await
    }

    /// Carries a command out on an existing aggregate. `attach` says what belongs to the events
    /// that were decided.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn execute(
        &self,
        id: Uuid,
        command: A::Command,
        execution: Execution,
        attach: impl Fn(&Done<A>) -> Attached + Sync,
    ) -> Result<Done<A>, CommandError<A::Error>> {
        let mut kept = self.kept.get(&id);
        for _ in 0..ATTEMPTS {
            let is_kept = kept.is_some();
            let loaded = match kept.take() {
                Some(kept) => Loaded::clone(&kept),
                None => self.load(id).await?,
            };
            // What is refused is refused whatever its caller has seen (RFC 9110, section 13.2.1).
            let is_elsewhere = execution.is_not_at(loaded.sequence);
            match decide(loaded, command.clone()).await {
                // From a kept state this may be yesterday's truth: look again.
                Ok(done) if is_kept && (done.events.is_empty() || is_elsewhere) => {}
                Err(_) if is_kept => {}
                Ok(_) if is_elsewhere => return Err(CommandError::Conflict),
                Ok(done) if done.events.is_empty() => return Ok(done),
                Err(refusal) => return Err(CommandError::Refused(refusal)),
                Ok(done) => match self.write(id, done, execution.clone(), &attach).await {
                    Err(CommandError::Conflict) => {}
                    otherwise => return otherwise,
                },
            }
            self.kept.invalidate(&id);
        }
        Err(CommandError::Conflict)
    }

    async fn write(
        &self,
        id: Uuid,
        mut done: Done<A>,
        execution: Execution,
        attach: &(impl Fn(&Done<A>) -> Attached + Sync),
    ) -> Result<Done<A>, CommandError<A::Error>> {
        let events: Result<Vec<_>, _> = done.events.iter().map(NewEvent::of).collect();
        let events = events.map_err(|_| CommandError::Append(AppendError::Invalid))?;
        let expected = done.sequence - i64::try_from(events.len()).unwrap_or(0);
        let append = Append {
            streams: vec![StreamAppend { aggregate: A::TYPE, id, expected, events }],
            origin: execution.origin,
            recorded_at: execution.now,
            attached: attach(&done),
        };
        match self.store.append(append).await {
            Ok(_) => {
                let loaded = Loaded { state: done.state.clone(), sequence: done.sequence };
                self.kept.insert(id, Arc::new(loaded));
                Ok(done)
            }
            Err(AppendError::Conflict) => Err(CommandError::Conflict),
            Err(AppendError::KeyTaken) => Err(CommandError::KeyTaken),
            Err(AppendError::AlreadyProcessed) => {
                self.kept.invalidate(&id);
                let loaded = self.load(id).await?;
                done = Done { state: loaded.state, sequence: loaded.sequence, events: Vec::new() };
                Ok(done)
            }
            Err(error) => {
                self.kept.invalidate(&id);
                Err(CommandError::Append(error))
            }
        }
    }
}

impl<A: Aggregate + Clone + 'static> Commands<A> {
    async fn load(&self, id: Uuid) -> Result<Loaded<A>, ReadError> {
        if self.with_snapshots {
            return snapshots::load(&self.store, id).await;
        }
        self.store.load(id).await
    }
}

/// Runs the aggregate's own `handle`, the same code its tests run.
async fn decide<A>(loaded: Loaded<A>, command: A::Command) -> Result<Done<A>, A::Error>
where
    A: Aggregate<Services = ()>,
    A::Command: Send,
{
    let Loaded { mut state, sequence } = loaded;
    let sink = EventSink::default();
    state.handle(command, &(), &sink).await?;
    let events = sink.collect().await;
    let sequence = sequence + i64::try_from(events.len()).unwrap_or(0);
    Ok(Done { state, sequence, events })
}
