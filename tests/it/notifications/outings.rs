//! What hosts, guests and applicants of outings are told.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;

use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::Ask;

/// Known fault of earlier implementations: notices of change went to nobody.
#[tokio::test]
async fn every_change_of_an_announcement_is_told_to_guests_and_applicants() {
    let world = World::with_test_clock().await;
    let outing = world.given_outing_in(TimeDelta::days(5)).await;
    let (guest, _) = world.given_guest(&outing).await;
    let applicant = world.given_reader("applicant-").await;
    world.given_booking(&applicant, &outing).await;
    let declined = world.given_reader("declined-").await;
    let booking = world.given_booking(&declined, &outing).await;
    world.say(&outing.host, &booking, false).await.is(200);
    let later = outing.start + TimeDelta::hours(2);
    for change in [
        json!({ "title": "Metropolis, restored" }),
        json!({ "tickets_count": 3 }),
        json!({ "event_time": later }),
    ] {
        world.change(&outing.host, &outing.id, &change).await.is(200);
    }
    let changes = ["announcement_changed", "announcement_changed", "announcement_moved"];
    world
        .until_told(&guest, &[&["booking_applied", "booking_accepted"], &changes[..]].concat())
        .await;
    world.until_told(&applicant, &[&["booking_applied"], &changes[..]].concat()).await;
    let moved = &world.told(&guest).await[0];
    assert!(moved["text"].as_str().unwrap().contains("Metropolis, restored"), "{moved}");
    let link = format!("/app/v1/announcement/{}", outing.id);
    assert!(world.leads_to(moved).await.ends_with(&link), "{moved}");
    world.call_off(&outing.host, &outing.id).await.is(200);
    let all = [&["booking_applied"], &changes[..], &["announcement_cancelled"]].concat();
    world.until_told(&applicant, &all).await;
    assert_eq!(world.kinds_told(&declined).await, ["booking_applied", "booking_declined"]);
    let host = world.kinds_told(&outing.host).await;
    assert!(host.iter().all(|kind| kind.starts_with("booking_")), "the host did it: {host:?}");
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn every_application_and_answer_is_told_to_host_and_guest() {
    let world = World::with_test_clock().await;
    let outing = world.given_outing_in(TimeDelta::days(5)).await;
    let guest = world.given_reader("guest-").await;
    world.set_profile(&guest, &json!({ "name": "Gail" })).await;
    let booking = world.given_booking(&guest, &outing).await;
    world.say(&outing.host, &booking, true).await.is(200);
    world.say(&guest, &booking, false).await.is(200);
    world.say(&guest, &booking, true).await.is(200);
    world.say(&outing.host, &booking, false).await.is(200);
    let path = format!("/app/v1/booking/{booking}");
    world.by(&guest, Method::DELETE, &path).ask().await.is(200);
    let told = [
        "booking_applied",
        "booking_accepted",
        "booking_withdrawn",
        "booking_confirmed",
        "booking_declined",
        "booking_removed",
    ];
    for user in [&outing.host, &guest] {
        world.until_told(user, &told).await;
    }
    let to_host = &world.told(&outing.host).await[5];
    assert_eq!(to_host["title"], "Gail would like to come to “On a big screen”");
    assert!(world.leads_to(to_host).await.ends_with(&path), "{to_host}");
    let to_guest = &world.told(&guest).await[5];
    assert_eq!(to_guest["title"], "You applied for “On a big screen”");
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn who_waits_is_told_that_no_place_is_left_and_that_there_is_one_again() {
    let world = World::with_test_clock().await;
    let outing = world.given_outing_in(TimeDelta::days(5)).await;
    let waiting = world.given_reader("waiting-").await;
    world.given_booking(&waiting, &outing).await;
    let (companion, _) = world.given_guest(&outing).await;
    let (guest, booking) = world.given_guest(&outing).await;
    world.until_told(&waiting, &["booking_applied", "announcement_full"]).await;
    world.say(&guest, &booking, false).await.is(200);
    let again = ["booking_applied", "announcement_full", "announcement_reopened"];
    world.until_told(&waiting, &again).await;
    world.until_all_projected().await;
    let told = world.kinds_told(&guest).await;
    assert_eq!(told, ["booking_applied", "booking_accepted", "booking_withdrawn"]);
    // What others answer changes nothing for who has a place.
    let told = world.kinds_told(&companion).await;
    assert_eq!(told, ["booking_applied", "booking_accepted"]);
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn what_one_call_changes_is_told_once_and_what_only_takes_longer_has_not_moved() {
    let world = World::with_test_clock().await;
    let outing = world.given_outing_in(TimeDelta::days(5)).await;
    let guest = world.given_reader("guest-").await;
    world.given_booking(&guest, &outing).await;
    let later = outing.start + TimeDelta::hours(2);
    for change in [
        json!({ "title": "Metropolis, restored", "tickets_count": 5, "event_time": later }),
        json!({ "title": "Metropolis", "tickets_count": 6 }),
        json!({ "duration": 150 }),
    ] {
        world.change(&outing.host, &outing.id, &change).await.is(200);
    }
    let told =
        ["booking_applied", "announcement_moved", "announcement_changed", "announcement_changed"];
    world.until_all_projected().await;
    assert_eq!(world.kinds_told(&guest).await, told);
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_host_who_fills_or_frees_places_has_changed_the_announcement_for_all() {
    let world = World::with_test_clock().await;
    let outing = world.given_outing_in(TimeDelta::days(5)).await;
    let (guest, _) = world.given_guest(&outing).await;
    let waiting = world.given_reader("waiting-").await;
    world.given_booking(&waiting, &outing).await;
    for (places, status) in [(1, "Closed"), (4, "Alive")] {
        let places = json!({ "tickets_count": places });
        let changed = world.change(&outing.host, &outing.id, &places).await.is(200);
        assert_eq!(changed.json["status"], status);
    }
    let to_guest =
        ["booking_applied", "booking_accepted", "announcement_changed", "announcement_changed"];
    world.until_told(&guest, &to_guest).await;
    let told = async || {
        let mut told = world.kinds_told(&waiting).await;
        told.sort();
        told == [
            "announcement_changed",
            "announcement_changed",
            "announcement_full",
            "announcement_reopened",
            "booking_applied",
        ]
    };
    eventually("who waits is told what it means for them too", told).await;
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}
