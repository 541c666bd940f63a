//! The events of a rating: what the host and one guest of an outing say of each other. What was
//! written is free text and stands in the vault. Nothing marks the end of the time to answer: that
//! is a comparison with the clock.

use std::fmt;

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::AccountId;
use crate::announcement::{AnnouncementId, BookingId, TextId};
use crate::id::id;

id! {
    /// Which pair of a host and a guest.
    RatingId
}
id! {
    /// Which review: what one of the two says of the other.
    ReviewId
}

impl RatingId {
    /// The rating of a booking, of which a guest has one: a UUID v5 of `rating` in its namespace.
    pub fn of(booking: BookingId) -> Self {
        Self(Uuid::new_v5(&booking.0, b"rating"))
    }
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Who announced it.
    Host,
    /// Who came along.
    Guest,
}

impl Side {
    /// The name in events and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Guest => "guest",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What happens to a rating.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum RatingEvent {
    /// One of the two rated the other.
    Rated {
        /// The new review.
        #[serde(rename = "review_id")]
        review: ReviewId,
        /// Of which outing.
        #[serde(rename = "announcement_id")]
        announcement: AnnouncementId,
        /// By which booking they were there together.
        #[serde(rename = "booking_id")]
        booking: BookingId,
        /// Which of the two rates.
        side: Side,
        /// Who that is.
        #[serde(rename = "author_id")]
        author: AccountId,
        /// Who is rated.
        #[serde(rename = "about_id")]
        about: AccountId,
        /// How much, 1 to 5.
        score: u8,
        /// What was written, if anything.
        #[serde(rename = "text_id")]
        text: Option<TextId>,
        /// From when on all may read it, whether or not the other has rated.
        publishes_at: DateTime<Utc>,
    },
    /// One of the two thinks otherwise now; all is told as it is now.
    Revised {
        /// Which of the two.
        side: Side,
        /// How much, 1 to 5.
        score: u8,
        /// What was written, if anything.
        #[serde(rename = "text_id")]
        text: Option<TextId>,
    },
    /// All may read what is there, and nothing of it changes any more.
    Published,
}

impl DomainEvent for RatingEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Rated { .. } => "Rated",
            Self::Revised { .. } => "Revised",
            Self::Published => "Published",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
