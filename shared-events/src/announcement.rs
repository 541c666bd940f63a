//! The events of an announcement: somebody goes to the cinema and takes others along. Who applied
//! and who was accepted is told here too, because the places are the announcement's. Nothing marks
//! the beginning: that is a comparison with the clock. Title, description and place to meet are
//! free text and stand in the vault.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::film::FilmId;
use crate::id::id;

id! {
    /// Which announcement.
    AnnouncementId
}
id! {
    /// Which booking: a guest's application for a place, whatever has become of it.
    BookingId
}
id! {
    /// Which text that somebody wrote: the id it has in the vault. An edited one is another one.
    TextId
}

/// What happens to an announcement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum AnnouncementEvent {
    /// Somebody wants to go to the cinema with others. A draft until it is opened.
    Announced {
        /// Who.
        #[serde(rename = "host_id")]
        host: AccountId,
        /// To which film.
        #[serde(rename = "movie_id")]
        film: FilmId,
        /// Under which title.
        #[serde(rename = "title_id")]
        title: TextId,
        /// With which description.
        #[serde(rename = "description_id")]
        description: TextId,
        /// Where.
        #[serde(rename = "location_id")]
        location: TextId,
        /// Whether only those who follow the host may see it.
        sub_only: bool,
        /// Whether guests pay nothing.
        is_free: bool,
        /// How many guests there can be, 1 to 1,000.
        places: u32,
        /// Its first instant.
        starts_at: DateTime<Utc>,
        /// How long it takes, in minutes, 1 to 1,440.
        duration_minutes: u32,
    },
    /// Guests can apply.
    Opened,
    /// It is described otherwise; all is told as it is now.
    Edited {
        /// The title.
        #[serde(rename = "title_id")]
        title: TextId,
        /// The description.
        #[serde(rename = "description_id")]
        description: TextId,
        /// Where it is.
        #[serde(rename = "location_id")]
        location: TextId,
        /// Whether only those who follow the host may see it.
        sub_only: bool,
        /// Whether guests pay nothing.
        is_free: bool,
    },
    /// There are more places or fewer.
    PlacesChanged {
        /// How many now.
        places: u32,
    },
    /// It takes place at another time.
    Moved {
        /// Its first instant now.
        starts_at: DateTime<Utc>,
        /// How long it takes now, in minutes.
        duration_minutes: u32,
    },
    /// It has as many guests as places: nobody can apply.
    Closed,
    /// There is a place again.
    Reopened,
    /// It does not take place.
    Cancelled,
    /// It is over.
    Ended,
    /// Somebody wants to come along.
    Applied {
        /// By which booking.
        #[serde(rename = "booking_id")]
        booking: BookingId,
        /// Who.
        #[serde(rename = "guest_id")]
        guest: AccountId,
    },
    /// The host takes the guest along.
    Accepted {
        /// Which booking.
        #[serde(rename = "booking_id")]
        booking: BookingId,
    },
    /// The host does not take the guest along.
    Declined {
        /// Which booking.
        #[serde(rename = "booking_id")]
        booking: BookingId,
    },
    /// The guest does not want to come.
    Withdrawn {
        /// Which booking.
        #[serde(rename = "booking_id")]
        booking: BookingId,
    },
    /// The guest wants to come after all.
    Confirmed {
        /// Which booking.
        #[serde(rename = "booking_id")]
        booking: BookingId,
    },
    /// The guest wants the booking to be no more.
    Removed {
        /// Which booking.
        #[serde(rename = "booking_id")]
        booking: BookingId,
    },
    /// The announcement was moved to a time at which the guest is elsewhere.
    ClashFound {
        /// Which booking.
        #[serde(rename = "booking_id")]
        booking: BookingId,
    },
    /// The guest is not elsewhere any more.
    ClashCleared {
        /// Which booking.
        #[serde(rename = "booking_id")]
        booking: BookingId,
    },
}

impl DomainEvent for AnnouncementEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Announced { .. } => "Announced",
            Self::Opened => "Opened",
            Self::Edited { .. } => "Edited",
            Self::PlacesChanged { .. } => "PlacesChanged",
            Self::Moved { .. } => "Moved",
            Self::Closed => "Closed",
            Self::Reopened => "Reopened",
            Self::Cancelled => "Cancelled",
            Self::Ended => "Ended",
            Self::Applied { .. } => "Applied",
            Self::Accepted { .. } => "Accepted",
            Self::Declined { .. } => "Declined",
            Self::Withdrawn { .. } => "Withdrawn",
            Self::Confirmed { .. } => "Confirmed",
            Self::Removed { .. } => "Removed",
            Self::ClashFound { .. } => "ClashFound",
            Self::ClashCleared { .. } => "ClashCleared",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
