//! What Stripe knows and we do not yet: money that was given back by hand, in part or before we had
//! heard that it was taken; money that was taken after we had given up; and answers that are none.

use chrono::TimeDelta;
use serde_json::json;

use super::stripe::WithStripe;
use crate::harness::eventually;
use crate::peers::stripe::{CARD, SECRET_KEY, Stop};
use crate::world::answer::Ask;

impl WithStripe {
    /// Posts to Stripe as its owner, past the service.
    async fn post_by_hand(&self, path: &str, form: &str) {
        let request = self.world.http().post(format!("{}/v1/{path}", self.stripe.url));
        let form = request.body(form.to_owned()).bearer_auth(SECRET_KEY);
        form.header("content-type", "application/x-www-form-urlencoded").ask().await.is(200);
    }

    async fn only_charge(&self, payment: &str) -> String {
        let charges = self.stripe.charges(payment).await;
        assert_eq!(charges.len(), 1);
        charges[0]["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn money_that_was_given_back_in_part_leaves_the_ticket_sold() {
    let shop = WithStripe::start(&[]).await;
    let ordered = shop.world.given_order().await;
    let (buyer, seller) = (&ordered.deal.buyer, &ordered.deal.seller);
    let payment = shop.world.pay(buyer, &ordered.order, CARD).await.is(201).member("id");
    let charge = shop.only_charge(&payment).await;
    shop.post_by_hand("refunds", &format!("charge={charge}&amount=500")).await;
    shop.tell("charge.refunded", &payment).await.is(200);
    assert_eq!(shop.world.order(buyer, &ordered.order).await["status"], "completed");
    shop.world.refund(seller, &payment, "").await.is(200);
    assert_eq!(shop.world.order(buyer, &ordered.order).await["status"], "refunded");
    assert_eq!(shop.stripe.refunds(&charge).await.len(), 2);
    shop.world.verify().await.unwrap();
    shop.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn money_that_was_given_back_before_we_knew_that_it_was_taken_is_back() {
    let shop = WithStripe::start(&[]).await;
    let (world, stripe) = (&shop.world, &shop.stripe);
    let ordered = world.given_order().await;
    let buyer = &ordered.deal.buyer;
    stripe.stop_calls(Stop::AfterCall);
    let paying = world.pay(buyer, &ordered.order, CARD);
    let telling = async {
        stripe.stopped().await;
        let started = world.order(buyer, &ordered.order).await;
        let payment = started["paymentId"].as_str().unwrap().to_owned();
        stripe.stop_calls(Stop::Nowhere);
        let charge = shop.only_charge(&payment).await;
        stripe.refund_by_hand(&charge).await;
        shop.tell("charge.refunded", &payment).await.is(200);
    };
    futures_util::future::join(paying, telling).await;
    assert_eq!(world.order(buyer, &ordered.order).await["status"], "refunded");
    assert_eq!(world.ticket(&ordered.deal.ticket).await["status"], "free");
    world.verify().await.unwrap();
    shop.world.system.stop().await.unwrap();
}

/// Its buyer was told that the order has expired, and may have bought elsewhere.
#[tokio::test]
async fn nothing_is_taken_for_an_order_that_ended_before_stripe_was_asked() {
    let mut shop = WithStripe::start(&[("TEST_CLOCK", "1")]).await;
    let ordered = shop.world.given_order().await;
    shop.die_before_call(&ordered).await;
    let started = shop.world.order(&ordered.deal.buyer, &ordered.order).await;
    let payment = started["paymentId"].as_str().unwrap().to_owned();
    shop.world.move_clock_to(shop.world.now().await + TimeDelta::minutes(30)).await;
    let given_up = async || {
        let events = shop.world.events_of(payment.parse().unwrap()).await;
        events == ["Started", "Declined"]
    };
    eventually("the payment is given up", given_up).await;
    assert_eq!(shop.stripe.charges(&payment).await.len(), 0);
    // Somebody who was away for as long has taken the money after all: the ticket is still free.
    let form = format!("amount=1999&currency=usd&source={CARD}&metadata[payment]={payment}");
    shop.post_by_hand("charges", &form).await;
    shop.tell_by_test_clock("charge.succeeded", &payment).await.is(200);
    let order = shop.world.order(&ordered.deal.buyer, &ordered.order).await;
    assert_eq!(order["status"], "completed", "{order}");
    assert_eq!(shop.world.ticket(&ordered.deal.ticket).await["status"], "sold");
    shop.world.verify().await.unwrap();
    shop.world.system.stop().await.unwrap();
}

/// Whatever stands between us and Stripe may answer: only Stripe declines.
#[tokio::test]
async fn an_answer_that_is_not_stripes_declines_nothing() {
    let mut shop = WithStripe::start(&[("TEST_CLOCK", "1")]).await;
    let right = shop.stripe.url.clone();
    shop.set("STRIPE_URL", &format!("{right}/nowhere")).await;
    let ordered = shop.world.given_order().await;
    let buyer = &ordered.deal.buyer;
    let payment = shop.world.pay(buyer, &ordered.order, CARD).await.is(202).member("id");
    assert_eq!(shop.world.order(buyer, &ordered.order).await["status"], "awaiting_payment");
    shop.set("STRIPE_URL", &right).await;
    shop.world.move_clock_to(shop.world.now().await + TimeDelta::minutes(1)).await;
    let order = async || shop.world.order(buyer, &ordered.order).await;
    eventually("the order is completed", async || order().await["status"] == "completed").await;
    assert_eq!(shop.stripe.charges(&payment).await[0]["amount"], json!(1999));
    shop.world.system.stop().await.unwrap();
}
