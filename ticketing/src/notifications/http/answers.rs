//! What the operations on notifications answer, each with an example for the document.

use std::collections::HashSet;

use chrono::DateTime;
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};
use uuid::Uuid;

use super::super::kind::{Channel, Kind};
use super::super::reading::Found;
use super::super::words::Said;
use crate::api::timestamp::Timestamp;

fn example_id(n: u128) -> Uuid {
    Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0000 | n)
}

/// Something that one is told.
#[derive(Object)]
#[oai(rename = "Notification", example)]
pub(super) struct NoticeSeen {
    /// Which notification.
    id: Uuid,
    /// Of what kind, such as `booking_accepted`.
    kind: String,
    /// In a line.
    title: String,
    /// In a sentence or two.
    text: String,
    /// Where what it is about can be seen: a short link, the same in the mail.
    link: String,
    /// Since when one is told.
    created: Timestamp,
    /// When one has read it; absent while one has not.
    #[oai(skip_serializing_if_is_none)]
    read_at: Option<Timestamp>,
}

impl NoticeSeen {
    pub(super) fn of(found: Found, said: Said, link: String) -> Self {
        Self {
            id: found.id,
            kind: found.kind.to_string(),
            title: said.title,
            text: said.text,
            link,
            created: found.due_at.into(),
            read_at: found.read_at.map(Timestamp),
        }
    }
}

impl Example for NoticeSeen {
    fn example() -> Self {
        Self {
            id: example_id(7),
            kind: Kind::ReminderHour.to_string(),
            title: "“Metropolis” begins in an hour".to_owned(),
            text: "Do not forget: “Metropolis” begins at 2027-01-15 11:00 (UTC+03:00).".to_owned(),
            link: "http://localhost:5000/s/4kT9xQ0b".to_owned(),
            created: Timestamp(DateTime::from_timestamp(1_799_996_400, 0).unwrap_or_default()),
            read_at: None,
        }
    }
}

#[derive(ApiResponse)]
pub(super) enum NoticePage {
    /// A page of notifications
    #[oai(status = 200)]
    Page(
        Json<Vec<NoticeSeen>>,
        /// The next page, `rel="next"` (RFC 8288); absent on the last one.
        #[oai(header = "Link")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
pub(super) enum NoticeAnswer {
    /// The notification
    #[oai(status = 200)]
    One(Json<NoticeSeen>),
}

#[derive(ApiResponse)]
pub(super) enum Gone {
    /// Done; there is nothing to say
    #[oai(status = 204)]
    Done,
}

/// How one is told of a kind.
#[derive(Object)]
#[oai(rename = "NotificationSetting", example)]
pub(super) struct SettingSeen {
    /// Of what.
    kind: String,
    /// Whether it is listed in the product.
    product: bool,
    /// Whether it is sent by e-mail.
    email: bool,
}

impl Example for SettingSeen {
    fn example() -> Self {
        Self { kind: Kind::AnnouncementChanged.to_string(), product: true, email: false }
    }
}

#[derive(ApiResponse)]
pub(super) enum SettingsAnswer {
    /// Every kind
    #[oai(status = 200)]
    All(Json<Vec<SettingSeen>>),
}

/// Every kind, given what is switched off.
pub(super) fn settings_seen(off: &HashSet<(String, String)>) -> Vec<SettingSeen> {
    let is_on = |kind: Kind, channel: Channel| {
        !off.contains(&(kind.to_string(), channel.as_str().to_owned()))
    };
    let seen = |kind: &Kind| SettingSeen {
        kind: kind.to_string(),
        product: is_on(*kind, Channel::Product),
        email: is_on(*kind, Channel::Email),
    };
    Kind::ALL.iter().map(seen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_on_that_was_not_switched_off() {
        let off = HashSet::from([("link_ready".to_owned(), "email".to_owned())]);
        let seen = settings_seen(&off);
        assert_eq!(seen.len(), Kind::ALL.len());
        for setting in seen {
            assert!(setting.product);
            assert_eq!(setting.email, setting.kind != "link_ready");
        }
    }
}
