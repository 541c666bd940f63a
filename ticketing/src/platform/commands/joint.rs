//! Commands over several streams of one log: their decisions are joined in one append, all or
//! nothing.
//!
//! Every stream that was looked at is in the append with the sequence it was seen at, also one in
//! which nothing happened or that refused: whatever the command came to, it came to it from states
//! that were all current under the log's lock. Not here: what is decided.

use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cqrs_es::Aggregate;
use moka::sync::Cache;
use uuid::Uuid;

use super::{ATTEMPTS, CommandError, Commands, Done, Execution, decide};
use crate::platform::append::{Append, AppendError, Attached, NewEvent, StreamAppend};
use crate::platform::event_store::{EventStore, Loaded};

/// What one attempt at a joint command has decided so far. `E` is the error of the whole command.
pub struct Unit<E> {
    attempt: Arc<Attempt>,
    error: PhantomData<fn() -> E>,
}

struct Attempt {
    log: &'static str,
    /// Nothing is taken from what is kept.
    fresh: bool,
    /// The sequence that the first stream has to be at.
    expected: Option<i64>,
    so_far: Mutex<SoFar>,
}

#[derive(Default)]
struct SoFar {
    used_kept: bool,
    /// The first stream is not where its caller has seen it.
    is_elsewhere: bool,
    streams: Vec<Joined>,
}

/// One stream of the command.
struct Joined {
    append: StreamAppend,
    seen: Box<dyn Seen>,
}

/// An aggregate as the command left it, whatever its type.
trait Seen: Send {
    fn as_any(&self) -> &dyn Any;
    fn keep(self: Box<Self>);
    fn forget(&self);
}

struct SeenOf<A: Aggregate> {
    kept: Cache<Uuid, Arc<Loaded<A>>>,
    id: Uuid,
    loaded: Loaded<A>,
}

impl<A: Aggregate + Clone + 'static> Seen for SeenOf<A> {
    fn as_any(&self) -> &dyn Any {
        &self.loaded
    }

    fn keep(self: Box<Self>) {
        self.kept.insert(self.id, Arc::new(self.loaded));
    }

    fn forget(&self) {
        self.kept.invalidate(&self.id);
    }
}

impl Joined {
    fn is<A: Aggregate>(&self, id: Uuid) -> bool {
        self.append.aggregate == A::TYPE && self.append.id == id
    }
}

impl Attempt {
    fn so_far(&self) -> MutexGuard<'_, SoFar> {
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries out a command over several streams of one log: `command` decides on each through its
/// [`Unit`], `attach` says what belongs to the events. All of it is appended together or none.
/// `command` is run again after a conflict, and when it was refused or came to nothing by a state
/// that was kept; it must do nothing but decide. [`Execution::expected`] speaks of the stream that
/// is decided on first.
///
/// # Errors
/// [`CommandError`]; for a message that has had its effect,
/// [`AlreadyProcessed`](AppendError::AlreadyProcessed).
pub async fn jointly<T, E, R>(
    store: &EventStore,
    execution: Execution,
    attach: impl Fn(&T) -> Attached,
    command: impl Fn(Unit<E>) -> R,
) -> Result<T, CommandError<E>>
where
    E: std::error::Error,
    R: Future<Output = Result<T, CommandError<E>>>,
{
    let Execution { origin, now, expected } = execution;
    for attempt in 0..ATTEMPTS {
        let fresh = attempt > 0;
        let so_far = Mutex::default();
        let attempt = Arc::new(Attempt { log: store.log(), fresh, expected, so_far });
        let outcome = command(Unit { attempt: Arc::clone(&attempt), error: PhantomData }).await;
        let SoFar { used_kept, is_elsewhere, streams } = std::mem::take(&mut *attempt.so_far());
        let (streams, seen): (Vec<_>, Vec<_>) =
            streams.into_iter().map(|joined| (joined.append, joined.seen)).unzip();
        let happens = streams.iter().any(|stream| !stream.events.is_empty());
        let is_refused = matches!(outcome, Err(CommandError::Refused(_)));
        let unseen = streams.len() > 1 && (is_refused || !happens);
        match outcome {
            // From a kept state this may be yesterday's truth: look again.
            Ok(_) if used_kept && (!happens || is_elsewhere) => {}
            Err(CommandError::Refused(_) | CommandError::Conflict) if used_kept => {}
            // What is refused is refused whatever its caller has seen (RFC 9110, section 13.2.1).
            Ok(_) if is_elsewhere => return Err(CommandError::Conflict),
            // No append sees that what was read one after the other was never true at one moment.
            Ok(_) | Err(CommandError::Refused(_)) if unseen && !store.are_at(&streams).await? => {}
            Ok(done) if !happens => return Ok(done),
            Err(error) => return Err(error),
            Ok(done) => {
                let (origin, attached) = (origin.clone(), attach(&done));
                let append = Append { streams, origin, recorded_at: now, attached };
                match store.append(append).await {
                    Ok(_) => {
                        seen.into_iter().for_each(|seen| seen.keep());
                        return Ok(done);
                    }
                    Err(AppendError::Conflict) => {}
                    Err(AppendError::KeyTaken) => return Err(CommandError::KeyTaken),
                    Err(error) => {
                        seen.iter().for_each(|seen| seen.forget());
                        return Err(CommandError::Append(error));
                    }
                }
            }
        }
        seen.iter().for_each(|seen| seen.forget());
    }
    Err(CommandError::Conflict)
}

impl<E: std::error::Error> Unit<E> {
    /// Decides on an existing aggregate of the log. A second decision on the same one goes on from
    /// what the first made of it.
    ///
    /// # Errors
    /// [`CommandError`]; hand it on: the command is tried again where that can help.
    pub async fn decide<A>(
        &self,
        commands: &Commands<A>,
        id: Uuid,
        command: A::Command,
    ) -> Result<Done<A>, CommandError<E>>
    where
        A: Aggregate<Services = ()> + Clone + 'static,
        A::Command: Send,
        E: From<A::Error>,
    {
        self.decide_seen(commands, id, None, command).await
    }

    /// The same, where the caller may have seen the aggregate lately (`seen`) and so saves reading
    /// it. What was seen counts as little as what is kept: an append that it is too old for is
    /// refused, and what it makes the command refuse is decided again from the store.
    ///
    /// # Errors
    /// As [`Unit::decide`].
    pub async fn decide_seen<A>(
        &self,
        commands: &Commands<A>,
        id: Uuid,
        seen: Option<Loaded<A>>,
        command: A::Command,
    ) -> Result<Done<A>, CommandError<E>>
    where
        A: Aggregate<Services = ()> + Clone + 'static,
        A::Command: Send,
        E: From<A::Error>,
    {
        let loaded = match self.before::<A>(id) {
            Some(loaded) => loaded,
            None => {
                let kept = commands.kept.get(&id).map(|kept| Loaded::clone(&kept));
                let kept = kept.or(seen).filter(|_| !self.attempt.fresh);
                self.attempt.so_far().used_kept |= kept.is_some();
                let loaded = match kept {
                    Some(kept) => kept,
                    None => commands.load(id).await?,
                };
                self.join(commands, id, &loaded)?;
                loaded
            }
        };
        self.go_on(commands, id, loaded, command).await
    }

    /// Decides on a new aggregate. Its id has to be new, so nothing is loaded.
    ///
    /// # Errors
    /// As [`Unit::decide`].
    pub async fn create<A>(
        &self,
        commands: &Commands<A>,
        id: Uuid,
        command: A::Command,
    ) -> Result<Done<A>, CommandError<E>>
    where
        A: Aggregate<Services = ()> + Clone + 'static,
        A::Command: Send,
        E: From<A::Error>,
    {
        let empty = Loaded { state: A::default(), sequence: 0 };
        self.join(commands, id, &empty)?;
        self.go_on(commands, id, empty, command).await
    }

    fn before<A: Aggregate + Clone + 'static>(&self, id: Uuid) -> Option<Loaded<A>> {
        let so_far = self.attempt.so_far();
        let joined = so_far.streams.iter().find(|joined| joined.is::<A>(id))?;
        joined.seen.as_any().downcast_ref::<Loaded<A>>().cloned()
    }

    /// Puts a stream into the append, as yet without events.
    fn join<A: Aggregate + Clone + 'static>(
        &self,
        commands: &Commands<A>,
        id: Uuid,
        loaded: &Loaded<A>,
    ) -> Result<(), CommandError<E>> {
        let mut so_far = self.attempt.so_far();
        let twice = so_far.streams.iter().any(|joined| joined.is::<A>(id));
        if twice || commands.store.log() != self.attempt.log {
            tracing::error!(aggregate = A::TYPE, "an append holds a stream once, and one log");
            return Err(CommandError::Append(AppendError::Invalid));
        }
        let misses = |expected: i64| expected != loaded.sequence;
        let is_first = so_far.streams.is_empty();
        let (expected, events) = (loaded.sequence, Vec::new());
        so_far.streams.push(Joined {
            append: StreamAppend { aggregate: A::TYPE, id, expected, events },
            seen: Box::new(SeenOf { kept: commands.kept.clone(), id, loaded: loaded.clone() }),
        });
        so_far.is_elsewhere |= is_first && self.attempt.expected.is_some_and(misses);
        Ok(())
    }

    async fn go_on<A>(
        &self,
        commands: &Commands<A>,
        id: Uuid,
        loaded: Loaded<A>,
        command: A::Command,
    ) -> Result<Done<A>, CommandError<E>>
    where
        A: Aggregate<Services = ()> + Clone + 'static,
        A::Command: Send,
        E: From<A::Error>,
    {
        let refused = |refusal: A::Error| CommandError::Refused(refusal.into());
        let done = decide(loaded, command).await.map_err(refused)?;
        let events: Result<Vec<_>, _> = done.events.iter().map(NewEvent::of).collect();
        let events = events.map_err(|_| CommandError::Append(AppendError::Invalid))?;
        let mut so_far = self.attempt.so_far();
        if let Some(joined) = so_far.streams.iter_mut().find(|joined| joined.is::<A>(id)) {
            joined.append.events.extend(events);
            let loaded = Loaded { state: done.state.clone(), sequence: done.sequence };
            joined.seen = Box::new(SeenOf { kept: commands.kept.clone(), id, loaded });
        }
        Ok(done)
    }
}
