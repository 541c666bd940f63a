//! What the routes of outings answer, each with an example for the document. These are not the
//! events: the wire may change without touching history.

use chrono::{DateTime, TimeDelta};
use poem_openapi::payload::Json;
use poem_openapi::types::{Example, ParseFromJSON, ToJSON};
use poem_openapi::{ApiResponse, Object};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::api::nullable::Nullable;
use crate::api::timestamp::Timestamp;

fn example_id(n: u128) -> Uuid {
    Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0000 | n)
}

fn example_time(hours: i64) -> Timestamp {
    let time = DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default();
    Timestamp(time + TimeDelta::hours(hours))
}

#[derive(ApiResponse)]
pub(super) enum One<T: ToJSON + ParseFromJSON + Send + Sync> {
    /// As it is now
    #[oai(status = 200)]
    One(
        Json<T>,
        /// The sequence of the announcement's last event, quoted; for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
pub(super) enum Plain<T: ToJSON + ParseFromJSON + Send + Sync> {
    /// Done, or as it is now
    #[oai(status = 200)]
    Plain(Json<T>),
}

#[derive(ApiResponse)]
pub(super) enum Many<T: ToJSON + ParseFromJSON + Send + Sync> {
    /// A page
    #[oai(status = 200)]
    Page(
        Json<Vec<T>>,
        /// The next page, `rel="next"` (RFC 8288); absent on the last one.
        #[oai(header = "Link")]
        Option<String>,
    ),
}

/// An answer with the number that its entity tag is made of; kept for repeats of the call, but
/// without names (`repeats.rs`).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Tagged<T> {
    pub(super) body: T,
    pub(super) sequence: i64,
}

/// An outing that somebody announced.
#[derive(Clone, Debug, Object, Serialize, Deserialize)]
#[oai(rename = "Announcement", example)]
pub(super) struct AnnouncementSeen {
    /// Which announcement.
    pub(super) id: Uuid,
    /// When it was announced.
    pub(super) created: Timestamp,
    /// When something of it last changed.
    pub(super) modified: Timestamp,
    /// `Created`, a draft; `Alive`, guests can apply; `Closed`, no place is left; `Done`, over.
    pub(super) status: String,
    /// What it is called; empty if its host was erased.
    pub(super) title: String,
    /// What there is to know.
    pub(super) description: String,
    /// To which film.
    pub(super) movie_id: Uuid,
    /// What the film is called.
    pub(super) movie_title: String,
    /// Whose it is.
    pub(super) author_id: Uuid,
    /// What the host is called.
    #[serde(skip)]
    pub(super) author_name: String,
    /// Whether only those who follow the host may see it.
    pub(super) sub_only: bool,
    /// Whether guests pay nothing.
    pub(super) is_free: bool,
    /// How many guests there can be.
    pub(super) tickets_count: u32,
    /// How many more there can be.
    pub(super) tickets_left: u32,
    /// When it begins.
    pub(super) event_time: Timestamp,
    /// Where.
    pub(super) event_location: String,
    /// How long it takes, in minutes.
    pub(super) duration: u32,
    /// Who comes along, at most 1,000, oldest application first. Its host also sees who else
    /// applied, at most 1,000: those who wait for an answer before those who have one, and the
    /// newest of them. `GET /app/v1/bookings?filter[announcement]=` lists all in pages.
    pub(super) guest_list: Vec<GuestSeen>,
    /// What others think of the host: 1 to 5, 0 while nobody has said anything.
    pub(super) author_rating: f64,
}

impl Example for AnnouncementSeen {
    fn example() -> Self {
        Self {
            id: example_id(1),
            created: example_time(0),
            modified: example_time(1),
            status: "Alive".to_owned(),
            title: "Metropolis on a big screen".to_owned(),
            description: "We meet at the box office".to_owned(),
            movie_id: example_id(2),
            movie_title: "Metropolis".to_owned(),
            author_id: example_id(3),
            author_name: "Thea".to_owned(),
            sub_only: false,
            is_free: true,
            tickets_count: 2,
            tickets_left: 1,
            event_time: example_time(11),
            event_location: "Cinema Mir, hall 2".to_owned(),
            duration: 153,
            guest_list: vec![GuestSeen::example()],
            author_rating: 4.42,
        }
    }
}

/// Somebody who comes along, or wants to.
#[derive(Clone, Debug, Object, Serialize, Deserialize)]
#[oai(rename = "Guest", example)]
pub(super) struct GuestSeen {
    /// By which booking.
    pub(super) booking_id: Uuid,
    /// Who.
    pub(super) guest_id: Uuid,
    /// What they are called.
    #[serde(skip)]
    pub(super) guest_name: String,
    /// What others think of them: 1 to 5, 0 while nobody has said anything.
    pub(super) guest_rating: f64,
    /// Whether they want to come.
    pub(super) guest_status: bool,
    /// Whether the host takes them along; null while the host has not said.
    pub(super) author_status: Nullable<bool>,
    /// They are elsewhere at that time, since the outing was moved; absent to who is neither they
    /// nor the host.
    #[oai(skip_serializing_if_is_none)]
    pub(super) clashes: Option<bool>,
}

impl Example for GuestSeen {
    fn example() -> Self {
        Self {
            booking_id: example_id(4),
            guest_id: example_id(5),
            guest_name: "Ivan".to_owned(),
            guest_rating: 0.0,
            guest_status: true,
            author_status: Nullable(Some(true)),
            clashes: Some(false),
        }
    }
}

/// An outing in a list.
#[derive(Debug, Object)]
#[oai(rename = "AnnouncementListed", example)]
pub(super) struct AnnouncementListed {
    /// Which announcement.
    pub(super) id: Uuid,
    /// As in an announcement.
    pub(super) status: String,
    /// What it is called; empty if its host was erased.
    pub(super) title: String,
    /// Whose it is.
    pub(super) author_id: Uuid,
    /// To which film.
    pub(super) movie_id: Uuid,
    /// Whether only those who follow the host may see it.
    pub(super) sub_only: bool,
    /// Whether guests pay nothing.
    pub(super) is_free: bool,
    /// How many guests there can be.
    pub(super) tickets_count: i32,
    /// How many more there can be.
    pub(super) tickets_left: i32,
    /// When it begins.
    pub(super) event_time: Timestamp,
    /// Where.
    pub(super) event_location: String,
    /// How long it takes, in minutes.
    pub(super) duration: i64,
}

impl Example for AnnouncementListed {
    fn example() -> Self {
        Self {
            id: example_id(1),
            status: "Alive".to_owned(),
            title: "Metropolis on a big screen".to_owned(),
            author_id: example_id(3),
            movie_id: example_id(2),
            sub_only: false,
            is_free: true,
            tickets_count: 2,
            tickets_left: 1,
            event_time: example_time(11),
            event_location: "Cinema Mir, hall 2".to_owned(),
            duration: 153,
        }
    }
}

/// A booking.
#[derive(Clone, Debug, Object, Serialize, Deserialize)]
#[oai(rename = "Booking", example)]
pub(super) struct BookingSeen {
    /// Which booking.
    pub(super) id: Uuid,
    /// Of which announcement.
    pub(super) announcement_id: Uuid,
    /// What the film is called.
    pub(super) movie_title: String,
    /// Whose announcement it is.
    #[serde(default)]
    pub(super) author_id: Uuid,
    /// What the host is called.
    #[serde(skip)]
    pub(super) author_name: String,
    /// Whose booking it is.
    #[serde(default)]
    pub(super) guest_id: Uuid,
    /// What the guest is called.
    #[serde(skip)]
    pub(super) guest_name: String,
    /// Whether the host takes the guest along; null while the host has not said. What was called
    /// off takes nobody along.
    pub(super) author_status: Nullable<bool>,
    /// Whether the guest wants to come.
    pub(super) guest_status: bool,
    /// What others think of the guest: 1 to 5, 0 while nobody has said anything.
    pub(super) guest_rating: f64,
    /// What others think of the host.
    pub(super) author_rating: f64,
    /// When the outing begins.
    pub(super) event_time: Timestamp,
    /// The guest is elsewhere at that time, since the outing was moved.
    pub(super) clashes: bool,
}

impl Example for BookingSeen {
    fn example() -> Self {
        Self {
            id: example_id(4),
            announcement_id: example_id(1),
            movie_title: "Metropolis".to_owned(),
            author_id: example_id(3),
            author_name: "Thea".to_owned(),
            guest_id: example_id(5),
            guest_name: "Ivan".to_owned(),
            author_status: Nullable(None),
            guest_status: true,
            guest_rating: 0.0,
            author_rating: 4.42,
            event_time: example_time(11),
            clashes: false,
        }
    }
}

/// A booking in a list.
#[derive(Debug, Object)]
#[oai(rename = "BookingListed", example)]
pub(super) struct BookingListed {
    /// Which booking.
    pub(super) id: Uuid,
    /// Of which announcement.
    pub(super) announcement_id: Uuid,
    /// What the host is called.
    pub(super) author_name: String,
    /// What the guest is called.
    pub(super) guest_name: String,
    /// Whether the host takes the guest along; null while the host has not said.
    pub(super) author_status: Nullable<bool>,
    /// Whether the guest wants to come.
    pub(super) guest_status: bool,
    /// When the outing begins.
    pub(super) event_time: Timestamp,
    /// The guest is elsewhere at that time, since the outing was moved.
    pub(super) clashes: bool,
}

impl Example for BookingListed {
    fn example() -> Self {
        Self {
            id: example_id(4),
            announcement_id: example_id(1),
            author_name: "Thea".to_owned(),
            guest_name: "Ivan".to_owned(),
            author_status: Nullable(Some(true)),
            guest_status: true,
            event_time: example_time(11),
            clashes: false,
        }
    }
}

/// What is no more.
#[derive(Clone, Debug, Object, Serialize, Deserialize)]
#[oai(rename = "OutingGone", example)]
pub(super) struct Gone {
    /// Which one.
    pub(super) id: Uuid,
}

impl Example for Gone {
    fn example() -> Self {
        Self { id: example_id(1) }
    }
}
