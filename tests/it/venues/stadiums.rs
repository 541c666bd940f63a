//! Stadiums, plans of their seats, and named prices.

use reqwest::Method;
use serde_json::{Value, json};

use super::given::some_day;
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
        assert_eq!(url, format!("{}/api/{name}/", world.system.wiring.public_url));
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
    world.by(&admin, Method::DELETE, &path).ask().await.problem(404, "not_found");
    world.get_as(&user, "/api/stadium/7").await.problem(400, "malformed_parameter");
    let refused = world.post_as(&admin, "/api/stadium/", &json!({})).await;
    assert_eq!(refused.problem(422, "invalid_fields").field_errors(), ["description: is required"]);
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
async fn a_plan_is_refused_with_the_name_of_what_is_wrong() {
    let world = World::shared();
    let admin = world.given_admin().await;
    let stadium = world.given_stadium(&admin, &[("A", 2, 3)]).await;
    let path = format!("/api/stadium/{stadium}/seats");
    let section = |name: &str, rows| json!({ "name": name, "rows": rows, "seats_per_row": 1_000 });
    let plan = async |sections: &[Value]| {
        world.post_as(&admin, &path, &json!({ "sections": sections })).await
    };
    for (sections, errors) in [
        (vec![], vec!["sections: must have 1 to 200 items"]),
        (
            vec![section("B", 1), section("C", 1), section(" B ", 1)],
            vec!["sections[2].name: is in the plan already"],
        ),
        (
            vec![section("B", 100), section("C", 1)],
            vec!["sections: must have at most 100000 seats in all"],
        ),
    ] {
        let refused = plan(&sections).await.problem(422, "invalid_fields");
        assert_eq!(refused.field_errors(), errors);
    }
    // By itself it would do, with what is there it is too much.
    plan(&[section("B", 100)]).await.problem(409, "too_many_seats");
    plan(&[section("B", 99)]).await.is(201);
}

#[tokio::test]
async fn a_stadium_is_not_closed_while_matches_will_take_place_there() {
    let world = World::shared();
    let admin = world.given_admin().await;
    let stadium = world.given_stadium(&admin, &[]).await;
    let fixture = world.schedule(&admin, &stadium, some_day()).await.is(201).member("id");
    let path = format!("/api/stadium/{stadium}/");
    let close = async || world.by(&admin, Method::DELETE, &path).ask().await;
    close().await.problem(409, "stadium_in_use");
    let path = format!("/api/match/{fixture}/");
    world.by(&admin, Method::DELETE, &path).ask().await.is(204);
    close().await.is(204);
    world.schedule(&admin, &stadium, some_day()).await.problem(404, "not_found");
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
        let new = json!({ "name": "Adults", "unit_price": bad });
        let refused = world.post_as(&admin, "/api/price/", &new).await;
        let rule = "unit_price: must be 0.01 to 1000000, with at most two places";
        assert_eq!(refused.problem(422, "invalid_fields").field_errors(), [rule]);
    }
    for good in [0.01, 1_000_000.0, 19.99] {
        let changed = world.by(&admin, Method::PATCH, &path).json(&change(good)).ask().await;
        assert_eq!(changed.is(200).json["unit_price"], good);
    }
    let body = json!({ "name": "Children", "unit_price": 5 });
    let put = world.by(&admin, Method::PUT, &path).json(&body).ask().await.is(200);
    assert_eq!(put.json["name"], "Children");
    world.by(&user, Method::PUT, &path).json(&body).ask().await.problem(403, "forbidden");
    world.by(&admin, Method::DELETE, &path).ask().await.is(204);
    world.get_as(&user, &path).await.problem(404, "not_found");
    world.by(&admin, Method::DELETE, &path).ask().await.problem(404, "not_found");
}
