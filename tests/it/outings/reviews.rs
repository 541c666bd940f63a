//! Rating each other when it is over.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use super::given::Outing;
use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::User;

impl World {
    async fn read_reviews(&self, by: &User, announcement: &str) -> Vec<Value> {
        let list = self.get_as(by, &format!("/app/v1/reviews/{announcement}")).await.is(200);
        list.json.as_array().unwrap().clone()
    }

    async fn average(&self, by: &User, of: &str) -> Answer {
        self.get_as(by, &format!("/app/v1/average_score/{of}")).await
    }
}

/// An outing that is over, with two guests, somebody who was declined, and the guests' ids.
struct Over {
    outing: Outing,
    first: User,
    second: User,
    declined: User,
}

async fn given_over(world: &World) -> Over {
    let outing = world.given_short_outing(2).await;
    let (declined, booking) = world.given_applicant(&outing).await;
    world.say(&outing.host, &booking, false).await.is(200);
    let (first, _) = world.given_guest(&outing).await;
    let (second, _) = world.given_guest(&outing).await;
    let score = json!({ "score": 5 });
    world.rate(&first, &outing.id, &score).await.problem(409, "outing_not_over");
    world.move_clock_to(outing.short_end()).await;
    Over { outing, first, second, declined }
}

/// Earlier implementations: no bounds, by people who were not there, twice; ratings were random
/// numbers, and the average mixed all events.
#[tokio::test]
async fn reviews_had_no_bounds_and_were_by_people_who_were_not_there_and_twice() {
    let world = World::with_test_clock().await;
    let Over { outing, first, second, declined } = given_over(&world).await;
    let (host, id) = (&outing.host, &outing.id);
    let host_id = world.id_of(host).await;
    let first_id = world.id_of(&first).await;
    let stranger = world.given_user("standard").await;
    for by in [&declined, &stranger] {
        world.rate(by, id, &json!({ "score": 5 })).await.problem(403, "forbidden");
    }
    for score in [json!(0), json!(6), json!(-1), json!("5"), Value::Null] {
        let refused = world.rate(&first, id, &json!({ "score": score })).await;
        assert!(refused.problem(422, "invalid_fields").text.contains("score"));
    }
    let long = json!({ "score": 5, "review_text": "x".repeat(4_001) });
    world.rate(&first, id, &long).await.problem(422, "invalid_fields");
    let of_whom =
        [json!({ "score": 5 }), json!({ "score": 5, "about": world.id_of(&declined).await })];
    for body in of_whom {
        let refused = world.rate(host, id, &body).await.problem(422, "invalid_fields");
        assert!(refused.text.contains("about"));
    }

    let said = json!({ "score": 4, "review_text": "Good company" });
    let made = world.rate(&first, id, &said).await.is(200);
    assert_eq!((&made.json["published"], &made.json["about_id"]), (&json!(false), &json!(host_id)));
    assert_eq!(world.read_reviews(host, id).await.len(), 0, "hidden until both have rated");
    assert_eq!(world.average(&first, &host_id).await.json["average_score"], 0.0);
    let better = json!({ "score": 5, "review_text": "Good company" });
    let again = world.rate(&first, id, &better).await.is(200);
    assert_eq!(again.json["id"], made.json["id"], "it is the same review");

    let of_first = json!({ "score": 3, "about": first_id });
    assert_eq!(world.rate(host, id, &of_first).await.is(200).json["published"], true);
    let read = world.read_reviews(&second, id).await;
    assert_eq!(read.len(), 2);
    let by_first = (&read[0]["score"], &read[0]["review_text"]);
    assert_eq!(by_first, (&json!(5), &json!("Good company")));
    world.rate(&first, id, &said).await.problem(409, "review_published");
    let average = world.average(&first, &host_id).await.is(200).json;
    assert_eq!((&average["average_score"], &average["votes"]), (&json!(3.75), &json!(1)));
    let seen = world.announcement(&first, id).await.json;
    assert_eq!(seen["author_rating"], 3.75);
    let unknown = uuid::Uuid::new_v4().to_string();
    world.average(&first, &unknown).await.problem(404, "not_found");
    world.until_projected("outings").await;
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

/// An earlier implementation mixed all events.
#[tokio::test]
async fn an_average_is_of_one_host_alone_and_of_what_can_be_read() {
    let world = World::with_test_clock().await;
    let (first, second) = (world.given_short_outing(1).await, world.given_short_outing(1).await);
    let (by_first, _) = world.given_guest(&first).await;
    let (by_second, _) = world.given_guest(&second).await;
    let hosts = [world.id_of(&first.host).await, world.id_of(&second.host).await];
    let end = first.short_end().max(second.short_end());
    world.move_clock_to(end).await;
    world.rate(&by_first, &first.id, &json!({ "score": 5 })).await.is(200);
    world.rate(&by_second, &second.id, &json!({ "score": 2 })).await.is(200);
    world.rate(&by_second, &first.id, &json!({ "score": 1 })).await.problem(403, "forbidden");
    let published = TimeDelta::days(14);
    let early = first.short_end().min(second.short_end()) + published;
    world.move_clock_to(early - TimeDelta::minutes(1)).await;
    let reader = world.logged_in_again(&by_first).await;
    for host in &hosts {
        let average = world.average(&reader, host).await.is(200).json;
        assert_eq!((&average["average_score"], &average["votes"]), (&json!(0.0), &json!(0)));
    }
    world.move_clock_to(end + published).await;
    for (host, score) in hosts.iter().zip([3.75, 3.25]) {
        let average = world.average(&reader, host).await.is(200).json;
        assert_eq!((&average["average_score"], &average["votes"]), (&json!(score), &json!(1)));
    }
    world.until_projected("outings").await;
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn what_nobody_answers_can_be_read_after_fourteen_days() {
    let world = World::with_test_clock().await;
    let Over { outing, first, .. } = given_over(&world).await;
    let (host, id) = (&outing.host, &outing.id);
    world.rate(&first, id, &json!({ "score": 2 })).await.is(200);
    let end = outing.short_end();
    world.move_clock_to(end + TimeDelta::days(14) - TimeDelta::minutes(5)).await;
    let reader = world.logged_in_again(&first).await;
    assert_eq!(world.read_reviews(&reader, id).await.len(), 0);
    world.move_clock_to(end + TimeDelta::days(14)).await;
    assert_eq!(world.read_reviews(&reader, id).await.len(), 1);
    let published = "select count(*) from events where aggregate = 'rating' \
                     and event_type = 'Published'";
    eventually("it is recorded", async || world.count(published).await == 1).await;
    assert_eq!(world.read_reviews(&reader, id).await.len(), 1);
    let changed = world.rate(&reader, id, &json!({ "score": 1 })).await;
    changed.problem(409, "review_published");
    // Who rates late is read at once.
    let host = world.logged_in_again(host).await;
    let about = world.id_of(&reader).await;
    let late = json!({ "score": 4, "about": about });
    assert_eq!(world.rate(&host, id, &late).await.is(200).json["published"], true);
    assert_eq!(world.read_reviews(&reader, id).await.len(), 2);
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_review_is_edited_only_as_its_author_has_seen_it() {
    let world = World::with_test_clock().await;
    let Over { outing, first, .. } = given_over(&world).await;
    let path = format!("/app/v1/reviews/{}", outing.id);
    let rate = async |tag: &str, score: u8| {
        let post = world.by(&first, Method::POST, &path).header("If-Match", tag);
        post.json(&json!({ "score": score })).ask().await
    };
    rate("\"1\"", 5).await.problem(412, "precondition_failed");
    let made = world.rate(&first, &outing.id, &json!({ "score": 5 })).await.is(200);
    assert_eq!(made.header("etag"), "\"1\"");
    assert_eq!(rate("\"1\"", 4).await.is(200).header("etag"), "\"2\"");
    for (tag, score) in [("\"1\"", 3), ("\"1\"", 4), ("x", 3)] {
        rate(tag, score).await.problem(412, "precondition_failed");
    }
    assert_eq!(rate("\"2\"", 4).await.is(200).header("etag"), "\"2\"", "the same is no change");
    world.system.stop().await.unwrap();
}
