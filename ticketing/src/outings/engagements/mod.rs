//! The aggregate `Engagements`: at which times one person is at an outing, as host or as guest.
//! Nobody is at two at a time: that is decided here, in one append with the announcement. And which
//! outings wait for time: they were moved to when the person is elsewhere.

mod engage;
mod follow;
mod release;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use shared_events::{AccountId, AnnouncementId, EngagementsEvent};

pub use engage::Engage;
pub use follow::FollowMove;
pub use release::ReleaseTime;

/// Engagements at most of one person that are not over.
pub const MOST_ENGAGEMENTS: usize = 500;

/// When one person is where; also what is over, until the next is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engagements {
    /// Whose they are; `None` until something has happened.
    account: Option<AccountId>,
    taken: BTreeMap<AnnouncementId, Time>,
    /// Times for which the person is wanted but elsewhere.
    waiting: BTreeMap<AnnouncementId, Time>,
}

/// A time that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Time {
    /// Its first instant.
    pub starts_at: DateTime<Utc>,
    /// The first instant that is not part of it any more.
    pub ends_at: DateTime<Utc>,
}

impl Time {
    fn overlaps(self, other: Self) -> bool {
        self.starts_at < other.ends_at && other.starts_at < self.ends_at
    }
}

/// What can be asked of somebody's engagements.
#[derive(Clone, Copy, Debug)]
pub enum EngagementsCommand {
    /// Take a time for an outing.
    Engage(Engage),
    /// Go along with an outing that was moved, if that time is free.
    Follow(FollowMove),
    /// Take no time for an outing any more.
    Release(ReleaseTime),
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngagementsError {
    /// They are elsewhere at that time.
    #[error("the time is taken")]
    Taken(AnnouncementId),
    /// They have more engagements than anybody can keep.
    #[error("there are too many engagements")]
    TooMany,
}

impl Engagements {
    /// Which time is taken for an outing.
    pub fn time_of(&self, announcement: AnnouncementId) -> Option<Time> {
        self.taken.get(&announcement).copied()
    }

    /// Whose they are; `None` until something has happened.
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// The outings they are at or that wait for time, those that are over among them.
    pub fn announcements(&self) -> impl Iterator<Item = AnnouncementId> + '_ {
        self.taken.keys().chain(self.waiting.keys()).copied()
    }

    /// For which time an outing waits.
    pub fn waits_for(&self, announcement: AnnouncementId) -> Option<Time> {
        self.waiting.get(&announcement).copied()
    }

    /// The outings that wait, have not begun, and for which there would be time.
    pub fn can_follow(&self, now: DateTime<Utc>) -> impl Iterator<Item = AnnouncementId> + '_ {
        let fits = move |(id, time): &(&AnnouncementId, &Time)| {
            time.starts_at > now && self.taken_by(**id, **time).is_none()
        };
        self.waiting.iter().filter(fits).map(|(id, _)| *id)
    }

    /// All that is not for this outing: what is taken, and what waits.
    fn others(&self, announcement: AnnouncementId) -> impl Iterator<Item = (AnnouncementId, Time)> {
        let all = self.taken.iter().chain(&self.waiting).map(|(id, time)| (*id, *time));
        all.filter(move |(id, _)| *id != announcement)
    }

    /// What stands in the way of a time.
    fn taken_by(&self, announcement: AnnouncementId, time: Time) -> Option<AnnouncementId> {
        let others = self.taken.iter().filter(|(other, _)| **other != announcement);
        let mut others = others.filter(|(_, taken)| taken.overlaps(time));
        others.next().map(|(other, _)| *other)
    }

    /// The event that takes a time, and forgets what is over.
    fn engaged(
        &self,
        account: AccountId,
        announcement: AnnouncementId,
        time: Time,
        now: DateTime<Utc>,
    ) -> EngagementsEvent {
        let over = self.others(announcement).filter(|(_, time)| time.ends_at <= now);
        EngagementsEvent::Engaged {
            account,
            announcement,
            starts_at: time.starts_at,
            ends_at: time.ends_at,
            over: over.map(|(other, _)| other).collect(),
        }
    }
}

impl Aggregate for Engagements {
    const TYPE: &'static str = "engagements";
    type Command = EngagementsCommand;
    type Event = EngagementsEvent;
    type Error = EngagementsError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let events = match command {
            EngagementsCommand::Engage(command) => command.decide(self),
            EngagementsCommand::Follow(command) => command.decide(self),
            EngagementsCommand::Release(command) => command.decide(self),
        }?;
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        match event {
            EngagementsEvent::Engaged { account, announcement, starts_at, ends_at, over } => {
                self.account = Some(account);
                self.taken.retain(|taken, _| !over.contains(taken));
                self.waiting.retain(|waits, _| !over.contains(waits) && *waits != announcement);
                self.taken.insert(announcement, Time { starts_at, ends_at });
            }
            EngagementsEvent::Deferred { account, announcement, starts_at, ends_at } => {
                self.account = Some(account);
                self.taken.remove(&announcement);
                self.waiting.insert(announcement, Time { starts_at, ends_at });
            }
            EngagementsEvent::Released { announcement } => {
                self.taken.remove(&announcement);
                self.waiting.remove(&announcement);
            }
        }
    }
}

#[cfg(test)]
mod given {
    //! States of somebody's engagements, as the events that lead to them.

    use super::*;
    use chrono::TimeDelta;
    use uuid::Uuid;

    pub(super) const ACCOUNT: AccountId = AccountId(Uuid::from_u128(1));
    pub(super) const OUTING: AnnouncementId = AnnouncementId(Uuid::from_u128(2));
    pub(super) const OTHER: AnnouncementId = AnnouncementId(Uuid::from_u128(3));

    pub(super) fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_219_200, 0).unwrap() + TimeDelta::hours(hour)
    }

    pub(super) fn time(from: i64, until: i64) -> Time {
        Time { starts_at: at(from), ends_at: at(until) }
    }

    pub(super) fn engaged(announcement: AnnouncementId, from: i64, until: i64) -> EngagementsEvent {
        let Time { starts_at, ends_at } = time(from, until);
        let (account, over) = (ACCOUNT, Vec::new());
        EngagementsEvent::Engaged { account, announcement, starts_at, ends_at, over }
    }

    /// At an outing from 18 to 20 o'clock.
    pub(super) fn at_an_outing() -> Vec<EngagementsEvent> {
        vec![engaged(OUTING, 18, 20)]
    }

    pub(super) fn deferred(
        announcement: AnnouncementId,
        from: i64,
        until: i64,
    ) -> EngagementsEvent {
        let Time { starts_at, ends_at } = time(from, until);
        EngagementsEvent::Deferred { account: ACCOUNT, announcement, starts_at, ends_at }
    }

    /// At another outing from 20 to 22 o'clock, while one from 19 to 21 waits.
    pub(super) fn waiting() -> Vec<EngagementsEvent> {
        vec![engaged(OTHER, 20, 22), deferred(OUTING, 19, 21)]
    }

    pub(super) fn engagements(events: Vec<EngagementsEvent>) -> Engagements {
        let mut engagements = Engagements::default();
        events.into_iter().for_each(|event| engagements.apply(event));
        engagements
    }

    /// What a command comes to, in a given state.
    pub(super) fn decided(
        given: Vec<EngagementsEvent>,
        command: EngagementsCommand,
    ) -> Result<Vec<EngagementsEvent>, EngagementsError> {
        let framework = cqrs_es::test::TestFramework::<Engagements>::with(());
        framework.given(given).when(command).inspect_result()
    }
}
