//! Rating each other after an outing: one append over the rating and the announcement, which knows
//! who was there. And recording that the time to answer is over.

use async_trait::async_trait;
use chrono::TimeDelta;
use shared_events::{AccountId, AnnouncementId, RatingId, ReviewId, TextId};

use super::announcement::{AnnouncementCommand, AttendedBy, Pair};
use super::error::OutingsError;
use super::planner::{Planner, Refused};
use super::rating::{PublishRating, RateOther, Rating, RatingCommand, Said};
use crate::platform::append::{Attached, NewDeadline, Origin};
use crate::platform::causes::causes;
use crate::platform::clock::Clock;
use crate::platform::commands::{CommandError, Commands, Done, Execution, Unit, jointly};
use crate::platform::deadlines::{DeadlineHandler, Due, Handled};
use crate::platform::event_store::ReadError;

/// The deadline at which a rating may be read by all.
const RATINGS_PUBLISH: &str = "outings.ratings_publish";

/// How long after the end of an outing the other has time to answer, in days.
const DAYS_TO_ANSWER: i64 = 14;

/// Takes ratings; cheap to clone.
#[derive(Clone)]
pub struct Reviewing {
    /// Knows who was there.
    pub planner: Planner,
    /// Commands on ratings.
    pub ratings: Commands<Rating>,
}

/// What one wants to say of another.
#[derive(Clone, Copy, Debug)]
pub struct Opinion {
    /// Of which outing.
    pub announcement: AnnouncementId,
    /// Who rates.
    pub author: AccountId,
    /// Who is rated; for a guest that is the host, said or not.
    pub about: Option<AccountId>,
    /// How much, 1 to 5.
    pub score: u8,
    /// What was written, in the vault.
    pub text: Option<TextId>,
    /// The review's id, if there is none yet.
    pub review: ReviewId,
}

/// What was said.
#[derive(Clone, Debug)]
pub struct Reviewed {
    /// Of whom by whom.
    pub pair: Pair,
    /// The rating after it.
    pub rating: Rating,
    /// How often its author has said it by now.
    pub revision: i64,
}

impl Reviewing {
    /// What one of two has said of the other.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer or an event can not be read.
    pub async fn said(&self, pair: Pair) -> Result<Option<Said>, ReadError> {
        let id = RatingId::of(pair.booking).0;
        let loaded = self.planner.store().load::<Rating>(id).await?;
        Ok(loaded.state.said(pair.side))
    }

    /// Rates another, or thinks otherwise. [`Execution::expected`] speaks of the author's own
    /// revision: whether the other has rated is not for the author to know.
    ///
    /// # Errors
    /// [`CommandError`], with the refusal of the announcement or of the rating.
    pub async fn rate(
        &self,
        opinion: Opinion,
        execution: Execution,
        attach: impl Fn(&Reviewed) -> Attached,
    ) -> Result<Reviewed, Refused> {
        let (now, expected) = (execution.now, execution.expected);
        // The stream that is decided on first is the announcement's.
        let execution = Execution { expected: None, ..execution };
        let attach = |reviewed: &Reviewed| {
            let mut attached = attach(reviewed);
            let due = reviewed.rating.publishes_at();
            let subject = RatingId::of(reviewed.pair.booking).0;
            let deadline = |due_at| NewDeadline { kind: RATINGS_PUBLISH, subject, due_at };
            attached.deadlines.extend(due.filter(|due| *due > now).map(deadline));
            attached
        };
        let Opinion { announcement, author, about, score, text, review } = opinion;
        let attended = AttendedBy { by: author, about, now };
        jointly(self.planner.store(), execution, attach, |unit: Unit<OutingsError>| async move {
            let command = AnnouncementCommand::Attended(attended);
            let commands = &self.planner.announcements;
            let seen = unit.decide(commands, announcement.0, command).await?.state;
            let pair = attended.pair(&seen);
            let pair = pair.map_err(|refusal| CommandError::Refused(refusal.into()))?;
            let Pair { booking, side, about, ended_at } = pair;
            let publishes_at = ended_at + TimeDelta::days(DAYS_TO_ANSWER);
            let rate = RateOther {
                review,
                announcement,
                booking,
                side,
                author,
                about,
                score,
                text,
                publishes_at,
                now,
            };
            let id = RatingId::of(booking).0;
            let rated = unit.decide(&self.ratings, id, RatingCommand::Rate(rate)).await?;
            let revision = rated.state.revision(side);
            let before = revision - i64::from(!rated.events.is_empty());
            if expected.is_some_and(|expected| expected != before) {
                return Err(CommandError::Conflict);
            }
            Ok(Reviewed { pair, rating: rated.state, revision })
        })
        .await
    }
}

/// Records that ratings may be read by all. It changes no answer: that is a comparison of times.
pub struct RatingPublishing {
    /// Commands on ratings.
    pub ratings: Commands<Rating>,
    /// The time.
    pub clock: Clock,
}

#[async_trait]
impl DeadlineHandler for RatingPublishing {
    fn kind(&self) -> &'static str {
        RATINGS_PUBLISH
    }

    async fn handle(&self, due: Due) -> Handled {
        let execution = Execution::new(Origin::new(), self.clock.now());
        let publish = RatingCommand::Publish(PublishRating { now: execution.now });
        let nothing = |_: &Done<Rating>| Attached::default();
        match self.ratings.execute(due.subject, publish, execution, nothing).await {
            Ok(_) => Handled::Recorded,
            Err(error) => {
                tracing::debug!(error = causes(&error), "a rating was not published");
                Handled::Failed
            }
        }
    }
}
