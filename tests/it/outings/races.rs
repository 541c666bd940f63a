//! Many at once: two places, two guests; one time, one outing.

use futures_util::future::join_all;
use serde_json::json;

use super::given::{announcement, in_hours};
use crate::world::World;

/// An earlier implementation counted first and accepted then.
#[tokio::test]
async fn of_fifty_guests_accepted_at_once_two_have_the_two_places() {
    let world = World::shared();
    let outing = world.given_outing(2, in_hours(30)).await;
    let guests = join_all((0..50).map(|_| world.given_user("standard"))).await;
    let applied = join_all(guests.iter().map(|guest| world.book(guest, &outing.id))).await;
    let bookings: Vec<String> =
        applied.into_iter().map(|answer| answer.is(200).member("id")).collect();
    let accepting = bookings.iter().map(|booking| world.say(&outing.host, booking, true));
    let statuses: Vec<u16> = join_all(accepting).await.iter().map(|answer| answer.status).collect();
    let accepted = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(accepted, 2, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 409].contains(status)), "{statuses:?}");
    let seen = world.announcement(&outing.host, &outing.id).await.is(200).json;
    assert_eq!((&seen["tickets_left"], &seen["status"]), (&json!(0), &json!("Closed")));
}

#[tokio::test]
async fn of_two_bookings_at_the_same_time_by_one_guest_at_once_one_is_refused() {
    let world = World::shared();
    let guest = world.given_user("standard").await;
    for hours in [30, 40, 50, 60, 70] {
        let first = world.given_outing(2, in_hours(hours)).await;
        let second = world.given_outing(2, in_hours(hours + 1)).await;
        let both = [world.book(&guest, &first.id), world.book(&guest, &second.id)];
        let mut statuses: Vec<u16> = join_all(both).await.iter().map(|a| a.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
    }
}

#[tokio::test]
async fn of_many_announcements_of_one_host_at_once_one_is_made() {
    let world = World::shared();
    let host = world.given_user("standard").await;
    let body = announcement(in_hours(30), 2);
    let made = join_all((0..10).map(|_| world.announce(&host, &body))).await;
    let made = made.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(made, 1);
}
