//! Applying for a place, saying yes or no to a booking, having one be no more. Each is one append
//! over the announcement, whose places are taken, and the guest's engagements, whose time is.

use chrono::{DateTime, Utc};
use shared_events::{AccountId, AnnouncementId, BookingId};

use super::announcement::{
    Announcement, AnnouncementCommand, AnnouncementError, AnswerBooking, ApplyForPlace,
    RemoveBooking,
};
use super::error::OutingsError;
use super::planner::{Freed, Planner, Refused};
use crate::platform::append::Attached;
use crate::platform::commands::{CommandError, Done, Execution, Unit, jointly};

impl Planner {
    /// Applies for a place: the guest is at no other outing at that time.
    ///
    /// # Errors
    /// [`CommandError`], with the refusal of the announcement or of the guest's engagements.
    pub async fn apply(
        &self,
        id: AnnouncementId,
        booking: BookingId,
        guest: AccountId,
        execution: Execution,
        attach: impl Fn(&Done<Announcement>) -> Attached,
    ) -> Result<Done<Announcement>, Refused> {
        let apply = |now| AnnouncementCommand::Apply(ApplyForPlace { booking, guest, now });
        self.with_guest(id, Concerned { booking, guest }, apply, execution, attach).await
    }

    /// Says yes or no to a booking, as its host or its guest.
    ///
    /// # Errors
    /// [`CommandError`], with the refusal of the announcement or of the guest's engagements.
    pub async fn answer(
        &self,
        id: AnnouncementId,
        concerned: Concerned,
        (by, yes): (AccountId, bool),
        execution: Execution,
        attach: impl Fn(&Done<Announcement>) -> Attached,
    ) -> Result<Done<Announcement>, Refused> {
        let booking = concerned.booking;
        let answer = |now| AnnouncementCommand::Answer(AnswerBooking { booking, by, yes, now });
        self.with_guest(id, concerned, answer, execution, attach).await
    }

    /// Has a booking be no more.
    ///
    /// # Errors
    /// [`CommandError`], with the announcement's refusal.
    pub async fn remove(
        &self,
        id: AnnouncementId,
        concerned: Concerned,
        by: AccountId,
        execution: Execution,
        attach: impl Fn(&Done<Announcement>) -> Attached,
    ) -> Result<Done<Announcement>, Refused> {
        let booking = concerned.booking;
        let remove = |now| AnnouncementCommand::Remove(RemoveBooking { booking, by, now });
        self.with_guest(id, concerned, remove, execution, attach).await
    }

    /// Decides on the announcement, and on the guest's time if something happens.
    async fn with_guest(
        &self,
        id: AnnouncementId,
        Concerned { booking, guest }: Concerned,
        command: impl Fn(DateTime<Utc>) -> AnnouncementCommand,
        execution: Execution,
        attach: impl Fn(&Done<Announcement>) -> Attached,
    ) -> Result<Done<Announcement>, Refused> {
        let _turn = self.turn(id).await;
        let execution = self.now(execution);
        let command = command(execution.now);
        let at = execution.clone();
        let attach = |(done, freed): &(Done<Announcement>, Freed)| {
            let mut attached = attach(done);
            attached.deadlines.extend(*freed);
            attached
        };
        jointly(self.store(), execution, attach, |unit: Unit<OutingsError>| {
            let at = at.clone();
            async move {
                let done = unit.decide(&self.announcements, id.0, command).await?;
                if done.events.is_empty() {
                    return Ok((done, None));
                }
                let unknown = || CommandError::Refused(AnnouncementError::Unknown.into());
                let outing = done.state.announced().ok_or_else(unknown)?;
                let freed = self.engage(&unit, guest, id, outing.engages(booking), &at).await?;
                Ok((done, freed))
            }
        })
        .await
        .map(|(done, _)| done)
    }
}

/// A booking and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concerned {
    /// Which booking.
    pub booking: BookingId,
    /// Whose.
    pub guest: AccountId,
}
