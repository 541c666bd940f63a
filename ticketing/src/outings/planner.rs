//! What changes announcements and engagements: the commands that `hosting`, `attending` and
//! `moving` join. Within a replica the changes of one announcement take turns: its places are one
//! stream, and of a crowd that applies at once nobody should be refused for the others' sake. Not
//! here: what is decided. Turns decide nothing, they save conflicts.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use moka::sync::Cache;
use shared_events::{AccountId, AnnouncementId, BookingId, EngagementsId};
use tokio::sync::{Mutex, MutexGuard};

use super::announcement::{Announcement, Span};
use super::engagements::{Engage, Engagements, EngagementsCommand, FollowMove, ReleaseTime, Time};
use super::error::OutingsError;
use crate::platform::append::NewDeadline;
use crate::platform::clock::Clock;
use crate::platform::commands::{CommandError, Commands, Done, Execution, Unit};
use crate::platform::event_store::{EventStore, Loaded, ReadError};
use crate::platform::snapshots;

/// The deadline at which an outing may be over.
pub(super) const ENDS: &str = "outings.ends";
/// The deadline at which guests follow an outing that was moved or called off: at once.
pub(super) const GUESTS_MOVE: &str = "outings.guests_move";
/// The deadline at which somebody has time for outings that waited for it: at once.
pub(super) const TIME_FREED: &str = "outings.time_freed";

/// How many announcements can be changed at the same time, about.
const TURNS: usize = 64;
/// Moves of which it is remembered how many guests follow. One that is forgotten begins again.
const MOVES: u64 = 1_000;

/// An announcement as its events made it.
#[derive(Clone, Debug)]
pub struct Current {
    /// Its state.
    pub state: Announcement,
    /// The sequence of its last event; 0 if there is none.
    pub sequence: i64,
}

pub(super) type Refused = CommandError<OutingsError>;

/// While it is held, nobody else in this replica changes the announcement.
pub(super) type Turn<'a> = Option<MutexGuard<'a, ()>>;

/// Has somebody go along with what waited for time, if a command has freed some.
pub(super) type Freed = Option<NewDeadline>;

/// Changes announcements and engagements; cheap to clone.
#[derive(Clone)]
pub struct Planner {
    pub(super) announcements: Commands<Announcement>,
    pub(super) engagements: Commands<Engagements>,
    /// Up to which booking guests have followed an outing, for each time that it moved.
    pub(super) followed: Cache<(AnnouncementId, u32), BookingId>,
    turns: Arc<[Mutex<()>; TURNS]>,
    clock: Clock,
}

impl Planner {
    /// Changes what is in this log. What waits for its turn happens when that has come, by this
    /// clock.
    pub fn new(store: &EventStore, clock: Clock) -> Self {
        Self {
            // Both can grow long: a popular announcement, a sociable person.
            announcements: Commands::with_snapshots(store.clone()),
            engagements: Commands::with_snapshots(store.clone()),
            followed: Cache::new(MOVES),
            turns: Arc::new([const { Mutex::const_new(()) }; TURNS]),
            clock,
        }
    }

    /// The log.
    pub fn store(&self) -> &EventStore {
        self.announcements.store()
    }

    /// An announcement as current as its last event.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer or an event can not be read.
    pub async fn load(&self, id: AnnouncementId) -> Result<Current, ReadError> {
        let Loaded { state, sequence } = snapshots::load(self.store(), id.0).await?;
        Ok(Current { state, sequence })
    }

    /// Waits for the turn of who changes this announcement.
    pub(super) async fn turn(&self, id: AnnouncementId) -> Turn<'_> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let nth = usize::try_from(hasher.finish() % TURNS as u64).unwrap_or_default();
        Some(self.turns.get(nth)?.lock().await)
    }

    /// The same command, carried out now: whoever has waited for a turn may be too late.
    pub(super) fn now(&self, execution: Execution) -> Execution {
        Execution { now: self.clock.now(), ..execution }
    }

    /// Has somebody be engaged at the time of an outing, or not any more.
    pub(super) async fn engage(
        &self,
        unit: &Unit<OutingsError>,
        account: AccountId,
        announcement: AnnouncementId,
        span: Option<Span>,
        execution: &Execution,
    ) -> Result<Freed, Refused> {
        let command = match span {
            Some(span) => EngagementsCommand::Engage(Engage {
                account,
                announcement,
                time: time(span),
                now: execution.now,
            }),
            None => EngagementsCommand::Release(ReleaseTime { announcement }),
        };
        let done = unit.decide(&self.engagements, EngagementsId::of(account).0, command).await?;
        Ok(freed(account, &done, execution))
    }

    /// Has somebody go along with an outing that was moved.
    pub(super) async fn follow(
        &self,
        unit: &Unit<OutingsError>,
        account: AccountId,
        announcement: AnnouncementId,
        span: Span,
        execution: &Execution,
    ) -> Result<Done<Engagements>, Refused> {
        let (time, now) = (time(span), execution.now);
        let follow = EngagementsCommand::Follow(FollowMove { account, announcement, time, now });
        unit.decide(&self.engagements, EngagementsId::of(account).0, follow).await
    }
}

/// What follows of a change of somebody's engagements for outings that wait.
pub(super) fn freed(account: AccountId, done: &Done<Engagements>, execution: &Execution) -> Freed {
    let due_at = execution.now;
    let frees = !done.events.is_empty() && done.state.can_follow(due_at).next().is_some();
    let subject = EngagementsId::of(account).0;
    frees.then_some(NewDeadline { kind: TIME_FREED, subject, due_at })
}

/// The time that an outing takes.
pub(super) fn time(span: Span) -> Time {
    Time { starts_at: span.starts_at, ends_at: span.ends_at() }
}

/// The deadline of an outing that is over then.
pub(super) fn ends(id: AnnouncementId, span: Span) -> NewDeadline {
    NewDeadline { kind: ENDS, subject: id.0, due_at: span.ends_at() }
}

/// Has the guests of an outing follow it.
pub(super) fn guests_move(id: AnnouncementId, execution: &Execution) -> NewDeadline {
    NewDeadline { kind: GUESTS_MOVE, subject: id.0, due_at: execution.now }
}
