//! Tickets: looking for them, and changing single ones while nobody has them.

use reqwest::Method;
use serde_json::json;

use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::Ask;

#[tokio::test]
async fn tickets_are_found_by_match_section_and_state() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 2, 3), ("B", 1, 3)]).await;
    let user = world.given_user("standard").await;
    let of = format!("/api/ticket/?match={}", sale.id);
    let find = async |more: &str| world.get_as(&user, &format!("{of}{more}")).await.is(200);
    eventually("all are listed", async || find("").await.json.as_array().unwrap().len() == 9).await;
    let first = &find("&limit=1").await.json[0];
    let expected = json!({
        "id": sale.ticket("A", 1, 1), "match": sale.id, "seat": sale.seat("A", 1, 1),
        "section": "A", "row": 1, "number": 1, "price": sale.price, "unit_price": 20,
        "status": 4, "status_name": "empty",
    });
    assert_eq!(*first, expected);
    assert_eq!(find("&section=B").await.json.as_array().unwrap().len(), 3);
    let ticket = sale.ticket("B", 1, 2);
    world.reserve(&user, &ticket).await.is(200);
    eventually("it is listed as reserved", async || {
        find("&status=1").await.json[0]["id"] == ticket
    })
    .await;
    assert_eq!(find("&status=4&section=B").await.json.as_array().unwrap().len(), 2);
    let sold = world.given_purchase(&sale, 1).await.ticket;
    let withdrawn = sale.ticket("A", 1, 2);
    let withdraw = world.by(&sale.admin, Method::DELETE, &format!("/api/ticket/{withdrawn}/"));
    withdraw.ask().await.is(204);
    for (status, word, ticket) in [(3, "confirmed", &sold), (2, "cancelled", &withdrawn)] {
        let listed = async || find(&format!("&status={status}")).await.json;
        let only = async || listed().await.as_array().unwrap().len() == 1;
        eventually("it is listed so", only).await;
        let by_id = world.get_as(&user, &format!("/api/ticket/{ticket}/")).await.is(200);
        assert_eq!(listed().await, json!([by_id.json]), "by id it is the same");
        assert_eq!(by_id.json["status_name"], word);
    }
    let page = find("&limit=4").await;
    let next = page.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    let rest = world.get_as(&user, &next).await.is(200);
    assert_eq!(rest.json[0]["id"], sale.ticket("A", 2, 2));
    world.get_as(&user, &format!("{of}&status=6")).await.problem(400, "malformed_parameter");
    world.get(&of).ask().await.problem(401, "unauthenticated");
}

/// An earlier system sold the same seat twice for one match.
#[tokio::test]
async fn a_seat_is_on_sale_once_for_a_match() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 1)]).await;
    let seat = json!({ "stadium": sale.stadium, "section": "A", "row": 1, "number": 2 });
    let seat = world.post_as(&sale.admin, "/api/seat/", &seat).await.is(201).member("id");
    let ticket = json!({ "match": sale.id, "seat": seat, "price": sale.price });
    let made = world.post_as(&sale.admin, "/api/ticket/", &ticket).await.is(201);
    let again = world.post_as(&sale.admin, "/api/ticket/", &ticket).await.is(201);
    assert_eq!(made.json, again.json, "a repeat is harmless");
    let dear = json!({ "name": "Lounge", "unit_price": 99 });
    let dear = world.post_as(&sale.admin, "/api/price/", &dear).await.is(201).member("id");
    let other = json!({ "match": sale.id, "seat": seat, "price": dear });
    world.post_as(&sale.admin, "/api/ticket/", &other).await.problem(409, "ticket_exists");
    let user = world.given_user("standard").await;
    world.post_as(&user, "/api/ticket/", &ticket).await.problem(403, "forbidden");
    world.reserve(&user, &made.member("id")).await.is(200);
    // A repeat tells what it is by now.
    let held = world.post_as(&sale.admin, "/api/ticket/", &ticket).await.is(201);
    assert_eq!((&held.json["id"], &held.json["status"]), (&made.json["id"], &json!(1)));
    let wallet = world.given_money(&user, 20).await;
    world.purchase(&user, &wallet).await.is(200);
    let sold = world.post_as(&sale.admin, "/api/ticket/", &ticket).await.is(201);
    assert_eq!(sold.json["status_name"], "confirmed");
}

/// The place is on sale as the seat's that was there then; a ticket for another would be nothing.
#[tokio::test]
async fn a_place_is_not_on_sale_as_two_seats() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 2)]).await;
    let place = json!({ "stadium": sale.stadium, "section": "G", "row": 1, "number": 1 });
    let seat =
        async |place| world.post_as(&sale.admin, "/api/seat/", place).await.is(201).member("id");
    let offer = async |seat: &str| {
        let ticket = json!({ "match": sale.id, "seat": seat, "price": sale.price });
        world.post_as(&sale.admin, "/api/ticket/", &ticket).await
    };
    let remove = async |seat: &str| {
        let path = format!("/api/seat/{seat}/");
        world.by(&sale.admin, Method::DELETE, &path).ask().await.is(204);
    };
    let first = seat(&place).await;
    let on_sale = offer(&first).await.is(201).member("id");
    remove(&first).await;
    let second = seat(&place).await;
    offer(&second).await.problem(409, "ticket_exists");
    let planned = json!({ "stadium": sale.stadium, "section": "A", "row": 1, "number": 1 });
    remove(&sale.seat("A", 1, 1)).await;
    offer(&seat(&planned).await).await.problem(409, "ticket_exists");
    // Once it is withdrawn, the seat that is there can be put on sale.
    let path = format!("/api/ticket/{on_sale}/");
    world.by(&sale.admin, Method::DELETE, &path).ask().await.is(204);
    let ticket = offer(&second).await.is(201).member("id");
    let user = world.given_user("standard").await;
    world.reserve(&user, &ticket).await.is(200);
    assert_eq!(world.ticket_status(&user, &on_sale).await.0, 2);
}

#[tokio::test]
async fn a_ticket_is_changed_only_while_nobody_holds_or_has_it() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 3)]).await;
    let user = world.given_user("standard").await;
    let dear = json!({ "name": "Lounge", "unit_price": 99 });
    let dear = world.post_as(&sale.admin, "/api/price/", &dear).await.is(201).member("id");
    let path = format!("/api/ticket/{}/", sale.ticket("A", 1, 1));
    let change = json!({ "price": dear });
    let patch = async |tag: &str| {
        let request = world.by(&sale.admin, Method::PATCH, &path).json(&change);
        request.header("If-Match", tag).ask().await
    };
    let tag = world.get_as(&user, &path).await.is(200).header("etag").to_owned();
    patch("\"99\"").await.problem(412, "precondition_failed");
    assert_eq!(patch(&tag).await.is(200).json["unit_price"], 99);
    patch(&tag).await.problem(412, "precondition_failed");
    let whole = json!({ "match": sale.id, "seat": sale.seat("A", 1, 1), "price": sale.price });
    let put = async |body: &serde_json::Value| {
        world.by(&sale.admin, Method::PUT, &path).json(body).ask().await
    };
    assert_eq!(put(&whole).await.is(200).json["unit_price"], 20);
    let bare = json!({ "price": dear });
    put(&bare).await.problem(422, "invalid_fields");
    let other = json!({ "match": sale.id, "seat": sale.seat("A", 1, 2), "price": sale.price });
    put(&other).await.problem(422, "invalid_fields");
    world.reserve(&user, &sale.ticket("A", 1, 1)).await.is(200);
    for sold in [false, true] {
        let number = if sold { 2 } else { 1 };
        if sold {
            world.given_purchase(&sale, number).await;
        }
        let path = format!("/api/ticket/{}/", sale.ticket("A", 1, number));
        for (method, body) in [
            (Method::PATCH, json!({ "price": dear })),
            (Method::PUT, if sold { other.clone() } else { whole.clone() }),
            (Method::DELETE, json!({})),
        ] {
            let refused = world.by(&sale.admin, method, &path).json(&body).ask().await;
            let refused = refused.problem(409, "ticket_unavailable");
            refused.says("Somebody holds or has the ticket");
        }
    }
    world.cancel(&user, &sale.ticket("A", 1, 1)).await.is(200);
    world.by(&user, Method::DELETE, &path).ask().await.problem(403, "forbidden");
    world.by(&sale.admin, Method::DELETE, &path).ask().await.is(204);
    world.by(&sale.admin, Method::DELETE, &path).ask().await.problem(404, "not_found");
    assert_eq!(world.ticket_status(&user, &sale.ticket("A", 1, 1)).await.0, 2);
    world.reserve(&user, &sale.ticket("A", 1, 1)).await.problem(404, "not_found");
    // It can be put on sale again.
    let offer = format!("/api/match/{}/tickets", sale.id);
    let again = world.post_as(&sale.admin, &offer, &json!({ "price": sale.price })).await.is(201);
    assert_eq!(again.json["tickets"], 1);
    world.reserve(&user, &sale.ticket("A", 1, 1)).await.is(200);
}
