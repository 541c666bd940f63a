//! The aggregate `Announcement`: an outing with its bookings, and which commands it takes. Its
//! places are given here and nowhere else, so that there are never more guests than places. Not
//! here: whose time is taken otherwise (`engagements/`), and who may see it.

mod announce;
mod answer;
mod apply;
mod attend;
mod booking;
mod cancel;
mod change;
mod end;
mod mark_clash;
mod outing;
mod remove;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use shared_events::AnnouncementEvent;

pub use announce::AnnounceOuting;
pub use answer::AnswerBooking;
pub use apply::ApplyForPlace;
pub use attend::{AttendedBy, Pair};
pub use booking::Booking;
pub use cancel::CancelOuting;
pub use change::{Change, ChangeOuting};
pub use end::EndOuting;
pub use mark_clash::MarkClash;
pub use outing::{Outing, Span, Stage, Status, Terms};
pub use remove::RemoveBooking;

/// Bookings at most of one announcement, whatever has become of them; those that were declined and
/// removed count.
pub const MOST_BOOKINGS: usize = 5_000;

/// Somebody goes to the cinema and takes others along.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Announcement {
    /// Nobody has announced it.
    #[default]
    Absent,
    /// It was announced.
    Announced(Box<Outing>),
}

/// What can be asked of an announcement.
#[derive(Clone, Copy, Debug)]
pub enum AnnouncementCommand {
    /// Announce it.
    Announce(AnnounceOuting),
    /// Describe, move or open it.
    Change(ChangeOuting),
    /// Call it off.
    Cancel(CancelOuting),
    /// Record that it is over.
    End(EndOuting),
    /// Apply for a place.
    Apply(ApplyForPlace),
    /// Say yes or no to a booking, as host or as guest.
    Answer(AnswerBooking),
    /// Have a booking be no more.
    Remove(RemoveBooking),
    /// Record whether a guest is elsewhere at that time.
    MarkClash(MarkClash),
    /// Ask who was there with somebody: nothing happens.
    Attended(AttendedBy),
    /// Look at it: nothing happens.
    Look,
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnnouncementError {
    /// There is no such announcement, or it was called off.
    #[error("there is no such announcement")]
    Unknown,
    /// The id was used before.
    #[error("the announcement exists already")]
    AlreadyAnnounced,
    /// Only its host may do this.
    #[error("the announcement is somebody else's")]
    NotHost,
    /// It would begin in the past, or further away than anybody plans.
    #[error("the time is not in the future, or too far away")]
    BadTime,
    /// It can not be a draft again.
    #[error("the announcement is open")]
    AlreadyOpen,
    /// It has more guests than there would be places.
    #[error("{taken} places are taken")]
    PlacesTaken {
        /// How many.
        taken: u32,
    },
    /// It has begun.
    #[error("the outing has begun")]
    Begun,
    /// Nobody applies for a place at their own.
    #[error("the announcement is the guest's own")]
    Own,
    /// It is a draft.
    #[error("the announcement is not open")]
    NotOpen,
    /// No place is left.
    #[error("no place is left")]
    Full,
    /// A person has one booking.
    #[error("the guest has a booking already")]
    AlreadyBooked,
    /// The host has declined them, and they have removed that booking.
    #[error("the guest was declined")]
    Declined,
    /// There are as many bookings as an announcement can have.
    #[error("there are too many bookings")]
    TooManyBookings,
    /// There is no such booking.
    #[error("there is no such booking")]
    UnknownBooking,
    /// The booking is of other people.
    #[error("the booking is somebody else's")]
    NotConcerned,
    /// It is not over.
    #[error("the outing is not over")]
    NotOver,
    /// Who asks was not there.
    #[error("they were not there")]
    NotThere,
    /// Who is spoken of was not there, or is not said.
    #[error("who is rated was not there")]
    NotThereWithThem,
}

impl Announcement {
    /// What was announced, if anything was and it was not called off.
    pub fn outing(&self) -> Option<&Outing> {
        self.announced().filter(|outing| outing.stage != Stage::Cancelled)
    }

    /// What was announced, whatever has become of it.
    pub fn announced(&self) -> Option<&Outing> {
        match self {
            Self::Absent => None,
            Self::Announced(outing) => Some(outing),
        }
    }

    fn known(&self) -> Result<&Outing, AnnouncementError> {
        self.outing().ok_or(AnnouncementError::Unknown)
    }

    /// These events, and what follows from them: nobody can apply where no place is left.
    fn with_its_doors(&self, mut events: Vec<AnnouncementEvent>) -> Vec<AnnouncementEvent> {
        let mut after = self.clone();
        events.iter().cloned().for_each(|event| after.apply(event));
        let Self::Announced(outing) = after else { return events };
        let is_full = outing.taken() >= outing.terms.places;
        match outing.stage {
            Stage::Open if is_full => events.push(AnnouncementEvent::Closed),
            Stage::Full if !is_full => events.push(AnnouncementEvent::Reopened),
            _ => {}
        }
        events
    }
}

impl Aggregate for Announcement {
    const TYPE: &'static str = "announcement";
    type Command = AnnouncementCommand;
    type Event = AnnouncementEvent;
    type Error = AnnouncementError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let events = match command {
            AnnouncementCommand::Announce(command) => command.decide(self),
            AnnouncementCommand::Change(command) => command.decide(self),
            AnnouncementCommand::Cancel(command) => command.decide(self),
            AnnouncementCommand::End(command) => command.decide(self),
            AnnouncementCommand::Apply(command) => command.decide(self),
            AnnouncementCommand::Answer(command) => command.decide(self),
            AnnouncementCommand::Remove(command) => command.decide(self),
            AnnouncementCommand::MarkClash(command) => command.decide(self),
            AnnouncementCommand::Attended(command) => command.decide(self),
            AnnouncementCommand::Look => Ok(Vec::new()),
        }?;
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        if let AnnouncementEvent::Announced {
            host,
            film,
            title,
            description,
            location,
            sub_only,
            is_free,
            places,
            starts_at,
            duration_minutes,
        } = event
        {
            let span = Span { starts_at, duration_minutes };
            let terms =
                Terms { host, film, title, description, location, sub_only, is_free, places, span };
            *self = Self::Announced(Box::new(Outing::draft(terms)));
        } else if let Self::Announced(outing) = self {
            outing.apply(event);
        }
    }
}

/// An outing is planned this far ahead at most, in days.
pub const LONGEST_AHEAD_DAYS: i64 = 730;

/// Judges the first instant of what is to be.
fn is_to_come(starts_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), AnnouncementError> {
    let latest = now + chrono::TimeDelta::days(LONGEST_AHEAD_DAYS);
    let fits = starts_at > now && starts_at <= latest;
    if fits { Ok(()) } else { Err(AnnouncementError::BadTime) }
}

#[cfg(test)]
mod given;
