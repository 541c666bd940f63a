//! Applying for a place, and saying yes or no.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use super::given::{announcement, in_hours};
use crate::world::World;
use crate::world::answer::{Answer, Ask};

#[tokio::test]
async fn a_guest_applies_and_host_and_guest_say_yes_and_no() {
    let world = World::shared();
    let outing = world.given_outing(2, in_hours(30)).await;
    let guest = world.given_user("standard").await;
    let made = world.book(&guest, &outing.id).await.is(200);
    let expected = json!({ "author_status": null, "guest_status": true, "guest_rating": 0.0,
                           "author_rating": 0.0, "movie_title": "Metropolis",
                           "announcement_id": outing.id });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&made.json[name], value, "{name}");
    }
    let booking = made.member("id");
    for (by, yes, name) in [
        (&outing.host, true, "author_status"),
        (&outing.host, true, "author_status"),
        (&guest, false, "guest_status"),
        (&guest, false, "guest_status"),
        (&guest, true, "guest_status"),
        (&outing.host, false, "author_status"),
        (&outing.host, true, "author_status"),
    ] {
        let said = world.say(by, &booking, yes).await.is(200);
        assert_eq!(said.json[name], yes);
        let read = world.booking(by, &booking).await.is(200);
        assert_eq!((&read.json, read.header("etag")), (&said.json, said.header("etag")));
    }
}

#[tokio::test]
async fn a_booking_is_between_two_people() {
    let world = World::shared();
    let outing = world.given_outing(2, in_hours(30)).await;
    let (guest, booking) = world.given_applicant(&outing).await;
    let (stranger, admin) = (world.given_user("standard").await, world.given_admin().await);
    for by in [&guest, &outing.host, &admin] {
        world.booking(by, &booking).await.is(200);
    }
    world.booking(&stranger, &booking).await.problem(403, "forbidden");
    for by in [&stranger, &admin] {
        world.say(by, &booking, true).await.problem(403, "forbidden");
    }
    let path = format!("/app/v1/booking/{booking}");
    let delete = |by| world.by(by, Method::DELETE, &path).ask();
    delete(&outing.host).await.problem(403, "forbidden");
    delete(&guest).await.is(200);
    world.booking(&guest, &booking).await.problem(404, "not_found");
    world.book(&guest, &outing.id).await.is(200);
}

#[tokio::test]
async fn who_was_declined_does_not_wait_again_by_removing_the_booking() {
    let world = World::shared();
    let outing = world.given_outing(2, in_hours(30)).await;
    let (guest, booking) = world.given_applicant(&outing).await;
    let remove = async |booking: &str| {
        world.by(&guest, Method::DELETE, &format!("/app/v1/booking/{booking}")).ask().await
    };
    // The host has not said yet: to think otherwise is free.
    remove(&booking).await.is(200);
    let again = world.book(&guest, &outing.id).await.is(200).member("id");
    world.say(&outing.host, &again, false).await.is(200);
    remove(&again).await.is(200);
    world.book(&guest, &outing.id).await.problem(409, "already_booked");
    let path = format!("/app/v1/bookings?filter[announcement]={}", outing.id);
    let listed = world.get_as(&outing.host, &path).await.is(200);
    assert_eq!(listed.json, json!([]), "the host has nothing to answer");
}

#[tokio::test]
async fn nobody_books_their_own_twice_or_what_is_full() {
    let world = World::shared();
    let outing = world.given_outing(1, in_hours(30)).await;
    world.book(&outing.host, &outing.id).await.problem(403, "own_announcement");
    let (guest, _) = world.given_guest(&outing).await;
    world.book(&guest, &outing.id).await.problem(409, "already_booked");
    let other = world.given_user("standard").await;
    world.book(&other, &outing.id).await.problem(409, "announcement_full");
}

/// Who is not taken along is free, though it has begun and the host has never answered.
#[tokio::test]
async fn who_has_no_place_when_it_begins_withdraws_or_removes_and_goes_elsewhere() {
    let world = World::with_test_clock().await;
    let outing = world.given_short_outing(3).await;
    let (guest, place) = world.given_guest(&outing).await;
    let (first, withdraws) = world.given_applicant(&outing).await;
    let (second, removes) = world.given_applicant(&outing).await;
    world.move_clock_to(outing.start + TimeDelta::minutes(1)).await;
    let elsewhere = announcement(outing.start + TimeDelta::minutes(5), 1);
    for by in [&first, &second, &guest] {
        world.announce(by, &elsewhere).await.problem(409, "time_taken");
    }
    let remove = async |by, booking: &str| {
        world.by(by, Method::DELETE, &format!("/app/v1/booking/{booking}")).ask().await
    };
    world.say(&first, &withdraws, false).await.is(200);
    remove(&second, &removes).await.is(200);
    for by in [&first, &second] {
        world.announce(by, &elsewhere).await.is(200);
    }
    world.say(&first, &withdraws, true).await.problem(409, "outing_begun");
    world.say(&outing.host, &withdraws, true).await.problem(409, "outing_begun");
    // Who is there stays.
    world.say(&guest, &place, false).await.problem(409, "outing_begun");
    remove(&guest, &place).await.problem(409, "outing_begun");
    world.until_projected("outings").await;
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn nobody_is_at_two_outings_at_a_time_unless_one_of_the_two_says_no() {
    let world = World::shared();
    let start = in_hours(70);
    let outing = world.given_outing(2, start).await;
    let (guest, booking) = world.given_applicant(&outing).await;
    let other = world.given_outing(2, start + TimeDelta::minutes(60)).await;
    let is_oneself = |refused: Answer| {
        let refused = refused.problem(409, "time_taken");
        assert!(refused.member("detail").starts_with("You are at another outing"));
    };
    is_oneself(world.book(&guest, &other.id).await);
    is_oneself(world.announce(&guest, &announcement(start, 1)).await);
    is_oneself(world.book(&outing.host, &other.id).await);
    world.say(&outing.host, &booking, false).await.is(200);
    let elsewhere = world.book(&guest, &other.id).await.is(200).member("id");
    // The host would take them along after all, but they are elsewhere.
    let refused = world.say(&outing.host, &booking, true).await.problem(409, "time_taken");
    let refused = refused.says("The guest is at another outing at that time");
    assert!(!refused.text.contains(&other.id), "where they are is theirs");
    world.say(&guest, &elsewhere, false).await.is(200);
    world.say(&outing.host, &booking, true).await.is(200);
}

/// What a call speaks of may be gone when it is repeated, by that call or since.
#[tokio::test]
async fn a_repeat_is_answered_whatever_has_become_of_the_booking_and_the_outing() {
    let world = World::shared();
    let (first, second) =
        (world.given_outing(2, in_hours(30)).await, world.given_outing(2, in_hours(40)).await);
    let guest = world.given_user("standard").await;
    let key = uuid::Uuid::new_v4().to_string();
    let repeatable = |method: Method, path: String| {
        world.by(&guest, method, &path).header("Idempotency-Key", &key).ask()
    };
    let book = |outing: &str| repeatable(Method::POST, format!("/app/v1/booking/{outing}"));
    let made = book(&first.id).await.is(200);
    let other = book(&second.id).await.is(200);
    let remove = || repeatable(Method::DELETE, format!("/app/v1/booking/{}", made.member("id")));
    let removed = remove().await.is(200);
    world.booking(&guest, &made.member("id")).await.problem(404, "not_found");
    assert_eq!(remove().await.is(200).json, removed.json);
    assert_eq!(book(&first.id).await.is(200).json, made.json);
    world.call_off(&second.host, &second.id).await.is(200);
    let again = book(&second.id).await.is(200);
    assert_eq!((&again.json, again.header("etag")), (&other.json, other.header("etag")));
    let unrepeated = world.book(&guest, &second.id).await;
    unrepeated.problem(404, "not_found");
}

#[tokio::test]
async fn what_is_missing_or_mistyped_is_named() {
    let world = World::shared();
    let outing = world.given_outing(1, in_hours(30)).await;
    let (_, booking) = world.given_applicant(&outing).await;
    for body in [json!({}), json!({ "my_status": "yes" }), json!({ "my_status": null })] {
        let path = format!("/app/v1/booking/{booking}");
        let asked = world.by(&outing.host, Method::PUT, &path).json(&body).ask().await;
        assert!(asked.problem(422, "invalid_fields").text.contains("my_status"));
    }
}

#[tokio::test]
async fn ones_own_bookings_are_listed_as_host_and_as_guest() {
    let world = World::shared();
    let outing = world.given_outing(2, in_hours(30)).await;
    let (guest, booking) = world.given_guest(&outing).await;
    let list = async |by, query: &str| -> Vec<Value> {
        let path = format!("/app/v1/bookings{query}");
        world.get_as(by, &path).await.is(200).json.as_array().unwrap().clone()
    };
    let day = outing.start.format("%Y-%m-%d");
    let film = crate::catalogue::METROPOLIS;
    for (by, query) in [
        (&outing.host, String::new()),
        (&outing.host, "?filter[self]=author".to_owned()),
        (&outing.host, format!("?filter[announcement]={}", outing.id)),
        (&guest, "?filter[self]=guest".to_owned()),
        (&guest, format!("?filter[self]=guest&filter[date]={day}&filter[movie]={film}")),
    ] {
        let found = list(by, &query).await;
        let ids: Vec<_> = found.iter().map(|found| found["id"].clone()).collect();
        assert_eq!(ids, [json!(booking)], "{query}");
        let said = (&found[0]["author_status"], &found[0]["guest_status"]);
        assert_eq!(said, (&json!(true), &json!(true)));
    }
    for (by, query) in [
        (&guest, ""),
        (&outing.host, "?filter[self]=guest"),
        (&outing.host, "?filter[date]=2020-01-01"),
        (&outing.host, "?filter[movie]=00000000-0000-4000-8000-000000000000"),
        (&outing.host, "?filter[announcement]=00000000-0000-4000-8000-000000000000"),
    ] {
        assert_eq!(list(by, query).await.len(), 0, "{query}");
    }
    world.get_as(&guest, "/app/v1/bookings?filter[date]=soon").await.is(400);
}
