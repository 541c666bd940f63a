//! The aggregate `Engagements`: at which times one person is at an outing, as host or as guest.
//! Nobody is at two at a time: that is decided here, in one append with the announcement.

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
    taken: BTreeMap<AnnouncementId, Time>,
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

    /// For which outings times are taken, those that are over among them.
    pub fn announcements(&self) -> impl Iterator<Item = AnnouncementId> + '_ {
        self.taken.keys().copied()
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
        let others = self.taken.iter().filter(|(other, _)| **other != announcement);
        let over = others.filter(|(_, taken)| taken.ends_at <= now).map(|(other, _)| *other);
        EngagementsEvent::Engaged {
            account,
            announcement,
            starts_at: time.starts_at,
            ends_at: time.ends_at,
            over: over.collect(),
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
            EngagementsEvent::Engaged { announcement, starts_at, ends_at, over, .. } => {
                self.taken.retain(|taken, _| !over.contains(taken));
                self.taken.insert(announcement, Time { starts_at, ends_at });
            }
            EngagementsEvent::Released { announcement } => {
                self.taken.remove(&announcement);
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

    /// What a command comes to, in a given state.
    pub(super) fn decided(
        given: Vec<EngagementsEvent>,
        command: EngagementsCommand,
    ) -> Result<Vec<EngagementsEvent>, EngagementsError> {
        let framework = cqrs_es::test::TestFramework::<Engagements>::with(());
        framework.given(given).when(command).inspect_result()
    }
}
