//! Stadiums, their seats, and named prices.

use reqwest::Method;
use serde_json::json;

use super::given::nothing;
use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::Ask;

#[tokio::test]
async fn the_index_names_every_collection() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    let index = world.get_as(&user, "/api/").await.is(200).json;
    for name in ["ticket", "stadium", "seat", "match", "wallet", "price"] {
        let url = index[name].as_str().unwrap();
        assert!(url.ends_with(&format!("/api/{name}/")), "{url}");
    }
    world.get("/api/").ask().await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn an_administrator_defines_stadiums_and_everybody_reads_them() {
    let world = World::shared();
    let (admin, user) = (world.given_admin().await, world.given_user("standard").await);
    let id = world.given_stadium(&admin, &[]).await;
    let path = format!("/api/stadium/{id}/");
    let seen = world.get_as(&user, &path).await.is(200);
    assert_eq!(seen.json, json!({ "id": id, "name": "Arena", "description": "A hall" }));
    assert_eq!(seen.header("etag"), "\"1\"");
    let body = json!({ "name": "Dome" });
    let stale = world.by(&admin, Method::PATCH, &path).header("If-Match", "\"7\"").json(&body);
    stale.ask().await.problem(412, "precondition_failed");
    let fresh = world.by(&admin, Method::PATCH, &path).header("If-Match", "\"1\"").json(&body);
    assert_eq!(fresh.ask().await.is(200).json["name"], "Dome");
    let whole = world.by(&admin, Method::PUT, &path).json(&json!({ "description": "Big" }));
    let whole = whole.ask().await.is(200);
    assert_eq!(whole.json, json!({ "id": id, "description": "Big" }));
    let refused = world.by(&user, Method::PATCH, &path).json(&body).ask().await;
    refused.problem(403, "forbidden");
    let listed = async || {
        let list = world.get_as(&user, "/api/stadium/?limit=200").await.is(200);
        list.json.as_array().unwrap().iter().any(|stadium| stadium["id"] == id)
    };
    eventually("it is listed", listed).await;
    world.by(&admin, Method::DELETE, &path).ask().await.is(204);
    world.get_as(&user, &path).await.problem(404, "not_found");
    world.get_as(&user, "/api/stadium/7").await.problem(400, "malformed_parameter");
    let refused = world.post_as(&admin, "/api/stadium/", &json!({})).await;
    assert_eq!(refused.problem(422, "invalid_fields").field_errors(), ["description: is required"]);
}

#[tokio::test]
async fn seats_are_unique_within_their_stadium_however_they_came() {
    let world = World::shared();
    let admin = world.given_admin().await;
    let stadium = world.given_stadium(&admin, &[("A", 2, 3)]).await;
    let seat = json!({ "stadium": stadium, "section": "A", "row": 2, "seat_number": 4 });
    let made = world.post_as(&admin, "/api/seat/", &seat).await.is(201);
    assert_eq!(made.json["number"], 4);
    world.post_as(&admin, "/api/seat/", &seat).await.problem(409, "seat_exists");
    let planned = json!({ "stadium": stadium, "section": "A", "row": 2, "number": 3 });
    world.post_as(&admin, "/api/seat/", &planned).await.problem(409, "seat_exists");
    let path = format!("/api/seat/{}/", made.member("id"));
    let onto = world.by(&admin, Method::PATCH, &path).json(&json!({ "number": 3 }));
    onto.ask().await.problem(409, "seat_exists");
    let aside = world.by(&admin, Method::PATCH, &path).json(&json!({ "number": 5 }));
    assert_eq!(aside.ask().await.is(200).json["number"], 5);
    let again = world.post_as(&admin, "/api/seat/", &seat).await;
    again.is(201);
    let count = async || {
        let list = format!("/api/seat/?stadium={stadium}&limit=200");
        world.get_as(&admin, &list).await.is(200).json.as_array().unwrap().len()
    };
    eventually("all seats are listed", async || count().await == 8).await;
    world.by(&admin, Method::DELETE, &path).ask().await.is(204);
    eventually("it is gone", async || world.get_as(&admin, &path).await.status == 404).await;
    let nowhere = json!({ "stadium": nothing(), "number": 1 });
    world.post_as(&admin, "/api/seat/", &nowhere).await.problem(404, "not_found");
    let bad = world.post_as(&admin, "/api/seat/", &json!({ "stadium": stadium })).await;
    assert_eq!(bad.problem(422, "invalid_fields").field_errors(), ["number: is required"]);
}

#[tokio::test]
async fn a_plan_of_fifty_thousand_seats_is_one_call_and_one_event() {
    let world = World::shared();
    let admin = world.given_admin().await;
    let stadium = world.given_stadium(&admin, &[]).await;
    let section = |name| json!({ "name": name, "rows": 100, "seats_per_row": 250 });
    let plan = json!({ "sections": [section("North"), section("South")] });
    let path = format!("/api/stadium/{stadium}/seats");
    for _ in 0..2 {
        let planned = world.post_as(&admin, &path, &plan).await.is(201);
        assert_eq!(planned.json["seats"], 50_000, "a repeat changes nothing");
    }
    assert_eq!(world.events_of(stadium.parse().unwrap()).await, ["Defined", "SeatsPlanned"]);
    let other = json!({ "sections": [{ "name": "North", "rows": 1, "seats_per_row": 1 }] });
    world.post_as(&admin, &path, &other).await.problem(409, "seat_exists");
    let bad = json!({ "sections": [{ "name": "", "rows": 0, "seats_per_row": 1001 }] });
    let refused = world.post_as(&admin, &path, &bad).await.problem(422, "invalid_fields");
    assert_eq!(refused.field_errors().len(), 3, "{}", refused.text);
    let rows = format!("select count(*) from stadium_seats where stadium_id = '{stadium}'");
    eventually("every seat has a row", async || world.count(&rows).await == 50_000).await;
}

#[tokio::test]
async fn a_price_is_named_and_stays_within_its_bounds() {
    let world = World::shared();
    let (admin, user) = (world.given_admin().await, world.given_user("standard").await);
    let id = world.given_price(&admin).await;
    let path = format!("/api/price/{id}/");
    let seen = world.get_as(&user, &path).await.is(200).json;
    assert_eq!(seen, json!({ "id": id, "name": "Adults", "unit_price": 20 }));
    let change = |price| json!({ "unit_price": price });
    for bad in [0.0, 0.001, -1.0, 1_000_000.01] {
        let refused = world.by(&admin, Method::PATCH, &path).json(&change(bad)).ask().await;
        refused.problem(422, "invalid_fields");
    }
    for good in [0.01, 1_000_000.0, 19.99] {
        let changed = world.by(&admin, Method::PATCH, &path).json(&change(good)).ask().await;
        changed.is(200);
    }
    let body = json!({ "name": "Children", "unit_price": 5 });
    let put = world.by(&admin, Method::PUT, &path).json(&body).ask().await.is(200);
    assert_eq!(put.json["name"], "Children");
    world.by(&user, Method::PUT, &path).json(&body).ask().await.problem(403, "forbidden");
    world.by(&admin, Method::DELETE, &path).ask().await.is(204);
    world.get_as(&user, &path).await.problem(404, "not_found");
}
