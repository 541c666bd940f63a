//! Announcing, changing, calling off.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::given::{announcement, in_hours};
use crate::catalogue::METROPOLIS;
use crate::world::World;
use crate::world::answer::Ask;

#[tokio::test]
async fn a_host_announces_guests_come_along_and_it_closes_when_it_is_full() {
    let world = World::shared();
    let outing = world.given_outing(2, in_hours(30)).await;
    let (guest, booking) = world.given_guest(&outing).await;
    let (_, applied) = world.given_applicant(&outing).await;
    let seen = world.announcement(&guest, &outing.id).await.is(200).json;
    assert_eq!((&seen["status"], &seen["tickets_left"]), (&json!("Alive"), &json!(1)));
    assert_eq!(seen["movie_title"], "Metropolis");
    assert_eq!(seen["author_rating"], 0.0);
    let guests = seen["guest_list"].as_array().unwrap();
    assert_eq!(guests.len(), 1, "who only applied is shown to the host alone");
    assert_eq!(
        (&guests[0]["booking_id"], &guests[0]["guest_rating"]),
        (&json!(booking), &json!(0.0))
    );
    let of_host = world.announcement(&outing.host, &outing.id).await.json;
    assert_eq!(of_host["guest_list"].as_array().unwrap().len(), 2);

    world.say(&outing.host, &applied, true).await.is(200);
    let full = world.announcement(&guest, &outing.id).await.json;
    assert_eq!((&full["status"], &full["tickets_left"]), (&json!("Closed"), &json!(0)));
    world.say(&guest, &booking, false).await.is(200);
    let free = world.announcement(&guest, &outing.id).await.json;
    assert_eq!((&free["status"], &free["tickets_left"]), (&json!("Alive"), &json!(1)));
}

#[tokio::test]
async fn an_announcement_is_a_draft_unless_said_and_nobody_books_a_draft() {
    let world = World::shared();
    let (host, guest) = (world.given_user("standard").await, world.given_user("standard").await);
    let mut body = announcement(in_hours(40), 1);
    body.as_object_mut().unwrap().retain(|name, _| name != "status" && name != "duration");
    let draft = world.announce(&host, &body).await.is(200);
    assert_eq!(draft.json["status"], "Created");
    assert_eq!(draft.json["duration"], 153, "as long as the film");
    let id = draft.member("id");
    world.announcement(&guest, &id).await.is(200);
    world.book(&guest, &id).await.problem(409, "announcement_not_open");
    let opened = world.change(&host, &id, &json!({ "status": "Alive" })).await.is(200);
    assert_eq!(opened.json["status"], "Alive");
    world.book(&guest, &id).await.is(200);
    world
        .change(&host, &id, &json!({ "status": "Created" }))
        .await
        .problem(409, "announcement_open");
}

#[tokio::test]
async fn what_is_announced_has_rules() {
    let world = World::shared();
    let host = world.given_user("standard").await;
    for (name, value) in [
        ("event_time", json!(in_hours(-1))),
        ("event_time", json!("tomorrow")),
        ("event_time", json!("2027-06-30T23:59:60Z")),
        ("event_time", json!("+262142-12-31T23:59:59")),
        ("tickets_count", json!(0)),
        ("tickets_count", json!(1_001)),
        ("duration", json!(0)),
        ("title", json!(" ")),
        ("title", json!("x".repeat(201))),
        ("description", json!("x".repeat(4_001))),
        ("event_location", json!("")),
        ("status", json!("Closed")),
        ("status", json!("Done")),
        ("status", json!("Open")),
    ] {
        let mut body = announcement(in_hours(30), 2);
        body[name] = value;
        let refused = world.announce(&host, &body).await.problem(422, "invalid_fields");
        let errors = refused.field_errors();
        assert!(!errors.is_empty(), "{name}");
        assert!(errors.iter().all(|error| error.starts_with(name)), "{name}");
    }
    let unknown = format!("/app/v1/announcement/{}", Uuid::new_v4());
    let body = announcement(in_hours(30), 2);
    world.post_as(&host, &unknown, &body).await.problem(404, "not_found");
}

#[tokio::test]
async fn only_a_film_that_is_in_cinemas_can_be_announced() {
    let world = World::shared();
    let (host, admin) = (world.given_user("standard").await, world.given_admin().await);
    let film = Uuid::new_v4();
    let described = json!({ "title": "Nosferatu", "duration": 94, "in_cinemas": false });
    let path = format!("/movie_api/v1/movie/{film}");
    world.by(&admin, Method::PUT, &path).json(&described).ask().await.is(201);
    let body = announcement(in_hours(30), 2);
    let path = format!("/app/v1/announcement/{film}");
    let refused = world.post_as(&host, &path, &body).await.problem(422, "invalid_fields");
    assert!(refused.text.contains("movie_id"));
}

#[tokio::test]
async fn a_time_without_a_zone_is_utc() {
    let world = World::shared();
    let host = world.given_user("standard").await;
    let start = in_hours(50);
    let mut body = announcement(start, 2);
    body["event_time"] = json!(start.format("%Y-%m-%dT%H:%M:%S").to_string());
    let made = world.announce(&host, &body).await.is(200);
    assert_eq!(made.member("event_time"), start.format("%Y-%m-%dT%H:%M:%SZ").to_string());
}

/// An earlier implementation: the same host could not announce two, and nobody else could announce
/// one at a time that anybody had taken.
#[tokio::test]
async fn event_time_was_unique_across_all_hosts() {
    let world = World::shared();
    let start = in_hours(60);
    let first = world.given_outing(2, start).await;
    world.given_outing(2, start).await;
    for start in [start, start + chrono::TimeDelta::minutes(119)] {
        let again = world.announce(&first.host, &announcement(start, 2)).await;
        again.problem(409, "time_taken");
    }
    let after = start + chrono::TimeDelta::minutes(120);
    world.announce(&first.host, &announcement(after, 2)).await.is(200);
}

/// An earlier implementation.
#[tokio::test]
async fn an_unknown_announcement_was_a_500() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    let unknown = Uuid::new_v4().to_string();
    world.announcement(&user, &unknown).await.problem(404, "not_found");
    world.change(&user, &unknown, &json!({})).await.problem(404, "not_found");
    world.call_off(&user, &unknown).await.problem(404, "not_found");
    world.book(&user, &unknown).await.problem(404, "not_found");
    world.booking(&user, &unknown).await.problem(404, "not_found");
    let review = json!({ "score": 5 });
    world.rate(&user, &unknown, &review).await.problem(404, "not_found");
    world.get_as(&user, &format!("/app/v1/reviews/{unknown}")).await.problem(404, "not_found");
    world.announcement(&user, "7").await.is(400);
}

#[tokio::test]
async fn only_the_host_changes_and_calls_off() {
    let world = World::shared();
    let outing = world.given_outing(2, in_hours(30)).await;
    let (guest, _) = world.given_guest(&outing).await;
    let change = json!({ "title": "Mine" });
    world.change(&guest, &outing.id, &change).await.problem(403, "forbidden");
    world.call_off(&guest, &outing.id).await.problem(403, "forbidden");
    let changed = world.change(&outing.host, &outing.id, &change).await.is(200);
    assert_eq!(
        (&changed.json["title"], &changed.json["tickets_left"]),
        (&json!("Mine"), &json!(1))
    );
    let seen = world.announcement(&guest, &outing.id).await.is(200);
    assert_eq!(seen.json["title"], "Mine");
    assert_eq!(seen.header("etag"), changed.header("etag"));
}

/// An earlier implementation clamped the shortage to 0 in the answer.
#[tokio::test]
async fn a_host_could_accept_beyond_capacity() {
    let world = World::shared();
    let outing = world.given_outing(2, in_hours(30)).await;
    let (_, third) = world.given_applicant(&outing).await;
    for _ in 0..2 {
        world.given_guest(&outing).await;
    }
    world.say(&outing.host, &third, true).await.problem(409, "announcement_full");
    let fewer = json!({ "tickets_count": 1 });
    world.change(&outing.host, &outing.id, &fewer).await.problem(409, "places_taken");
    let more = json!({ "tickets_count": 3 });
    let changed = world.change(&outing.host, &outing.id, &more).await.is(200);
    assert_eq!(changed.json["status"], "Alive");
    world.say(&outing.host, &third, true).await.is(200);
}

#[tokio::test]
async fn what_is_called_off_is_no_more_and_its_host_is_free() {
    let world = World::shared();
    let outing = world.given_outing(2, in_hours(30)).await;
    let (guest, booking) = world.given_guest(&outing).await;
    world.call_off(&outing.host, &outing.id).await.is(200);
    world.announcement(&guest, &outing.id).await.problem(404, "not_found");
    let over = world.booking(&guest, &booking).await.is(200);
    assert_eq!(over.json["author_status"], false, "it takes nobody along");
    world.say(&guest, &booking, false).await.problem(409, "announcement_not_open");
    world.announce(&outing.host, &announcement(outing.start, 1)).await.is(200);
    let admin = world.given_admin().await;
    let known = world.get_as(&admin, &format!("/admin/announcements/{}", outing.id)).await.is(200);
    assert_eq!(known.json["status"], "Closed");
    let guest = &known.json["guest_list"][0];
    assert_eq!((&guest["booking_id"], &guest["author_status"]), (&json!(booking), &json!(false)));
}

#[tokio::test]
async fn a_repeated_call_is_answered_as_the_first_was() {
    let world = World::shared();
    let host = world.given_user("standard").await;
    let body = announcement(in_hours(30), 2);
    let path = format!("/app/v1/announcement/{METROPOLIS}");
    let key = Uuid::new_v4().to_string();
    let make = || {
        let request = world.by(&host, Method::POST, &path).json(&body);
        request.header("Idempotency-Key", &key).ask()
    };
    let (first, again) = (make().await.is(200), make().await.is(200));
    assert_eq!((&first.json, first.header("etag")), (&again.json, again.header("etag")));
    let delete = || {
        let path = format!("/app/v1/announcement/{}", first.member("id"));
        world.by(&host, Method::DELETE, &path).header("Idempotency-Key", &key).ask()
    };
    assert_eq!(delete().await.is(200).json, delete().await.is(200).json);
}

/// What a call speaks of may be gone when it is repeated.
#[tokio::test]
async fn a_repeat_is_answered_whatever_has_become_of_the_film() {
    let world = World::shared();
    let (host, admin) = (world.given_user("standard").await, world.given_admin().await);
    let film = Uuid::new_v4();
    let put = async |in_cinemas: bool, status: u16| {
        let described = json!({ "title": "Faust", "duration": 106, "in_cinemas": in_cinemas });
        let path = format!("/movie_api/v1/movie/{film}");
        world.by(&admin, Method::PUT, &path).json(&described).ask().await.is(status);
    };
    put(true, 201).await;
    let (path, body) = (format!("/app/v1/announcement/{film}"), announcement(in_hours(30), 2));
    let key = Uuid::new_v4().to_string();
    let make = || {
        let request = world.by(&host, Method::POST, &path).json(&body);
        request.header("Idempotency-Key", &key).ask()
    };
    let first = make().await.is(200);
    put(false, 200).await;
    let again = make().await.is(200);
    assert_eq!((&first.json, first.header("etag")), (&again.json, again.header("etag")));
    // A change of what was called off since.
    let path = format!("/app/v1/announcement/{}", first.member("id"));
    let change = || {
        let request = world.by(&host, Method::PUT, &path).json(&json!({ "title": "Other" }));
        request.header("Idempotency-Key", &key).ask()
    };
    let changed = change().await.is(200);
    assert_eq!(changed.json["title"], "Other");
    world.call_off(&host, &first.member("id")).await.is(200);
    assert_eq!(change().await.is(200).json, changed.json);
}

/// An earlier version answered with texts it had read before it decided.
#[tokio::test]
async fn changes_made_at_once_are_answered_with_what_they_came_to() {
    let world = World::shared();
    let outing = world.given_outing(2, in_hours(30)).await;
    let titles: Vec<String> = (0..6).map(|n| format!("Title {n}")).collect();
    let bodies: Vec<_> = titles.iter().map(|title| json!({ "title": title })).collect();
    let free = json!({ "is_free": false });
    let changes = bodies.iter().chain([&free, &free]);
    let changes = changes.map(|change| world.change(&outing.host, &outing.id, change));
    for (nth, answer) in futures_util::future::join_all(changes).await.into_iter().enumerate() {
        let answer = answer.is(200);
        let title = answer.member("title");
        match titles.get(nth) {
            Some(own) => assert_eq!(title, *own),
            None => assert!(!title.is_empty()),
        }
        assert_eq!(answer.json["event_location"], "Cinema Mir, hall 2");
    }
}

#[tokio::test]
async fn a_change_of_what_was_seen_otherwise_is_refused() {
    let world = World::shared();
    let outing = world.given_outing(2, in_hours(30)).await;
    let seen = world.announcement(&outing.host, &outing.id).await.is(200);
    world.given_applicant(&outing).await;
    let path = format!("/app/v1/announcement/{}", outing.id);
    let change = world.by(&outing.host, Method::PUT, &path).json(&json!({ "is_free": false }));
    let stale = change.header("If-Match", seen.header("etag")).ask().await;
    stale.problem(412, "precondition_failed");
}

#[tokio::test]
async fn what_people_write_is_in_no_event() {
    let world = World::shared();
    let host = world.given_user("standard").await;
    let (mark, mut body) = (Uuid::new_v4().to_string(), announcement(in_hours(30), 2));
    for name in ["title", "description", "event_location"] {
        body[name] = json!(mark);
    }
    let made = world.announce(&host, &body).await.is(200);
    assert_eq!(made.member("event_location"), mark);
    let told = format!("select count(*) from events where payload::text like '%{mark}%'");
    assert_eq!(world.count(&told).await, 0);
    let kept = format!("select count(*) from vault where value = '{mark}'");
    assert_eq!(world.count(&kept).await, 3);
}
