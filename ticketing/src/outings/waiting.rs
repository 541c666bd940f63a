//! Outings that wait for somebody's time: they were moved to when that guest is elsewhere, and the
//! guest is marked. Every append that frees time of theirs while something waits for it writes a
//! deadline that is due at once; its handler has the guest follow, which takes the time and clears
//! the mark. Not here: the one guest who follows (`moving.rs`).

use async_trait::async_trait;
use shared_events::AnnouncementId;
use tokio::time::Instant;
use uuid::Uuid;

use super::attending::Concerned;
use super::engagements::Engagements;
use super::moving::RUN;
use super::planner::{Planner, Refused, TIME_FREED};
use crate::platform::causes::causes;
use crate::platform::clock::Clock;
use crate::platform::deadlines::{DeadlineHandler, Due, Handled};
use crate::platform::snapshots;

impl Planner {
    /// Has somebody follow the outings that wait and for which there is time; whether all of them
    /// were looked at. However late it is, one is.
    ///
    /// # Errors
    /// [`CommandError`](crate::platform::commands::CommandError) if something is away.
    pub async fn waiting_follow(
        &self,
        engagements: Uuid,
        clock: &Clock,
        until: Instant,
    ) -> Result<bool, Refused> {
        let state = snapshots::load::<Engagements>(self.store(), engagements).await?.state;
        let waiting: Vec<_> = state.can_follow(clock.now()).collect();
        for id in waiting {
            self.waited_for(&state, id, clock).await?;
            if Instant::now() >= until {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn waited_for(
        &self,
        engagements: &Engagements,
        id: AnnouncementId,
        clock: &Clock,
    ) -> Result<(), Refused> {
        let Some(guest) = engagements.account() else { return Ok(()) };
        let announcement = self.load(id).await?.state;
        let booking = announcement.announced().and_then(|outing| outing.booking_of(guest));
        match booking {
            Some((booking, _)) => self.guest_follows(id, Concerned { booking, guest }, clock).await,
            None => Ok(()),
        }
    }
}

/// Has guests follow outings that waited for their time.
pub struct TimeFreed {
    /// Knows announcements and engagements.
    pub planner: Planner,
    /// The time.
    pub clock: Clock,
}

#[async_trait]
impl DeadlineHandler for TimeFreed {
    fn kind(&self) -> &'static str {
        TIME_FREED
    }

    async fn handle(&self, due: Due) -> Handled {
        match self.planner.waiting_follow(due.subject, &self.clock, Instant::now() + RUN).await {
            Ok(true) => Handled::Recorded,
            Ok(false) => Handled::NotBefore(self.clock.now()),
            Err(error) => {
                tracing::debug!(error = causes(&error), "a guest did not follow what waited");
                Handled::Failed
            }
        }
    }
}
