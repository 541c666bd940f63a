//! Scheduling matches: a match and the time it takes of its stadium are one append, so that two
//! matches never overlap, whoever schedules them.

use chrono::{DateTime, Utc};
use shared_events::FixtureId;

use super::error::VenuesError;
use super::fixture::{
    CancelFixture, Details, EditFixture, Fixture, FixtureCommand, FixtureError, RescheduleFixture,
    ScheduleFixture,
};
use super::seat_maps::SeatMaps;
use super::stadium::{Book, Span, Stadium, StadiumCommand, Unbook};
use crate::platform::append::{AppendError, Attached};
use crate::platform::commands::{CommandError, Commands, Done, Execution, Unit, jointly};

/// Schedules matches; cheap to clone.
#[derive(Clone)]
pub struct Scheduling {
    /// Commands on stadiums.
    pub stadiums: Commands<Stadium>,
    /// Commands on matches.
    pub fixtures: Commands<Fixture>,
    /// Knows whose the seats are.
    pub maps: SeatMaps,
}

/// What changes of a match; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Its title.
    pub title: Option<String>,
    /// Whether only holders of a used access link may buy.
    pub requires_link: Option<bool>,
    /// Its first instant.
    pub starts_at: Option<DateTime<Utc>>,
    /// Its end.
    pub ends_at: Option<DateTime<Utc>>,
}

pub(super) type Refused = CommandError<VenuesError>;

pub(super) fn refused(error: impl Into<VenuesError>) -> Refused {
    CommandError::Refused(error.into())
}

impl Scheduling {
    /// Schedules a match.
    ///
    /// # Errors
    /// [`CommandError`], with the stadium's or the match's refusal.
    pub async fn schedule(
        &self,
        id: FixtureId,
        details: Details,
        execution: Execution,
        attach: impl Fn(&Done<Fixture>) -> Attached,
    ) -> Result<Done<Fixture>, Refused> {
        let now = execution.now;
        let schedule = |unit: Unit<VenuesError>| {
            let details = details.clone();
            async move {
                let span = Span { starts_at: details.starts_at, ends_at: details.ends_at };
                let book = StadiumCommand::Book(Book { fixture: id, span });
                unit.decide(&self.stadiums, details.stadium.0, book).await?;
                let schedule = FixtureCommand::Schedule(ScheduleFixture { details, now });
                unit.create(&self.fixtures, id.0, schedule).await
            }
        };
        jointly(self.fixtures.store(), execution, attach, schedule).await
    }

    /// Changes a match; one that moves takes its new time of the stadium in the same append.
    ///
    /// # Errors
    /// [`CommandError`], with the stadium's or the match's refusal.
    pub async fn change(
        &self,
        id: FixtureId,
        change: Change,
        execution: Execution,
        attach: impl Fn(&Done<Fixture>) -> Attached,
    ) -> Result<Done<Fixture>, Refused> {
        let now = execution.now;
        let change = |unit: Unit<VenuesError>| {
            let Change { title, requires_link, starts_at, ends_at } = change.clone();
            async move {
                let edit = FixtureCommand::Edit(EditFixture { title, requires_link });
                let edited = unit.decide(&self.fixtures, id.0, edit).await?;
                let Some(details) = edited.state.details().cloned() else {
                    return Err(refused(FixtureError::Unknown));
                };
                let span = Span {
                    starts_at: starts_at.unwrap_or(details.starts_at),
                    ends_at: ends_at.unwrap_or(details.ends_at),
                };
                if (span.starts_at, span.ends_at) == (details.starts_at, details.ends_at) {
                    return Ok(edited);
                }
                let book = StadiumCommand::Book(Book { fixture: id, span });
                unit.decide(&self.stadiums, details.stadium.0, book).await?;
                let move_it = FixtureCommand::Reschedule(RescheduleFixture { span, now });
                unit.decide(&self.fixtures, id.0, move_it).await
            }
        };
        jointly(self.fixtures.store(), execution, attach, change).await
    }

    /// Cancels a match of which nobody holds or has a ticket, as far as is known here. A ticket
    /// that is held in the same moment can not be bought any more, one that is sold can be given
    /// back at any time.
    ///
    /// # Errors
    /// [`CommandError`]; refused if somebody holds or has a ticket, unavailable if that is not
    /// known.
    pub async fn cancel(&self, id: FixtureId, execution: Execution) -> Result<(), Refused> {
        let unavailable = || CommandError::Append(AppendError::Unavailable);
        let known =
            self.maps.caught_up().await.map_err(|error| CommandError::Read(error.into()))?;
        let taken = self.maps.taken(id, execution.now).filter(|_| known);
        if taken.is_some_and(|taken| taken > 0) {
            return Err(refused(VenuesError::HasSales));
        }
        let now = execution.now;
        let nothing = |(): &()| Attached::default();
        let cancel = |unit: Unit<VenuesError>| async move {
            let cancel = FixtureCommand::Cancel(CancelFixture { now });
            let cancelled = unit.decide(&self.fixtures, id.0, cancel).await?;
            // It can be cancelled, but whose its seats are is not known here.
            taken.ok_or_else(unavailable)?;
            if let Some(details) = cancelled.state.details() {
                let unbook = StadiumCommand::Unbook(Unbook { fixture: id });
                unit.decide(&self.stadiums, details.stadium.0, unbook).await?;
            }
            Ok(())
        };
        jointly(self.fixtures.store(), execution, nothing, cancel).await
    }
}
