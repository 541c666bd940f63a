//! Ordering: holds, their end, and who may see what.

use chrono::TimeDelta;
use futures_util::future::join;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::given::{just_before, now};
use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::Ask;

#[tokio::test]
async fn who_orders_holds_the_ticket_and_nobody_else_gets_it() {
    let world = World::shared();
    let before = now();
    let ordered = world.given_order().await;
    let lasts = ordered.expires_at - before;
    let quarter = TimeDelta::minutes(15);
    assert!((quarter..quarter + TimeDelta::minutes(1)).contains(&lasts), "{lasts}");
    let order = world.order(&ordered.deal.buyer, &ordered.order).await;
    assert_eq!(order["status"], "created");
    let ticket = json!({ "id": ordered.deal.ticket, "title": "Concert, row 7", "price": 19.99 });
    assert_eq!(order["ticket"], ticket);
    assert_eq!(world.ticket(&ordered.deal.ticket).await["status"], "held");
    let other = world.given_user("standard").await;
    let late = world.order_ticket(&other, &ordered.deal.ticket).await;
    late.problem(409, "ticket_reserved").says("Ticket is already reserved");
    let again = world.order_ticket(&ordered.deal.buyer, &ordered.deal.ticket).await;
    again.problem(409, "ticket_reserved");
}

#[tokio::test]
async fn nobody_orders_their_own_ticket_nor_one_that_is_not_there() {
    let world = World::shared();
    let deal = world.given_ticket().await;
    world.order_ticket(&deal.seller, &deal.ticket).await.problem(403, "own_ticket");
    let nowhere = Uuid::new_v4().to_string();
    world.order_ticket(&deal.buyer, &nowhere).await.problem(404, "not_found");
    world.order_ticket(&deal.buyer, "7").await.problem(422, "invalid_fields");
    let anonymous = world.post("/api/orders").json(&json!({ "ticketId": deal.ticket }));
    anonymous.ask().await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_cancelled_order_gives_its_ticket_back() {
    let world = World::shared();
    let ordered = world.given_order().await;
    let (buyer, seller) = (&ordered.deal.buyer, &ordered.deal.seller);
    world.cancel_order(seller, &ordered.order).await.problem(404, "not_found");
    for _ in 0..2 {
        let cancelled = world.cancel_order(buyer, &ordered.order).await.is(200);
        assert_eq!(cancelled.json["status"], "cancelled");
    }
    assert_eq!(world.ticket(&ordered.deal.ticket).await["status"], "free");
    world.pay(buyer, &ordered.order, "tok_visa").await.problem(409, "order_ended");
    let again = world.order_ticket(buyer, &ordered.deal.ticket).await.is(201);
    let path = format!("/api/orders/{}", again.member("id"));
    world.by(buyer, Method::DELETE, &path).ask().await.is(204);
    assert_eq!(world.ticket(&ordered.deal.ticket).await["status"], "free");
}

#[tokio::test]
async fn people_see_their_own_orders_only() {
    let world = World::shared();
    let ordered = world.given_order().await;
    let path = format!("/api/orders/{}", ordered.order);
    let list = async |user| world.by(user, Method::GET, "/api/orders").ask().await.is(200).json;
    // A list waits for the projection, but not for ever.
    let is_listed = async || list(&ordered.deal.buyer).await[0]["id"] == ordered.order;
    eventually("the order is listed", is_listed).await;
    assert_eq!(list(&ordered.deal.seller).await, json!([]));
    let seller = world.by(&ordered.deal.seller, Method::GET, &path).ask().await;
    seller.problem(404, "not_found");
    world.get(&path).ask().await.problem(401, "unauthenticated");
}

/// An earlier system read the price, and had it changed before it wrote the order.
#[tokio::test]
async fn an_order_has_the_price_of_its_ticket_however_close_the_change_was() {
    let world = World::shared();
    let (seller, buyer) = (world.given_user("standard").await, world.given_user("standard").await);
    for _ in 0..50 {
        let ticket = world.list_ticket(&seller, "Concert", 10.0).await.is(201).member("id");
        let path = format!("/api/tickets/{ticket}");
        let change = world.by(&seller, Method::PUT, &path).json(&json!({ "price": 25 }));
        let (changed, placed) = join(change.ask(), world.order_ticket(&buyer, &ticket)).await;
        let order = placed.is(201);
        assert!([200, 409].contains(&changed.status), "{}", changed.text);
        let price = world.ticket(&ticket).await["price"].clone();
        assert_eq!(price, if changed.status == 200 { 25 } else { 10 });
        assert_eq!(order.json["ticket"]["price"], price);
        let read = world.order(&buyer, &order.member("id")).await;
        assert_eq!(read["ticket"]["price"], price);
    }
}

/// An earlier system kept its timers in memory: after a restart nothing expired.
#[tokio::test]
async fn a_hold_ends_with_its_time_also_over_a_restart() {
    let mut world = World::with_test_clock().await;
    let ordered = world.given_order().await;
    let (buyer, ticket) = (ordered.deal.buyer.clone(), ordered.deal.ticket.clone());
    world.move_clock_to(just_before(ordered.expires_at)).await;
    assert_eq!(world.ticket(&ticket).await["status"], "held");
    world.system.ticketing.kill().await.unwrap();
    world.system.ticketing.start().await.unwrap();
    world.move_clock_to(ordered.expires_at).await;
    assert_eq!(world.order(&buyer, &ordered.order).await["status"], "expired");
    assert_eq!(world.ticket(&ticket).await["status"], "free");
    let recorded = "select count(*) from events where event_type in ('Expired', 'Released')";
    eventually("the end is recorded", async || world.count(recorded).await == 2).await;
    assert_eq!(world.order(&buyer, &ordered.order).await["status"], "expired");
    assert_eq!(world.ticket(&ticket).await["status"], "free");
    let other = world.given_user("standard").await;
    world.order_ticket(&other, &ticket).await.is(201);
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

/// The end of a hold is a comparison of times: the next buyer does not wait for who records it.
#[tokio::test]
async fn the_next_buyer_needs_nobody_to_record_the_end_of_a_hold() {
    let world = World::with_test_clock().await;
    let ordered = world.given_order().await;
    world.sql().await.batch_execute("delete from deadlines").await.unwrap();
    world.move_clock_to(ordered.expires_at).await;
    let other = world.given_user("standard").await;
    let placed = world.order_ticket(&other, &ordered.deal.ticket).await.is(201);
    let buyer = &ordered.deal.buyer;
    world.pay(buyer, &ordered.order, "tok_visa").await.problem(409, "order_ended");
    world.cancel_order(buyer, &ordered.order).await.problem(409, "order_ended");
    world.pay(&other, &placed.member("id"), "tok_visa").await.is(201);
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn an_administrator_reads_every_order_and_payment() {
    let world = World::shared();
    let (paid, payment) = world.given_paid_order().await;
    let admin = world.given_user("standard").await;
    world.run(&["grant", &admin.username, "admin"]).await.unwrap();
    let get = async |path: &str| world.by(&admin, Method::GET, path).ask().await;
    eventually("the administrator is let in", async || get("/admin/orders").await.status == 200)
        .await;
    let order = get(&format!("/admin/orders/{}", paid.order)).await.is(200);
    assert_eq!(order.json["status"], "completed");
    let seen = get(&format!("/admin/payments/{payment}")).await.is(200);
    assert_eq!((&seen.json["status"], &seen.json["amount"]), (&json!("captured"), &json!(19.99)));
    let buyer = order.member("userId");
    let listed = async || get(&format!("/admin/orders?buyer={buyer}&status=completed")).await.json;
    eventually("it is listed", async || listed().await[0]["id"] == paid.order).await;
    assert_eq!(
        get("/admin/payments?status=captured&limit=1").await.is(200).json[0]["status"],
        "captured"
    );
}
