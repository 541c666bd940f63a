//! Many at once: two places, two guests; one time, one outing.

use chrono::TimeDelta;
use futures_util::future::{join, join_all};
use serde_json::json;

use super::given::{announcement, in_hours};
use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::Ask;
use crate::world::people::User;

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

/// Each replica has its calls for an announcement wait for each other, not for those of the other
/// replica: nobody is told of a conflict because of that.
#[tokio::test]
async fn guests_who_apply_at_two_replicas_at_once_all_have_their_booking() {
    let world = World::start(&[]).await;
    let (mut replica, elsewhere) = world.system.replica().await.unwrap();
    let outing = world.given_outing(2, in_hours(30)).await;
    let guests = join_all((0..24).map(|_| world.given_user("standard"))).await;
    let path = format!("/app/v1/booking/{}", outing.id);
    let apply = async |guest: &User, url: &str| {
        world.http().post(format!("{url}{path}")).bearer_auth(&guest.token).ask().await.status
    };
    let urls = [world.system.url(), elsewhere];
    let applying = guests.iter().zip(urls.iter().cycle()).map(|(guest, url)| apply(guest, url));
    assert_eq!(join_all(applying).await, [200; 24]);
    replica.stop().await.unwrap();
    world.system.stop().await.unwrap();
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
    let mut statuses: Vec<u16> = made.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    let expected: Vec<u16> = std::iter::once(200).chain([409; 9]).collect();
    assert_eq!(statuses, expected);
}

#[tokio::test]
async fn a_guest_accepted_while_the_outing_moves_is_engaged_when_it_is() {
    let world = World::shared();
    for hours in [30, 40, 50] {
        let start = in_hours(hours);
        let later = start + TimeDelta::hours(5);
        let outing = world.given_outing(2, start).await;
        let (guest, booking) = world.given_applicant(&outing).await;
        let move_to = json!({ "event_time": later });
        let moved = world.change(&outing.host, &outing.id, &move_to);
        let (moved, said) = join(moved, world.say(&outing.host, &booking, true)).await;
        moved.is(200);
        said.is(200);
        let at_old_time = world.given_outing(2, start).await;
        let applied = async || world.book(&guest, &at_old_time.id).await.status == 200;
        eventually("the guest is free at the old time", applied).await;
        let at_new_time = world.given_outing(2, later).await;
        world.book(&guest, &at_new_time.id).await.problem(409, "time_taken");
        let seen = world.booking(&guest, &booking).await.is(200).json;
        assert_eq!((&seen["author_status"], &seen["clashes"]), (&json!(true), &json!(false)));
    }
}

#[tokio::test]
async fn of_fewer_places_and_one_more_guest_at_once_one_is_refused() {
    let world = World::shared();
    for hours in [30, 40, 50, 60, 70] {
        let outing = world.given_outing(2, in_hours(hours)).await;
        world.given_guest(&outing).await;
        let (_, booking) = world.given_applicant(&outing).await;
        let fewer = json!({ "tickets_count": 1 });
        let fewer = world.change(&outing.host, &outing.id, &fewer);
        let (fewer, said) = join(fewer, world.say(&outing.host, &booking, true)).await;
        let mut statuses = [fewer.status, said.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
        let seen = world.announcement(&outing.host, &outing.id).await.is(200).json;
        let places = if fewer.status == 200 { 1 } else { 2 };
        assert_eq!(
            (&seen["tickets_count"], &seen["tickets_left"], &seen["status"]),
            (&json!(places), &json!(0), &json!("Closed"))
        );
    }
}
