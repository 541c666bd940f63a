//! Offering tickets: rules, changes, looking for them.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::Ask;

#[tokio::test]
async fn a_ticket_that_is_offered_can_be_found() {
    let world = World::shared();
    let seller = world.given_user("standard").await;
    let title = format!("Concert {}", Uuid::new_v4());
    let listed = world.list_ticket(&seller, &title, 19.99).await.is(201);
    assert_eq!(listed.json["title"], title);
    assert_eq!(listed.json["price"].to_string(), "19.99");
    assert_eq!(listed.json["status"], "free");
    let id = listed.member("id");
    let read = world.get(&format!("/api/tickets/{id}")).ask().await.is(200);
    assert_eq!((&read.json, read.header("etag")), (&listed.json, "\"1\""));
    let text = title.to_uppercase();
    let seller_id = listed.member("userId");
    for query in [format!("q={text}&status=all"), format!("seller={seller_id}")] {
        let found = async || {
            let path = format!("/api/tickets?{query}").replace(' ', "%20");
            world.get(&path).ask().await.is(200).json
        };
        let is_found = async || found().await == json!([listed.json]);
        eventually("the ticket is found", is_found).await;
    }
}

#[tokio::test]
async fn every_broken_rule_is_named() {
    let world = World::shared();
    let seller = world.given_user("standard").await;
    let refused = async |body: Value| {
        let request = world.by(&seller, Method::POST, "/api/tickets").json(&body);
        request.ask().await.problem(422, "invalid_fields").field_errors()
    };
    let price = "price: must be 1 to 1000000, with at most two places";
    let title = "title: must have 1 to 200 characters";
    assert_eq!(refused(json!({ "title": " ", "price": 0 })).await, [title, price]);
    assert_eq!(refused(json!({ "title": "x".repeat(201), "price": 5 })).await, [title]);
    for wrong in [json!(0.99), json!(-5), json!(19.999), json!(1_000_000.01), json!(1e300)] {
        assert_eq!(refused(json!({ "title": "x", "price": wrong })).await, [price], "{wrong}");
    }
    let missing = ["price: is required", "title: is required"];
    let mut errors = refused(json!({})).await;
    errors.sort();
    assert_eq!(errors, missing);
    for right in [json!(1), json!(1.0), json!(1_000_000), json!(19.9)] {
        let body = json!({ "title": "x".repeat(200), "price": right });
        world.by(&seller, Method::POST, "/api/tickets").json(&body).ask().await.is(201);
    }
}

#[tokio::test]
async fn a_seller_changes_what_is_free_and_nobody_else_does() {
    let world = World::shared();
    let deal = world.given_ticket().await;
    let path = format!("/api/tickets/update/{}", deal.ticket);
    let change = json!({ "price": 25 });
    world.request(Method::PUT, &path).json(&change).ask().await.problem(401, "unauthenticated");
    let other = world.by(&deal.buyer, Method::PUT, &path).json(&change).ask().await;
    other.problem(404, "not_found");
    let changed = world.by(&deal.seller, Method::PUT, &path).json(&change).ask().await.is(200);
    assert_eq!((&changed.json["price"], changed.header("etag")), (&json!(25), "\"2\""));
    assert_eq!(changed.json["title"], "Concert, row 7");
    let plain = format!("/api/tickets/{}", deal.ticket);
    let title = json!({ "title": "Opera" });
    let renamed = world.by(&deal.seller, Method::PUT, &plain).json(&title).ask().await.is(200);
    assert_eq!((&renamed.json["title"], &renamed.json["price"]), (&json!("Opera"), &json!(25)));
    let same = world.by(&deal.seller, Method::PUT, &plain).json(&title).ask().await.is(200);
    assert_eq!(same.header("etag"), renamed.header("etag"), "the same again is no change");
    let too_cheap = world.by(&deal.seller, Method::PUT, &plain).json(&json!({ "price": 0.5 }));
    too_cheap.ask().await.problem(422, "invalid_fields");
}

#[tokio::test]
async fn a_change_is_made_only_to_what_was_seen() {
    let world = World::shared();
    let deal = world.given_ticket().await;
    let path = format!("/api/tickets/{}", deal.ticket);
    let put = async |tag: &str, price: u32| {
        let request = world.by(&deal.seller, Method::PUT, &path).header("if-match", tag);
        request.json(&json!({ "price": price })).ask().await
    };
    put("\"1\"", 21).await.is(200);
    put("\"1\"", 22).await.problem(412, "precondition_failed");
    put("garbage", 22).await.problem(412, "precondition_failed");
    put("*", 23).await.is(200);
    assert_eq!(world.ticket(&deal.ticket).await["price"], 23);
    // Whose it is does not depend on what somebody has seen.
    let stranger = world.given_user("standard").await;
    for tag in ["\"1\"", "\"3\""] {
        let request = world.by(&stranger, Method::PUT, &path).header("if-match", tag);
        request.json(&json!({ "price": 1 })).ask().await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn what_is_reserved_or_sold_is_neither_changed_nor_withdrawn() {
    let world = World::shared();
    let ordered = world.given_order().await;
    let (paid, _) = world.given_paid_order().await;
    for (deal, status) in [(&ordered.deal, "held"), (&paid.deal, "sold")] {
        let path = format!("/api/tickets/{}", deal.ticket);
        let change = world.by(&deal.seller, Method::PUT, &path).json(&json!({ "price": 5 }));
        change.ask().await.problem(409, "ticket_reserved").says("Cannot edit a reserved ticket");
        let withdraw = world.by(&deal.seller, Method::DELETE, &path).ask().await;
        withdraw.problem(409, "ticket_reserved");
        let ticket = world.ticket(&deal.ticket).await;
        assert_eq!((&ticket["price"], &ticket["status"]), (&json!(19.99), &json!(status)));
    }
}

#[tokio::test]
async fn a_withdrawn_ticket_is_no_longer_sold() {
    let world = World::shared();
    let deal = world.given_ticket().await;
    let path = format!("/api/tickets/{}", deal.ticket);
    world.by(&deal.buyer, Method::DELETE, &path).ask().await.problem(404, "not_found");
    for _ in 0..2 {
        let gone = world.by(&deal.seller, Method::DELETE, &path).ask().await.is(204);
        assert_eq!(gone.text, "");
    }
    assert_eq!(world.ticket(&deal.ticket).await["status"], "withdrawn");
    world.order_ticket(&deal.buyer, &deal.ticket).await.problem(404, "not_found");
    let change = world.by(&deal.seller, Method::PUT, &path).json(&json!({ "price": 5 }));
    change.ask().await.problem(409, "ticket_withdrawn");
}

#[tokio::test]
async fn lists_are_sorted_filtered_and_paged() {
    let world = World::shared();
    let seller = world.given_user("standard").await;
    let mut ids = Vec::new();
    let mut seller_id = String::new();
    for price in [30.0, 10.0, 20.0] {
        let listed = world.list_ticket(&seller, "Paged", price).await.is(201);
        ids.push(listed.member("id"));
        seller_id = listed.member("userId");
    }
    let list = async |query: &str| {
        let answer = world.get(&format!("/api/tickets?seller={seller_id}{query}")).ask().await;
        let found = answer.is(200);
        let ids = found.json.as_array().unwrap().iter();
        let ids: Vec<String> = ids.map(|t| t["id"].as_str().unwrap().to_owned()).collect();
        (ids, found.header("link").to_owned())
    };
    // A list waits for the projection, but not for ever.
    eventually("all are listed", async || list("").await.0.len() == ids.len()).await;
    let order = |order: [usize; 3]| order.map(|n| ids[n].clone()).to_vec();
    for (sort, expected) in [
        ("created", [0, 1, 2]),
        ("-created", [2, 1, 0]),
        ("price", [1, 2, 0]),
        ("-price", [0, 2, 1]),
    ] {
        assert_eq!(list(&format!("&sort={sort}")).await.0, order(expected), "{sort}");
        let (first, next) = list(&format!("&sort={sort}&limit=2")).await;
        assert_eq!(first, order(expected)[..2]);
        let next = next.strip_prefix('<').unwrap().split('>').next().unwrap().to_owned();
        let last = world.get(&next).ask().await.is(200);
        assert_eq!(last.json[0]["id"], order(expected)[2]);
        assert_eq!((last.json.as_array().unwrap().len(), last.header("link")), (1, ""));
    }
    let cursor = list("&limit=1").await.1;
    let cursor = cursor.split("after=").nth(1).unwrap().split('>').next().unwrap().to_owned();
    let other = format!("/api/tickets?seller={seller_id}&status=sold&after={cursor}");
    world.get(&other).ask().await.problem(400, "invalid_cursor");
}

#[tokio::test]
async fn a_repeated_call_offers_one_ticket() {
    let world = World::shared();
    let seller = world.given_user("standard").await;
    let key = Uuid::new_v4().to_string();
    let list = async |price: u32| {
        let request = world.by(&seller, Method::POST, "/api/tickets/create");
        let body = json!({ "title": "Once", "price": price });
        request.header("idempotency-key", &key).json(&body).ask().await
    };
    let first = list(5).await.is(201);
    assert_eq!(list(5).await.is(201).json, first.json);
    list(6).await.problem(422, "idempotency_key_reused");
}
