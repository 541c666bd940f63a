//! Announcing an outing, changing it, calling it off. Each is one append over the announcement and
//! its host's engagements; guests follow later (`moving.rs`). And recording that one is over.

use async_trait::async_trait;
use shared_events::{AccountId, AnnouncementEvent, AnnouncementId};

use super::announcement::{
    AnnounceOuting, Announcement, AnnouncementCommand, CancelOuting, Change, ChangeOuting,
    EndOuting, Stage, Terms,
};
use super::error::OutingsError;
use super::planner::{ENDS, Freed, Planner, Refused, Turn, ends, guests_move};
use crate::platform::append::{Attached, Origin};
use crate::platform::causes::causes;
use crate::platform::clock::Clock;
use crate::platform::commands::{CommandError, Done, Execution, Unit, jointly};
use crate::platform::deadlines::{DeadlineHandler, Due, Handled};

impl Planner {
    /// Announces an outing: its host is at no other at that time.
    ///
    /// # Errors
    /// [`CommandError`], with the refusal of the announcement or of the host's engagements.
    pub async fn announce(
        &self,
        id: AnnouncementId,
        terms: Terms,
        open: bool,
        execution: Execution,
        attach: impl Fn(&Done<Announcement>) -> Attached,
    ) -> Result<Done<Announcement>, Refused> {
        let attach = |done: &Done<Announcement>| {
            let mut attached = attach(done);
            attached.deadlines.push(ends(id, terms.span));
            attached
        };
        let announce = AnnounceOuting { terms, open, now: execution.now };
        let announce = AnnouncementCommand::Announce(announce);
        let at = execution.clone();
        jointly(self.store(), execution, attach, |unit: Unit<OutingsError>| {
            let at = at.clone();
            async move {
                let done = unit.create(&self.announcements, id.0, announce).await?;
                self.engage(&unit, terms.host, id, Some(terms.span), &at).await?;
                Ok(done)
            }
        })
        .await
    }

    /// Changes an announcement; one that moves takes its host along in the same append. Its turn is
    /// the caller's, who looks at the announcement before.
    ///
    /// # Errors
    /// [`CommandError`], with the refusal of the announcement or of the host's engagements.
    pub(super) async fn change(
        &self,
        _turn: &Turn<'_>,
        (id, by): (AnnouncementId, AccountId),
        change: Change,
        execution: Execution,
        attach: impl Fn(&Done<Announcement>) -> Attached,
    ) -> Result<Done<Announcement>, Refused> {
        let at = execution.clone();
        let attach = |(done, freed): &(Done<Announcement>, Freed)| {
            let mut attached = attach(done);
            attached.deadlines.extend(*freed);
            let span = done.state.outing().map(|outing| outing.terms.span);
            attached.deadlines.extend(span.map(|span| ends(id, span)));
            if moves(done) {
                attached.deadlines.push(guests_move(id, &at));
            }
            attached
        };
        let change = ChangeOuting { by, change, now: execution.now };
        let at = execution.clone();
        jointly(self.store(), execution, attach, |unit: Unit<OutingsError>| {
            let at = at.clone();
            async move {
                let command = AnnouncementCommand::Change(change);
                let done = unit.decide(&self.announcements, id.0, command).await?;
                let span = done.state.outing().map(|outing| outing.terms.span);
                let moves = moves(&done);
                let freed = if moves { self.engage(&unit, by, id, span, &at).await? } else { None };
                Ok((done, freed))
            }
        })
        .await
        .map(|(done, _)| done)
    }

    /// Calls an outing off: its host is free in the same append.
    ///
    /// # Errors
    /// [`CommandError`], with the announcement's refusal.
    pub async fn cancel(
        &self,
        id: AnnouncementId,
        by: AccountId,
        execution: Execution,
        attach: impl Fn(&Done<Announcement>) -> Attached,
    ) -> Result<Done<Announcement>, Refused> {
        let _turn = self.turn(id).await;
        let execution = self.now(execution);
        let at = execution.clone();
        let attach = |(done, freed): &(Done<Announcement>, Freed)| {
            let mut attached = attach(done);
            attached.deadlines.extend(*freed);
            attached.deadlines.push(guests_move(id, &at));
            attached
        };
        let cancel = AnnouncementCommand::Cancel(CancelOuting { by, now: execution.now });
        let at = execution.clone();
        jointly(self.store(), execution, attach, |unit: Unit<OutingsError>| {
            let at = at.clone();
            async move {
                let done = unit.decide(&self.announcements, id.0, cancel).await?;
                let freed = self.engage(&unit, by, id, None, &at).await?;
                Ok((done, freed))
            }
        })
        .await
        .map(|(done, _)| done)
    }
}

fn moves(done: &Done<Announcement>) -> bool {
    done.events.iter().any(|event| matches!(event, AnnouncementEvent::Moved { .. }))
}

/// Records that outings are over. It changes no answer: that is a comparison of times.
pub struct OutingEnd {
    /// Knows announcements.
    pub planner: Planner,
    /// The time.
    pub clock: Clock,
}

#[async_trait]
impl DeadlineHandler for OutingEnd {
    fn kind(&self) -> &'static str {
        ENDS
    }

    async fn handle(&self, due: Due) -> Handled {
        let execution = Execution::new(Origin::new(), self.clock.now());
        let end = AnnouncementCommand::End(EndOuting { now: execution.now });
        let nothing = |_: &Done<Announcement>| Attached::default();
        let now = execution.now;
        match self.planner.announcements.execute(due.subject, end, execution, nothing).await {
            Ok(done) => still_to_come(&done.state, now).unwrap_or(Handled::Recorded),
            Err(CommandError::Refused(_)) => Handled::Recorded,
            Err(error) => {
                tracing::debug!(error = causes(&error), "an outing's end was not recorded");
                Handled::Failed
            }
        }
    }
}

/// Its end is another than the deadline says: it was moved meanwhile.
fn still_to_come(state: &Announcement, now: chrono::DateTime<chrono::Utc>) -> Option<Handled> {
    let outing = state.outing().filter(|outing| outing.stage != Stage::Ended)?;
    let end = outing.terms.span.ends_at();
    (end > now).then_some(Handled::NotBefore(end))
}
