//! Guests follow an outing that was moved or called off. It is a process, because an outing can
//! have thousands of guests and each has engagements of their own: the append that moves it writes
//! a deadline that is due at once, and its handler has one guest after the other follow, each in an
//! append that holds the announcement as it was seen. Running it twice changes nothing; what is
//! done already is known by the guests' engagements. Who is elsewhere at the new time is marked,
//! and the outing waits for their time (`waiting.rs`). Who follows only when it has begun takes no
//! time for it and is not marked: nobody can answer any more.

use std::ops::Bound;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use shared_events::{AnnouncementId, BookingId, EngagementsId};
use tokio::time::Instant;

use super::announcement::{AnnouncementCommand, Booking, MarkClash, Outing, Stage};
use super::attending::Concerned;
use super::engagements::Engagements;
use super::error::OutingsError;
use super::planner::{Freed, GUESTS_MOVE, Planner, Refused, freed, time};
use crate::platform::append::{Attached, Origin};
use crate::platform::causes::causes;
use crate::platform::clock::Clock;
use crate::platform::commands::{Execution, Unit, jointly};
use crate::platform::deadlines::{DeadlineHandler, Due, Handled};
use crate::platform::event_store::ReadError;
use crate::platform::snapshots;

/// How long one run takes, about: within what a deadline's handler may take.
pub(super) const RUN: Duration = Duration::from_secs(5);
/// Engagements read at once, before it is looked how late it is; others need connections too.
const READS: usize = 8;

impl Planner {
    /// Has guests follow the outing; whether all have. However late it is, some are looked at or
    /// one follows, and the next run in this replica goes on after them: so each comes further,
    /// also where those who have followed are more than a run can read.
    ///
    /// # Errors
    /// [`CommandError`](crate::platform::commands::CommandError) if something is away.
    pub async fn guests_follow(
        &self,
        id: AnnouncementId,
        clock: &Clock,
        until: Instant,
    ) -> Result<bool, Refused> {
        let state = self.load(id).await?.state;
        let Some(outing) = state.announced() else { return Ok(true) };
        // Who is behind after another move was perhaps not before.
        let this_move = (id, outing.moves);
        let after = self.followed.get(&this_move).map_or(Bound::Unbounded, Bound::Excluded);
        let left = outing.bookings.range((after, Bound::Unbounded));
        let left: Vec<_> = left.map(|(id, known)| (*id, *known)).collect();
        for some in left.chunks(READS) {
            for concerned in self.behind(id, outing, some, clock).await? {
                self.guest_follows(id, concerned, clock).await?;
                self.followed.insert(this_move, concerned.booking);
                if Instant::now() >= until {
                    return Ok(false);
                }
            }
            let Some((last, _)) = some.last() else { continue };
            self.followed.insert(this_move, *last);
            if Instant::now() >= until {
                return Ok(false);
            }
        }
        self.followed.invalidate(&this_move);
        Ok(true)
    }

    /// Those of these guests whose engagements are not as the outing is.
    async fn behind(
        &self,
        id: AnnouncementId,
        outing: &Outing,
        bookings: &[(BookingId, Booking)],
        clock: &Clock,
    ) -> Result<Vec<Concerned>, ReadError> {
        let has_begun = outing.has_begun(clock.now());
        let reads = bookings.iter().map(|(booking, known)| {
            let concerned = Concerned { booking: *booking, guest: known.guest };
            (concerned, outing.engages(*booking).map(time), known.clashes)
        });
        let reads: Vec<_> = reads.collect();
        let reads = reads.into_iter().map(|(concerned, meant, clashes)| async move {
            let of_guest = EngagementsId::of(concerned.guest).0;
            let engaged = snapshots::load::<Engagements>(self.store(), of_guest).await?.state;
            let (taken, waits) = (engaged.time_of(id), engaged.waits_for(id));
            let is_so = match meant {
                None => taken.is_none() && waits.is_none(),
                Some(_) if has_begun => taken == meant || waits == meant,
                Some(_) if clashes => waits == meant,
                Some(_) => taken == meant,
            };
            Ok::<_, ReadError>((!is_so).then_some(concerned))
        });
        Ok(try_join_all(reads).await?.into_iter().flatten().collect())
    }

    /// Has one guest follow: first their time is taken, or waits, then the mark says which.
    ///
    /// # Errors
    /// As [`Planner::guests_follow`].
    pub(super) async fn guest_follows(
        &self,
        id: AnnouncementId,
        Concerned { booking, guest }: Concerned,
        clock: &Clock,
    ) -> Result<(), Refused> {
        let _turn = self.turn(id).await;
        let execution = Execution::new(Origin::new(), clock.now());
        let at = execution.clone();
        let attach = |freed: &Freed| {
            let deadlines = freed.iter().copied().collect();
            Attached { deadlines, ..Attached::default() }
        };
        jointly(self.store(), execution, attach, |unit: Unit<OutingsError>| {
            let at = at.clone();
            async move {
                let look = AnnouncementCommand::Look;
                let seen = unit.decide(&self.announcements, id.0, look).await?.state;
                let Some(outing) = seen.announced() else { return Ok(None) };
                // Whoever has removed the booking meanwhile is free.
                if !outing.bookings.contains_key(&booking) {
                    return Ok(None);
                }
                let Some(span) = outing.engages(booking) else {
                    let freed = self.engage(&unit, guest, id, None, &at).await?;
                    self.mark(&unit, id, (booking, false), outing, &at).await?;
                    return Ok(freed);
                };
                let followed = self.follow(&unit, guest, id, span, &at).await?;
                let clashes = followed.state.time_of(id) != Some(time(span));
                self.mark(&unit, id, (booking, clashes), outing, &at).await?;
                Ok(freed(guest, &followed, &at))
            }
        })
        .await
        .map(|_| ())
    }

    async fn mark(
        &self,
        unit: &Unit<OutingsError>,
        id: AnnouncementId,
        (booking, clashes): (BookingId, bool),
        outing: &Outing,
        execution: &Execution,
    ) -> Result<(), Refused> {
        // Of what does not take place nobody needs to be told that they are elsewhere.
        if outing.stage != Stage::Cancelled {
            let mark = MarkClash { booking, clashes, now: execution.now };
            let mark = AnnouncementCommand::MarkClash(mark);
            unit.decide(&self.announcements, id.0, mark).await?;
        }
        Ok(())
    }
}

/// Has guests follow outings that were moved or called off.
pub struct GuestsMove {
    /// Knows announcements and engagements.
    pub planner: Planner,
    /// The time.
    pub clock: Clock,
}

#[async_trait]
impl DeadlineHandler for GuestsMove {
    fn kind(&self) -> &'static str {
        GUESTS_MOVE
    }

    async fn handle(&self, due: Due) -> Handled {
        let id = AnnouncementId(due.subject);
        match self.planner.guests_follow(id, &self.clock, Instant::now() + RUN).await {
            Ok(true) => Handled::Recorded,
            Ok(false) => Handled::NotBefore(self.clock.now()),
            Err(error) => {
                tracing::debug!(error = causes(&error), "guests did not follow an outing");
                Handled::Failed
            }
        }
    }
}
