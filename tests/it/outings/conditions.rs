//! Conditions of calls: as somebody has seen it, once however often, and not too often.

use reqwest::Method;
use serde_json::{Value, json};

use super::given::{announcement, in_hours};
use crate::catalogue::METROPOLIS;
use crate::gate::limits::is_limited;
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::User;

impl World {
    /// A call of what was seen with this tag.
    async fn if_match(&self, call: (&User, Method, &str), tag: &str, body: &Value) -> Answer {
        self.with_header(call, ("If-Match", tag), body).await
    }

    /// A call that may be repeated.
    pub(super) async fn keyed(
        &self,
        call: (&User, Method, &str),
        key: &str,
        body: &Value,
    ) -> Answer {
        self.with_header(call, ("Idempotency-Key", key), body).await
    }

    async fn with_header(
        &self,
        (by, method, path): (&User, Method, &str),
        (name, value): (&str, &str),
        body: &Value,
    ) -> Answer {
        self.by(by, method, path).header(name, value).json(body).ask().await
    }
}

#[tokio::test]
async fn an_announcement_is_called_off_only_as_its_host_has_seen_it() {
    let world = World::shared();
    let outing = world.given_outing(2, in_hours(30)).await;
    let host = &outing.host;
    let path = format!("/app/v1/announcement/{}", outing.id);
    let call_off =
        async |tag: &str| world.if_match((host, Method::DELETE, &path), tag, &Value::Null).await;
    let seen = world.announcement(host, &outing.id).await.is(200);
    world.given_applicant(&outing).await;
    for stale in [seen.header("etag"), "\"999\"", "x"] {
        call_off(stale).await.problem(412, "precondition_failed");
    }
    let now = world.announcement(host, &outing.id).await.is(200);
    call_off(now.header("etag")).await.is(200);
    world.announcement(host, &outing.id).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_booking_is_answered_and_removed_only_as_it_was_seen() {
    let world = World::shared();
    let outing = world.given_outing(2, in_hours(30)).await;
    let (guest, booking) = world.given_applicant(&outing).await;
    let path = format!("/app/v1/booking/{booking}");
    let (yes, none) = (json!({ "my_status": true }), Value::Null);
    for (by, method, body, name) in [
        (&outing.host, Method::PUT, &yes, "author_status"),
        (&guest, Method::DELETE, &none, "guest_status"),
    ] {
        let seen = world.booking(by, &booking).await.is(200);
        // A booking is as current as its announcement.
        let title = json!({ "title": format!("Seen by {name}") });
        world.change(&outing.host, &outing.id, &title).await.is(200);
        let call = async |tag: &str| world.if_match((by, method.clone(), &path), tag, body).await;
        call(seen.header("etag")).await.problem(412, "precondition_failed");
        let now = world.booking(by, &booking).await.is(200);
        assert_eq!(now.json[name], seen.json[name], "nothing has happened");
        call(now.header("etag")).await.is(200);
    }
    world.booking(&guest, &booking).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_change_of_mind_is_not_undone_by_a_repeat() {
    let world = World::shared();
    let outing = world.given_outing(2, in_hours(30)).await;
    let (guest, booking) = world.given_applicant(&outing).await;
    let path = format!("/app/v1/booking/{booking}");
    let say = async |by: &User, yes: bool| {
        world.keyed((by, Method::PUT, &path), &booking, &json!({ "my_status": yes })).await
    };
    let accepted = say(&outing.host, true).await.is(200);
    world.say(&outing.host, &booking, false).await.is(200);
    let again = say(&outing.host, true).await.is(200);
    assert_eq!((&again.json, again.header("etag")), (&accepted.json, accepted.header("etag")));
    assert_eq!(world.booking(&guest, &booking).await.json["author_status"], false);
    say(&outing.host, false).await.problem(422, "idempotency_key_reused");
    let withdrawn = say(&guest, false).await.is(200);
    assert_eq!(withdrawn.json["guest_status"], false, "another caller's key is another");
}

#[tokio::test]
async fn a_repeated_review_is_one_review() {
    let world = World::with_test_clock().await;
    let outing = world.given_short_outing(1).await;
    let (guest, _) = world.given_guest(&outing).await;
    world.move_clock_to(outing.short_end()).await;
    let path = format!("/app/v1/reviews/{}", outing.id);
    let rate = async |score: u8| {
        let review = json!({ "score": score, "review_text": "Good company" });
        world.keyed((&guest, Method::POST, &path), "one", &review).await
    };
    let made = rate(5).await.is(200);
    let better = json!({ "score": 4, "review_text": "Good company" });
    world.rate(&guest, &outing.id, &better).await.is(200);
    let again = rate(5).await.is(200);
    assert_eq!((&again.json, again.header("etag")), (&made.json, made.header("etag")));
    rate(4).await.problem(422, "idempotency_key_reused");
    let rated = "select count(*) from events where event_type in ('Rated', 'Revised')";
    assert_eq!(world.count(rated).await, 2, "the repeat revised nothing");
    world.system.stop().await.unwrap();
}

/// Announcing, applying and answering are counted together; reading is not.
#[tokio::test]
async fn an_account_changes_outings_only_so_often() {
    let world = World::start(&[("RATE_LIMITS", "on"), ("OUTINGS_CHANGES_PER_MINUTE", "3")]).await;
    let outing = world.given_outing(2, in_hours(30)).await;
    let (guest, booking) = world.given_applicant(&outing).await;
    let host = &outing.host;
    for (yes, left) in [(true, 1), (false, 0)] {
        let said = world.say(host, &booking, yes).await.is(200);
        assert_eq!(said.header("ratelimit-policy"), "\"outings\";q=3;w=60");
        assert!(said.header("ratelimit").starts_with(&format!("\"outings\";r={left};t=")));
    }
    let policy = "\"outings\";q=3;w=60";
    is_limited(world.say(host, &booking, true).await, policy);
    is_limited(world.call_off(host, &outing.id).await, policy);
    is_limited(world.change(host, &outing.id, &json!({ "title": "Other" })).await, policy);
    is_limited(world.announce(host, &announcement(in_hours(40), 1)).await, policy);
    is_limited(world.rate(host, &outing.id, &json!({ "score": 5 })).await, policy);
    let seen = world.booking(host, &booking).await.is(200);
    assert_eq!(seen.json["author_status"], false, "what is refused does not happen");
    world.get_as(host, &format!("/app/v1/announcements?filter[movie]={METROPOLIS}")).await.is(200);
    world.say(&guest, &booking, false).await.is(200);
    world.system.stop().await.unwrap();
}
