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
    let outing = world.given_trip(TimeDelta::days(5)).await;
    let (guest, _) = world.given_companion(&outing).await;
    let applicant = world.given_reader("applicant-").await;
    world.apply(&applicant, &outing).await;
    let declined = world.given_reader("declined-").await;
    let booking = world.apply(&declined, &outing).await;
    world.answer(&outing.host, &booking, false).await;
    world.change_outing(&outing, &json!({ "title": "Metropolis, restored" })).await.is(200);
    world.change_outing(&outing, &json!({ "tickets_count": 3 })).await.is(200);
    let later = outing.starts_at + TimeDelta::hours(2);
    world.change_outing(&outing, &json!({ "event_time": later })).await.is(200);
    let changes = ["announcement_changed", "announcement_changed", "announcement_moved"];
    world
        .until_told(&guest, &[&["booking_applied", "booking_accepted"], &changes[..]].concat())
        .await;
    world.until_told(&applicant, &[&["booking_applied"], &changes[..]].concat()).await;
    let moved = &world.told(&guest).await[0];
    assert!(moved["text"].as_str().unwrap().contains("Metropolis, restored"), "{moved}");
    let link = format!("/app/v1/announcement/{}", outing.id);
    assert!(world.leads_to(moved).await.ends_with(&link), "{moved}");
    world.by(&outing.host, Method::DELETE, &link).ask().await;
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
    let outing = world.given_trip(TimeDelta::days(5)).await;
    let guest = world.given_reader("guest-").await;
    world.set_profile(&guest, &json!({ "name": "Gail" })).await;
    let booking = world.apply(&guest, &outing).await;
    world.answer(&outing.host, &booking, true).await;
    world.answer(&guest, &booking, false).await;
    world.answer(&guest, &booking, true).await;
    world.answer(&outing.host, &booking, false).await;
    let path = format!("/app/v1/booking/{booking}");
    world.by(&guest, Method::DELETE, &path).ask().await;
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
    assert_eq!(to_host["title"], "Gail would like to come to “Metropolis & friends”");
    assert!(world.leads_to(to_host).await.ends_with(&path), "{to_host}");
    let to_guest = &world.told(&guest).await[5];
    assert_eq!(to_guest["title"], "You applied for “Metropolis & friends”");
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn who_waits_is_told_that_no_place_is_left_and_that_there_is_one_again() {
    let world = World::with_test_clock().await;
    let outing = world.given_trip(TimeDelta::days(5)).await;
    let waiting = world.given_reader("waiting-").await;
    world.apply(&waiting, &outing).await;
    let (companion, _) = world.given_companion(&outing).await;
    let (guest, booking) = world.given_companion(&outing).await;
    world.until_told(&waiting, &["booking_applied", "announcement_full"]).await;
    world.answer(&guest, &booking, false).await;
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
    let outing = world.given_trip(TimeDelta::days(5)).await;
    let guest = world.given_reader("guest-").await;
    world.apply(&guest, &outing).await;
    let later = outing.starts_at + TimeDelta::hours(2);
    let all = json!({ "title": "Metropolis, restored", "tickets_count": 5, "event_time": later });
    world.change_outing(&outing, &all).await.is(200);
    let some = json!({ "title": "Metropolis", "tickets_count": 6 });
    world.change_outing(&outing, &some).await.is(200);
    world.change_outing(&outing, &json!({ "duration": 150 })).await.is(200);
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
    let outing = world.given_trip(TimeDelta::days(5)).await;
    let (guest, _) = world.given_companion(&outing).await;
    let waiting = world.given_reader("waiting-").await;
    world.apply(&waiting, &outing).await;
    let closed = world.change_outing(&outing, &json!({ "tickets_count": 1 })).await.is(200);
    assert_eq!(closed.json["status"], "Closed");
    let opened = world.change_outing(&outing, &json!({ "tickets_count": 4 })).await.is(200);
    assert_eq!(opened.json["status"], "Alive");
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
