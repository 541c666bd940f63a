//! Somebody leaves the outings: what they announced and has not begun is called off, and their
//! bookings are no more. Which those are is told by their engagements, and by the read table for
//! bookings that take no time of theirs: whom a host has declined could be accepted otherwise. What
//! has begun took place.
//!
//! Whoever asks to be erased is, also while that table is behind. A booking of theirs that it would
//! only have told later can still be accepted, until it is removed by the round of
//! `accounts/erase_again.rs` that follows: rounds go on until all has been told.

use std::collections::BTreeSet;

use async_trait::async_trait;
use shared_events::{AccountId, EngagementsId};
use uuid::Uuid;

use super::announcement::Announcement;
use super::attending::Concerned;
use super::bookings::Bookings;
use super::engagements::Engagements;
use super::planner::Planner;
use crate::platform::append::{Attached, Origin};
use crate::platform::caught_up::CaughtUp;
use crate::platform::clock::Clock;
use crate::platform::commands::{CommandError, Done, Execution};
use crate::platform::erasure::{Leaving, LeavingError};
use crate::platform::snapshots;

/// Ends what somebody announced or applied for.
pub(super) struct LeavingOutings {
    /// Calls off, and has bookings be no more.
    pub(super) planner: Planner,
    /// Finds bookings.
    pub(super) bookings: Bookings,
    /// Waits until those of a moment ago are found.
    pub(super) caught_up: CaughtUp,
    /// The time.
    pub(super) clock: Clock,
}

#[async_trait]
impl Leaving for LeavingOutings {
    async fn leave(&self, account: Uuid) -> Result<(), LeavingError> {
        let Self { planner, bookings, caught_up, clock } = self;
        let person = AccountId(account);
        let engagements = EngagementsId::of(person).0;
        let engaged = snapshots::load::<Engagements>(planner.store(), engagements).await?.state;
        // Behind or not: what is missed now is found by a later round.
        let _knows_all = caught_up.wait().await?;
        let booked = bookings.to_come_of(person, clock.now()).await?;
        let nothing = |_: &Done<Announcement>| Attached::default();
        for id in engaged.announcements().chain(booked).collect::<BTreeSet<_>>() {
            let state = planner.load(id).await?.state;
            let Some(outing) = state.announced() else { continue };
            let execution = Execution::new(Origin::new(), clock.now());
            let outcome = if outing.terms.host == person {
                planner.cancel(id, person, execution, nothing).await
            } else if let Some((booking, _)) = outing.booking_of(person) {
                let concerned = Concerned { booking, guest: person };
                planner.remove(id, concerned, person, execution, nothing).await
            } else {
                continue;
            };
            match outcome {
                // What is refused has begun.
                Ok(_) | Err(CommandError::Refused(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
