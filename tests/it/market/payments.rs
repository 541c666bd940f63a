//! Paying: once, declined, late, and back. With the test provider, whose tokens say what happens.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::given::Ordered;
use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::Ask;

#[tokio::test]
async fn a_paid_ticket_is_the_buyers() {
    let world = World::shared();
    let (paid, payment) = world.given_paid_order().await;
    let order = world.order(&paid.deal.buyer, &paid.order).await;
    assert_eq!((&order["status"], &order["paymentId"]), (&json!("completed"), &json!(payment)));
    assert_eq!(world.ticket(&paid.deal.ticket).await["status"], "sold");
}

/// An earlier system took the money of a completed order again, and cancelled it with the money
/// kept.
#[tokio::test]
async fn a_paid_order_is_neither_paid_again_nor_cancelled() {
    let world = World::shared();
    let (paid, payment) = world.given_paid_order().await;
    let buyer = &paid.deal.buyer;
    world.pay(buyer, &paid.order, "tok_visa").await.problem(409, "order_paid");
    let cancelled = world.cancel_order(buyer, &paid.order).await.problem(409, "order_paid");
    let way = format!("/api/payments/{payment}/refund");
    assert!(cancelled.member("detail").contains(&way), "{}", cancelled.text);
    assert_eq!(world.payments_started(&paid.order).await, 1);
}

#[tokio::test]
async fn nobody_pays_for_the_order_of_another() {
    let world = World::shared();
    let ordered = world.given_order().await;
    let other = &ordered.deal.seller;
    world.pay(other, &ordered.order, "tok_visa").await.problem(404, "not_found");
    let nowhere = Uuid::new_v4().to_string();
    world.pay(other, &nowhere, "tok_visa").await.problem(404, "not_found");
    let empty = world.pay(&ordered.deal.buyer, &ordered.order, "").await;
    empty.problem(422, "invalid_fields");
}

#[tokio::test]
async fn a_declined_payment_leaves_the_order_for_another_and_the_third_ends_it() {
    let world = World::shared();
    let ordered = world.given_order().await;
    let buyer = &ordered.deal.buyer;
    for attempt in 1..=3 {
        let declined = world.pay(buyer, &ordered.order, "tok_chargeDeclined").await;
        let declined = declined.problem(402, "payment_declined");
        assert!(declined.member("detail").contains("card_declined"), "{}", declined.text);
        let order = world.order(buyer, &ordered.order).await;
        let ended = attempt == 3;
        assert_eq!(order["status"], if ended { "cancelled" } else { "created" });
        let ticket = world.ticket(&ordered.deal.ticket).await;
        assert_eq!(ticket["status"], if ended { "free" } else { "held" });
    }
    world.pay(buyer, &ordered.order, "tok_visa").await.problem(409, "order_ended");
    let placed = world.order_ticket(buyer, &ordered.deal.ticket).await.is(201);
    world.pay(buyer, &placed.member("id"), "tok_chargeDeclined").await.is(402);
    world.pay(buyer, &placed.member("id"), "tok_visa").await.is(201);
}

#[tokio::test]
async fn a_repeated_charge_pays_once_and_is_told_the_same() {
    let world = World::shared();
    let ordered = world.given_order().await;
    let key = Uuid::new_v4().to_string();
    let pay = async || {
        let request = world.by(&ordered.deal.buyer, Method::POST, "/api/payments/charge");
        let body = json!({ "token": "tok_visa", "orderId": ordered.order });
        request.header("idempotency-key", &key).json(&body).ask().await
    };
    let double = futures_util::future::join(pay(), pay()).await;
    let (first, second) = if double.0.status == 201 { double } else { (double.1, double.0) };
    let first = first.is(201);
    // The second of a double click may have come while the first was starting.
    if second.status == 409 {
        second.problem(409, "request_in_flight");
    } else {
        assert_eq!(second.is(201).json, first.json);
    }
    assert_eq!(pay().await.is(201).json, first.json);
    assert_eq!(world.payments_started(&ordered.order).await, 1);
}

/// While nobody knows whether it is paid, the ticket is held longer and the order stays.
#[tokio::test]
async fn a_payment_that_takes_long_holds_the_ticket_longer() {
    let world = World::with_test_clock().await;
    let (slow, _) = world.given_slow_payment().await;
    let buyer = &slow.deal.buyer;
    assert_eq!(world.order(buyer, &slow.order).await["status"], "awaiting_payment");
    world.cancel_order(buyer, &slow.order).await.problem(409, "payment_in_progress");
    world.pay(buyer, &slow.order, "tok_visa").await.problem(409, "payment_in_progress");
    world.move_clock_to(slow.expires_at + TimeDelta::minutes(9)).await;
    assert_eq!(world.ticket(&slow.deal.ticket).await["status"], "held");
    let other = world.given_user("standard").await;
    world.order_ticket(&other, &slow.deal.ticket).await.problem(409, "ticket_reserved");
    world.move_clock_to(slow.expires_at + TimeDelta::minutes(10)).await;
    assert_eq!(world.ticket(&slow.deal.ticket).await["status"], "free");
    assert_eq!(world.order(buyer, &slow.order).await["status"], "expired");
    world.system.stop().await.unwrap();
}

/// The time of an order whose payment is slow is over, and that is recorded. What becomes of the
/// payment is learned later.
async fn given_expiry_before_the_outcome(world: &World) -> (Ordered, String) {
    let (slow, payment) = world.given_slow_payment().await;
    let later = slow.expires_at + TimeDelta::minutes(20);
    // As if a replica had claimed it and died: nobody else asks the provider before that.
    let claim = "update deadlines set claimed_until = $1 where kind = 'market.payment_settles'";
    assert_eq!(world.sql().await.execute(claim, &[&later]).await.unwrap(), 1);
    world.move_clock_to(slow.expires_at + TimeDelta::minutes(10)).await;
    let events = async || world.events_of(slow.order.parse().unwrap()).await;
    let expired = ["Placed", "PaymentStarted", "Expired"];
    eventually("its end is recorded", async || events().await == expired).await;
    (slow, payment)
}

#[tokio::test]
async fn money_that_comes_late_takes_a_free_ticket_back() {
    let world = World::with_test_clock().await;
    let (slow, payment) = given_expiry_before_the_outcome(&world).await;
    world.move_clock_to(slow.expires_at + TimeDelta::minutes(30)).await;
    world.until_order(&slow, "completed").await;
    assert_eq!(world.ticket(&slow.deal.ticket).await["status"], "sold");
    let paid = "select count(*) from payments where status = 'captured'";
    eventually("the payment is captured", async || world.count(paid).await == 1).await;
    world.refund(&slow.deal.seller, &payment, "").await.is(200);
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn money_that_comes_too_late_goes_back_and_the_buyer_sees_why() {
    let world = World::with_test_clock().await;
    let (slow, _) = given_expiry_before_the_outcome(&world).await;
    let other = world.given_user("standard").await;
    let placed = world.order_ticket(&other, &slow.deal.ticket).await.is(201);
    world.pay(&other, &placed.member("id"), "tok_visa").await.is(201);
    world.move_clock_to(slow.expires_at + TimeDelta::minutes(30)).await;
    world.until_order(&slow, "refunded").await;
    let order = world.order(&slow.deal.buyer, &slow.order).await;
    assert!(order["reason"].as_str().unwrap().contains("the ticket was gone"), "{order}");
    assert_eq!(world.order(&other, &placed.member("id")).await["status"], "completed");
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_seller_gives_the_money_back_and_the_ticket_is_free_or_withdrawn() {
    let world = World::shared();
    for (query, status) in [("", "free"), ("?withdraw=true", "withdrawn")] {
        let (paid, payment) = world.given_paid_order().await;
        let (seller, buyer) = (&paid.deal.seller, &paid.deal.buyer);
        world.refund(buyer, &payment, query).await.problem(403, "forbidden");
        let stranger = world.given_user("standard").await;
        world.refund(&stranger, &payment, query).await.problem(404, "not_found");
        for _ in 0..2 {
            let back = world.refund(seller, &payment, query).await.is(200);
            assert_eq!(back.json, json!({ "success": true, "id": payment }));
        }
        let order = world.order(buyer, &paid.order).await;
        assert_eq!(order["status"], "refunded");
        assert_eq!(world.ticket(&paid.deal.ticket).await["status"], status);
        world.pay(buyer, &paid.order, "tok_visa").await.problem(409, "order_ended");
        let other = world.order_ticket(&stranger, &paid.deal.ticket).await;
        assert_eq!(other.status, if status == "free" { 201 } else { 404 });
    }
}

#[tokio::test]
async fn what_was_not_paid_is_not_given_back() {
    let world = World::shared();
    let ordered = world.given_order().await;
    world.pay(&ordered.deal.buyer, &ordered.order, "tok_chargeDeclined").await.is(402);
    let order = world.order(&ordered.deal.buyer, &ordered.order).await;
    let payment = order["paymentId"].as_str().unwrap();
    world.refund(&ordered.deal.seller, payment, "").await.problem(409, "nothing_paid");
    let nowhere = Uuid::new_v4().to_string();
    world.refund(&ordered.deal.seller, &nowhere, "").await.problem(404, "not_found");
}

/// What is paid with stands nowhere once the outcome is known.
#[tokio::test]
async fn no_trace_of_the_cards_token_is_left() {
    let world = World::start(&[]).await;
    world.given_paid_order().await;
    assert_eq!(world.count("select count(*) from vault where name = 'payment_source'").await, 0);
    let events = "select count(*) from events where payload::text like '%tok_visa%'";
    assert_eq!(world.count(events).await, 0);
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}
