//! The map of a match's seats: compact, with an entity tag that is the same on every replica, and
//! true after a restart.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;
use shared_events::topology::VENUES_LOG;

use super::given::{Sale, nothing};
use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::User;

impl World {
    async fn seat_map(&self, user: &User, sale: &Sale, known: Option<&str>) -> Answer {
        let path = format!("/api/match/{}/seats", sale.id);
        let request = self.by(user, Method::GET, &path);
        match known {
            Some(tag) => request.header("If-None-Match", tag).ask().await,
            None => request.ask().await,
        }
    }

    /// The digits of a row.
    async fn row(&self, user: &User, sale: &Sale) -> String {
        let map = self.seat_map(user, sale, None).await.is(200).json;
        map["sections"][0]["rows"][0]["seats"].as_str().expect("digits").to_owned()
    }
}

#[tokio::test]
async fn the_map_shows_each_seat_as_a_digit() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 2, 4), ("B", 1, 2)]).await;
    let user = world.given_user("standard").await;
    let map = world.seat_map(&user, &sale, None).await.is(200);
    assert_eq!(map.header("content-type"), "application/json; charset=utf-8");
    let row = |row, seats: &str| json!({ "row": row, "first": 1, "price": 0, "seats": seats });
    let sections = json!([
        { "name": "A", "rows": [row(1, "4444"), row(2, "4444")] },
        { "name": "B", "rows": [row(1, "44")] },
    ]);
    assert_eq!(map.json["sections"], sections);
    assert_eq!(map.json["prices"], json!([{ "id": sale.price, "unit_price": 20 }]));
    world.given_purchase(&sale, 2).await;
    world.reserve(&user, &sale.ticket("A", 1, 3)).await.is(200);
    let shown = async || world.row(&user, &sale).await == "4314";
    eventually("sold and held seats are shown", shown).await;
    let path = format!("/api/match/{}/seats", nothing());
    world.get_as(&user, &path).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_map_that_did_not_change_is_not_sent_again() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 4)]).await;
    let user = world.given_user("standard").await;
    let first = world.seat_map(&user, &sale, None).await.is(200);
    let tag = first.header("etag").to_owned();
    let same = world.seat_map(&user, &sale, Some(&tag)).await.is(304);
    assert_eq!((same.text.as_str(), same.header("etag")), ("", tag.as_str()));
    for answer in [&first, &same] {
        assert_eq!(answer.header("cache-control"), "private, no-cache");
    }
    world.reserve(&user, &sale.ticket("A", 1, 1)).await.is(200);
    let changed = async || world.seat_map(&user, &sale, Some(&tag)).await.status == 200;
    eventually("the map has changed", changed).await;
}

#[tokio::test]
async fn the_end_of_a_hold_changes_the_map_by_the_clock_alone() {
    let world = World::with_test_clock().await;
    let admin = world.given_admin().await;
    let start = world.now().await + TimeDelta::days(30);
    let sale = world.given_sale_at(admin, &[("A", 1, 2)], start).await;
    let user = world.given_user("standard").await;
    let held = world.reserve(&user, &sale.ticket("A", 1, 1)).await.is(200);
    eventually("it is held", async || world.row(&user, &sale).await == "14").await;
    let tag = world.seat_map(&user, &sale, None).await.header("etag").to_owned();
    // Nobody records it.
    world.sql().await.batch_execute("delete from deadlines").await.unwrap();
    world.move_clock_to(held.member("expires_at").parse().unwrap()).await;
    let passed = world.seat_map(&user, &sale, Some(&tag)).await.is(200);
    assert_ne!(passed.header("etag"), tag);
    assert_eq!(world.row(&user, &sale).await, "44");
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_map_shows_matches_that_are_cancelled_or_have_begun_and_what_is_withdrawn() {
    let world = World::with_test_clock().await;
    let admin = world.given_admin().await;
    let start = world.now().await + TimeDelta::days(30);
    let begun = world.given_sale_at(admin.clone(), &[("A", 1, 3)], start).await;
    let cancelled = world.given_sale_at(admin.clone(), &[("A", 1, 3)], start).await;
    let withdraw = format!("/api/ticket/{}/", begun.ticket("A", 1, 3));
    world.by(&admin, Method::DELETE, &withdraw).ask().await.is(204);
    let path = format!("/api/match/{}/", cancelled.id);
    world.by(&admin, Method::DELETE, &path).ask().await.is(204);
    world.given_purchase(&begun, 1).await;
    world.move_clock_to(start).await;
    let user = world.given_user("standard").await;
    let shown = async || world.row(&user, &begun).await == "350";
    eventually("what nobody has bought has expired", shown).await;
    let shown = async || world.row(&user, &cancelled).await == "222";
    eventually("all of it is cancelled", shown).await;
    let expired = async || {
        let path = format!("/api/ticket/?match={}&status=5", begun.id);
        world.get_as(&user, &path).await.is(200).json
    };
    world.until_projected("venues").await;
    assert_eq!(expired().await.as_array().unwrap().len(), 1);
    assert_eq!(expired().await[0]["id"], begun.ticket("A", 1, 2));
    // Long over, it is in nobody's memory any more.
    let last = world.seat_map(&user, &begun, None).await.is(200);
    world.move_clock_to(start + TimeDelta::days(3)).await;
    let user = world.given_user("standard").await;
    for _ in 0..2 {
        let seen = world.seat_map(&user, &begun, None).await.is(200);
        assert_eq!(seen.json["sections"], last.json["sections"]);
    }
    world.seat_map(&user, &begun, Some(last.header("etag"))).await.is(304);
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn every_replica_gives_the_same_map_the_same_tag() {
    let world = World::start(&[]).await;
    let (mut replica, elsewhere) = world.system.replica().await.unwrap();
    let sale = world.given_sale(&[("A", 1, 4)]).await;
    let user = world.given_user("standard").await;
    world.given_purchase(&sale, 1).await;
    world.reserve(&user, &sale.ticket("A", 1, 2)).await.is(200);
    let there = async |known: &str| {
        let url = format!("{elsewhere}/api/match/{}/seats", sale.id);
        let request = world.http().get(url).bearer_auth(&user.token);
        request.header("If-None-Match", known).ask().await
    };
    let here = async || world.seat_map(&user, &sale, None).await.is(200);
    eventually("it is shown here", async || world.row(&user, &sale).await == "3144").await;
    let tag = here().await.header("etag").to_owned();
    eventually("the tag is known there", async || there(&tag).await.status == 304).await;
    assert_eq!(there("\"none\"").await.is(200).text, here().await.text);
    let url = format!("{elsewhere}/api/ticket/{}/reserve/", sale.ticket("A", 1, 3));
    world.http().put(url).bearer_auth(&user.token).ask().await.is(200);
    eventually("it is another there", async || there(&tag).await.status == 200).await;
    let tag = there("\"none\"").await.header("etag").to_owned();
    let same = async || world.seat_map(&user, &sale, Some(&tag)).await.status == 304;
    eventually("and the same here", same).await;
    replica.stop().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn after_a_restart_the_map_and_its_tag_are_the_same() {
    let mut world = World::start(&[]).await;
    let sale = world.given_sale(&[("A", 1, 4)]).await;
    let user = world.given_user("standard").await;
    world.given_purchase(&sale, 1).await;
    world.reserve(&user, &sale.ticket("A", 1, 2)).await.is(200);
    world.reserve(&user, &sale.ticket("A", 1, 3)).await.is(200);
    world.cancel(&user, &sale.ticket("A", 1, 3)).await.is(200);
    eventually("all is shown", async || world.row(&user, &sale).await == "3144").await;
    // From the read tables, and from the log that they lag behind.
    for projected in [true, false] {
        if projected {
            world.until_projected(VENUES_LOG).await;
        } else {
            let other = world.given_user("standard").await;
            world.reserve(&other, &sale.ticket("A", 1, 4)).await.is(200);
            eventually("it is shown", async || world.row(&user, &sale).await == "3141").await;
        }
        let before = world.seat_map(&user, &sale, None).await.is(200);
        world.system.ticketing.kill().await.unwrap();
        world.system.ticketing.start().await.unwrap();
        let same = async || {
            let after = world.seat_map(&user, &sale, None).await;
            after.text == before.text && after.header("etag") == before.header("etag")
        };
        eventually("the map is the same", same).await;
    }
    world.reserve(&user, &sale.ticket("A", 1, 2)).await.problem(409, "ticket_unavailable");
    world.system.stop().await.unwrap();
}
