//! The aggregate `Rating`: what the host and one guest of an outing say of each other. There is one
//! stream a pair and not one an announcement, because whether both have rated, after which nothing
//! changes any more, is a question to the pair alone. Not here: whether they were there
//! (`announcement/attend.rs`), which is in the same append.

mod publish;
mod rate;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use shared_events::{RatingEvent, ReviewId, Side, TextId};

pub use publish::PublishRating;
pub use rate::{RateOther, SCORES};

/// What two people say of each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rating {
    /// Neither has rated.
    #[default]
    Absent,
    /// At least one has.
    Rated {
        /// What the host says.
        by_host: Option<Said>,
        /// What the guest says.
        by_guest: Option<Said>,
        /// From when on all may read it, whether or not both have rated.
        publishes_at: DateTime<Utc>,
        /// That all may was recorded.
        published: bool,
    },
}

/// What one says of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The review.
    pub review: ReviewId,
    /// How much, 1 to 5.
    pub score: u8,
    /// What was written, in the vault.
    pub text: Option<TextId>,
    /// How often it was said: 1, and one more for each time its author thought otherwise.
    pub revision: i64,
}

/// What can be asked of a rating.
#[derive(Clone, Copy, Debug)]
pub enum RatingCommand {
    /// Rate the other, or think otherwise.
    Rate(RateOther),
    /// Record that all may read it.
    Publish(PublishRating),
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RatingError {
    /// The score is not 1 to 5.
    #[error("a score is 1 to 5")]
    BadScore,
    /// What was said can be read by all.
    #[error("the review is published")]
    Published,
}

impl Rating {
    /// What one of the two says.
    pub fn said(&self, side: Side) -> Option<Said> {
        match (self, side) {
            (Self::Absent, _) => None,
            (Self::Rated { by_host, .. }, Side::Host) => *by_host,
            (Self::Rated { by_guest, .. }, Side::Guest) => *by_guest,
        }
    }

    /// How often one of the two has said something; 0 if never. It tells nothing of the other.
    pub fn revision(&self, side: Side) -> i64 {
        self.said(side).map_or(0, |said| said.revision)
    }

    /// When all may read it; `None` while neither has rated.
    pub fn publishes_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Absent => None,
            Self::Rated { publishes_at, .. } => Some(*publishes_at),
        }
    }

    /// Whether all may read it at this moment, whether or not that was recorded.
    pub fn is_published(&self, now: DateTime<Utc>) -> bool {
        match self {
            Self::Absent => false,
            Self::Rated { publishes_at, published, .. } => *published || now >= *publishes_at,
        }
    }
}

impl Aggregate for Rating {
    const TYPE: &'static str = "rating";
    type Command = RatingCommand;
    type Event = RatingEvent;
    type Error = RatingError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let events = match command {
            RatingCommand::Rate(command) => command.decide(self),
            RatingCommand::Publish(command) => command.decide(self),
        }?;
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        if let (Self::Absent, RatingEvent::Rated { publishes_at, .. }) = (&*self, &event) {
            let (by_host, by_guest, publishes_at) = (None, None, *publishes_at);
            *self = Self::Rated { by_host, by_guest, publishes_at, published: false };
        }
        let Self::Rated { by_host, by_guest, published, .. } = self else { return };
        match event {
            RatingEvent::Rated { review, side, score, text, .. } => {
                let said = Some(Said { review, score, text, revision: 1 });
                match side {
                    Side::Host => *by_host = said,
                    Side::Guest => *by_guest = said,
                }
            }
            RatingEvent::Revised { side, score, text } => {
                let said = match side {
                    Side::Host => by_host,
                    Side::Guest => by_guest,
                };
                if let Some(said) = said {
                    *said = Said { score, text, revision: said.revision + 1, ..*said };
                }
            }
            RatingEvent::Published => *published = true,
        }
    }
}

#[cfg(test)]
mod given {
    //! States of a rating, as the events that lead to them.

    use super::*;
    use shared_events::{AccountId, AnnouncementId, BookingId};
    use uuid::Uuid;

    pub(super) const ANNOUNCEMENT: AnnouncementId = AnnouncementId(Uuid::from_u128(1));
    pub(super) const BOOKING: BookingId = BookingId(Uuid::from_u128(2));
    pub(super) const HOST: AccountId = AccountId(Uuid::from_u128(3));
    pub(super) const GUEST: AccountId = AccountId(Uuid::from_u128(4));

    pub(super) fn publishes_at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_262_400, 0).unwrap()
    }

    pub(super) fn review(side: Side) -> ReviewId {
        ReviewId(Uuid::from_u128(5 + side as u128))
    }

    pub(super) fn rated(side: Side, score: u8) -> RatingEvent {
        let (author, about) = match side {
            Side::Host => (HOST, GUEST),
            Side::Guest => (GUEST, HOST),
        };
        RatingEvent::Rated {
            review: review(side),
            announcement: ANNOUNCEMENT,
            booking: BOOKING,
            side,
            author,
            about,
            score,
            text: None,
            publishes_at: publishes_at(),
        }
    }

    /// The guest rated.
    pub(super) fn by_guest() -> Vec<RatingEvent> {
        vec![rated(Side::Guest, 5)]
    }

    pub(super) fn by_both() -> Vec<RatingEvent> {
        vec![rated(Side::Guest, 5), rated(Side::Host, 4), RatingEvent::Published]
    }

    /// What a command comes to, in a given state.
    pub(super) fn decided(
        given: Vec<RatingEvent>,
        command: RatingCommand,
    ) -> Result<Vec<RatingEvent>, RatingError> {
        let framework = cqrs_es::test::TestFramework::<Rating>::with(());
        framework.given(given).when(command).inspect_result()
    }
}
