//! States of an announcement, as the events that lead to them: two places, at seven in the evening,
//! for two hours.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use shared_events::{AccountId, AnnouncementEvent, BookingId, FilmId, TextId};
use uuid::Uuid;

use super::{Announcement, AnnouncementCommand, AnnouncementError, Outing, Span, Terms};

pub(super) const HOST: AccountId = AccountId(Uuid::from_u128(1));
pub(super) const GUEST: AccountId = AccountId(Uuid::from_u128(2));
pub(super) const OTHER: AccountId = AccountId(Uuid::from_u128(3));
pub(super) const STRANGER: AccountId = AccountId(Uuid::from_u128(4));
/// The booking of [`GUEST`].
pub(super) const FIRST: BookingId = BookingId(Uuid::from_u128(11));
/// The booking of [`OTHER`].
pub(super) const SECOND: BookingId = BookingId(Uuid::from_u128(12));
pub(super) const THIRD: BookingId = BookingId(Uuid::from_u128(13));

pub(super) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_262_400, 0).unwrap()
}

pub(super) fn start() -> DateTime<Utc> {
    noon() + TimeDelta::hours(7)
}

pub(super) fn just_before(time: DateTime<Utc>) -> DateTime<Utc> {
    time - TimeDelta::microseconds(1)
}

pub(super) fn terms() -> Terms {
    let text = |n| TextId(Uuid::from_u128(n));
    Terms {
        host: HOST,
        film: FilmId(Uuid::from_u128(5)),
        title: text(6),
        description: text(7),
        location: text(8),
        sub_only: false,
        is_free: true,
        places: 2,
        span: Span { starts_at: start(), duration_minutes: 120 },
    }
}

pub(super) fn draft() -> Vec<AnnouncementEvent> {
    let Terms { host, film, title, description, location, sub_only, is_free, places, span } =
        terms();
    let Span { starts_at, duration_minutes } = span;
    vec![AnnouncementEvent::Announced {
        host,
        film,
        title,
        description,
        location,
        sub_only,
        is_free,
        places,
        starts_at,
        duration_minutes,
    }]
}

fn then(mut events: Vec<AnnouncementEvent>, event: AnnouncementEvent) -> Vec<AnnouncementEvent> {
    events.push(event);
    events
}

pub(super) fn open() -> Vec<AnnouncementEvent> {
    then(draft(), AnnouncementEvent::Opened)
}

/// By [`GUEST`].
pub(super) fn applied() -> Vec<AnnouncementEvent> {
    then(open(), AnnouncementEvent::Applied { booking: FIRST, guest: GUEST })
}

pub(super) fn accepted() -> Vec<AnnouncementEvent> {
    then(applied(), AnnouncementEvent::Accepted { booking: FIRST })
}

pub(super) fn declined() -> Vec<AnnouncementEvent> {
    then(applied(), AnnouncementEvent::Declined { booking: FIRST })
}

pub(super) fn withdrawn() -> Vec<AnnouncementEvent> {
    then(applied(), AnnouncementEvent::Withdrawn { booking: FIRST })
}

/// [`GUEST`] is elsewhere since it was moved.
pub(super) fn clashing() -> Vec<AnnouncementEvent> {
    then(accepted(), AnnouncementEvent::ClashFound { booking: FIRST })
}

/// [`GUEST`] and [`OTHER`] have the two places.
pub(super) fn full() -> Vec<AnnouncementEvent> {
    let events = then(accepted(), AnnouncementEvent::Applied { booking: SECOND, guest: OTHER });
    let events = then(events, AnnouncementEvent::Accepted { booking: SECOND });
    then(events, AnnouncementEvent::Closed)
}

/// Somebody else applied before it was full.
pub(super) fn full_with_another() -> Vec<AnnouncementEvent> {
    let applied = AnnouncementEvent::Applied { booking: THIRD, guest: STRANGER };
    let (before, after) = (accepted(), full());
    let rest = after.iter().skip(before.len()).cloned();
    before.iter().cloned().chain([applied]).chain(rest).collect()
}

/// Two others are accepted.
pub(super) fn two_others() -> Vec<AnnouncementEvent> {
    vec![
        AnnouncementEvent::Applied { booking: SECOND, guest: OTHER },
        AnnouncementEvent::Applied { booking: THIRD, guest: STRANGER },
        AnnouncementEvent::Accepted { booking: SECOND },
        AnnouncementEvent::Accepted { booking: THIRD },
        AnnouncementEvent::Closed,
    ]
}

pub(super) fn ended() -> Vec<AnnouncementEvent> {
    then(full(), AnnouncementEvent::Ended)
}

pub(super) fn cancelled() -> Vec<AnnouncementEvent> {
    then(accepted(), AnnouncementEvent::Cancelled)
}

pub(super) fn announcement(events: Vec<AnnouncementEvent>) -> Announcement {
    let mut announcement = Announcement::default();
    events.into_iter().for_each(|event| announcement.apply(event));
    announcement
}

pub(super) fn outing(events: Vec<AnnouncementEvent>) -> Outing {
    announcement(events).announced().unwrap().clone()
}

/// What a command comes to, in a given state.
pub(super) fn decided(
    given: Vec<AnnouncementEvent>,
    command: AnnouncementCommand,
) -> Result<Vec<AnnouncementEvent>, AnnouncementError> {
    let framework = cqrs_es::test::TestFramework::<Announcement>::with(());
    framework.given(given).when(command).inspect_result()
}
