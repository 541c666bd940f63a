//! Payments with Stripe, against a server that speaks like it: charges, declines, refunds, and what
//! Stripe tells by itself.

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use uuid::Uuid;

use super::given::now;
use crate::peers::stripe::{CARD, DECLINED_CARD, SECRET_KEY, Stop, Stripe};
use crate::world::World;
use crate::world::answer::{Answer, Ask};

const WEBHOOK_SECRET: &str = "whsec_canary0123456789";

/// A system that pays with Stripe.
pub(super) struct WithStripe {
    pub(super) world: World,
    pub(super) stripe: Stripe,
}

impl WithStripe {
    pub(super) async fn start(more: &[(&str, &str)]) -> Self {
        let stripe = Stripe::start().await;
        let always = [
            ("PAYMENT_PROVIDER", "stripe"),
            ("STRIPE_SECRET_KEY", SECRET_KEY),
            ("STRIPE_URL", &stripe.url),
            ("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ];
        let settings: Vec<_> = always.iter().chain(more).copied().collect();
        let world = World::start(&settings).await;
        Self { world, stripe }
    }

    /// Starts the service again, with another setting.
    pub(super) async fn set(&mut self, name: &str, value: &str) {
        let system = &mut self.world.system;
        system.ticketing.stop().await.unwrap();
        system.wiring.more.push((name.to_owned(), value.to_owned()));
        system.ticketing = system.wiring.ticketing().unwrap();
        system.ticketing.start().await.unwrap();
    }

    /// Stripe tells that something has happened to a charge.
    pub(super) async fn tell(&self, kind: &str, payment: &str) -> Answer {
        self.send_now(&event(kind, payment)).await
    }

    /// As [`WithStripe::tell`], by the test clock.
    pub(super) async fn tell_by_test_clock(&self, kind: &str, payment: &str) -> Answer {
        let time = self.world.now().await.timestamp();
        self.send(&event(kind, payment), WEBHOOK_SECRET, time).await
    }

    async fn send_now(&self, event: &Value) -> Answer {
        self.send(event, WEBHOOK_SECRET, now().timestamp()).await
    }

    async fn send(&self, event: &Value, secret: &str, time: i64) -> Answer {
        let body = event.to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, format!("{time}.{body}").as_bytes());
        let tag: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let request = self.world.post("/webhooks/stripe").body(body);
        request.header("stripe-signature", format!("t={time},v1={tag}")).ask().await
    }
}

fn event(kind: &str, payment: &str) -> Value {
    let object = json!({ "object": "charge", "metadata": { "payment": payment } });
    let id = format!("evt_{}", Uuid::new_v4().simple());
    json!({ "id": id, "type": kind, "data": { "object": object } })
}

#[tokio::test]
async fn a_card_pays_with_stripe_and_gets_its_money_back() {
    let shop = WithStripe::start(&[]).await;
    let (world, stripe) = (&shop.world, &shop.stripe);
    let ordered = world.given_order().await;
    let buyer = &ordered.deal.buyer;
    let declined = world.pay(buyer, &ordered.order, DECLINED_CARD).await;
    let declined = declined.problem(402, "payment_declined");
    assert!(declined.member("detail").contains("card_declined"), "{}", declined.text);
    // What Stripe does not know is no card either.
    world.pay(buyer, &ordered.order, "tok_unknown").await.problem(402, "payment_declined");
    let paid = world.pay(buyer, &ordered.order, CARD).await.is(201);
    let payment = paid.member("id");
    let charges = stripe.charges(&payment).await;
    assert_eq!(charges.len(), 1);
    // An earlier system computed 19.99 * 100 with floats.
    assert_eq!((&charges[0]["amount"], &charges[0]["currency"]), (&json!(1999), &json!("usd")));
    for _ in 0..2 {
        world.refund(&ordered.deal.seller, &payment, "").await.is(200);
    }
    assert_eq!(stripe.refunds(charges[0]["id"].as_str().unwrap()).await.len(), 1);
    assert_eq!(world.order(buyer, &ordered.order).await["status"], "refunded");
    world.verify().await.unwrap();
    assert!(!world.logs().contains(SECRET_KEY));
    shop.world.system.stop().await.unwrap();
}

/// Each event has effect once, however often, late or early it comes.
#[tokio::test]
async fn what_stripe_tells_twice_or_out_of_order_has_effect_once() {
    let shop = WithStripe::start(&[]).await;
    let (world, stripe) = (&shop.world, &shop.stripe);
    let ordered = world.given_order().await;
    let buyer = ordered.deal.buyer.clone();
    // Stripe tells before its answer has come back.
    stripe.stop_calls(Stop::AfterCall);
    let paying = world.pay(&buyer, &ordered.order, CARD);
    let telling = async {
        stripe.stopped().await;
        let started = world.order(&buyer, &ordered.order).await;
        let payment = started["paymentId"].as_str().unwrap().to_owned();
        let succeeded = event("charge.succeeded", &payment);
        // Nothing was given back yet, whatever is told.
        shop.tell("charge.refunded", &payment).await.is(200);
        for told in [&succeeded, &succeeded] {
            shop.send_now(told).await.is(200);
        }
        let order = world.order(&buyer, &ordered.order).await;
        assert_eq!(order["status"], "completed");
        stripe.stop_calls(Stop::Nowhere);
        (payment, succeeded)
    };
    let (paid, (payment, succeeded)) = futures_util::future::join(paying, telling).await;
    assert_eq!(paid.is(201).member("id"), payment);
    let charges = stripe.charges(&payment).await;
    assert_eq!(charges.len(), 1);
    // Given back by hand: told twice, and an old event once more.
    stripe.refund_by_hand(charges[0]["id"].as_str().unwrap()).await;
    let refunded = event("charge.refunded", &payment);
    for told in [&refunded, &refunded, &succeeded] {
        shop.send_now(told).await.is(200);
    }
    let order = world.order(&buyer, &ordered.order).await;
    assert_eq!(order["status"], "refunded", "{order}");
    assert_eq!(world.ticket(&ordered.deal.ticket).await["status"], "free");
    let types = world.events_of(payment.parse().unwrap()).await;
    assert_eq!(types, ["Started", "Captured", "RefundStarted", "Refunded"]);
    world.verify().await.unwrap();
    shop.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn what_stripe_has_not_signed_just_now_is_refused() {
    let shop = WithStripe::start(&[]).await;
    let time = now().timestamp();
    let nowhere = event("charge.succeeded", &Uuid::new_v4().to_string());
    shop.send(&nowhere, WEBHOOK_SECRET, time).await.is(200);
    // Some seconds from the limit of 300: they pass while this is asked.
    shop.send(&nowhere, WEBHOOK_SECRET, time - 290).await.is(200);
    shop.send(&nowhere, WEBHOOK_SECRET, time - 310).await.problem(400, "invalid_signature");
    shop.send(&nowhere, "whsec_other", time).await.problem(400, "invalid_signature");
    let unsigned = shop.world.post("/webhooks/stripe").json(&nowhere).ask().await;
    unsigned.problem(400, "invalid_signature");
    assert!(!shop.world.logs().contains(WEBHOOK_SECRET));
    for strange in [json!({ "type": "customer.created", "data": { "object": {} } }), {
        event("charge.succeeded", "no id of ours")
    }] {
        shop.send(&strange, WEBHOOK_SECRET, time).await.is(200);
    }
    World::shared().post("/webhooks/stripe").json(&nowhere).ask().await.problem(404, "not_found");
    shop.world.system.stop().await.unwrap();
}

/// While Stripe is away nobody knows whether it is paid: the order waits, and is decided once it
/// is back.
#[tokio::test]
async fn a_payment_that_stripe_does_not_answer_is_settled_later() {
    let shop = WithStripe::start(&[("TEST_CLOCK", "1")]).await;
    let (world, stripe) = (&shop.world, &shop.stripe);
    let ordered = world.given_order().await;
    let buyer = &ordered.deal.buyer;
    stripe.stop_calls(Stop::AfterCall);
    let started = world.pay(buyer, &ordered.order, CARD).await.is(202);
    let payment = started.member("id");
    assert_eq!(world.order(buyer, &ordered.order).await["status"], "awaiting_payment");
    stripe.stop_calls(Stop::Nowhere);
    world.move_clock_to(world.now().await + chrono::TimeDelta::seconds(15)).await;
    world.until_order(&ordered, "completed").await;
    assert_eq!(stripe.charges(&payment).await.len(), 1);
    world.verify().await.unwrap();
    shop.world.system.stop().await.unwrap();
}

/// Each payment is ended and given back by who has begun it.
#[tokio::test]
async fn a_payment_stays_with_its_provider_when_another_is_chosen() {
    let mut shop = WithStripe::start(&[("TEST_CLOCK", "1")]).await;
    let (paid, begun) = (shop.world.given_order().await, shop.world.given_order().await);
    let captured = shop.world.pay(&paid.deal.buyer, &paid.order, CARD).await.is(201).member("id");
    shop.stripe.stop_calls(Stop::AfterCall);
    let open = shop.world.pay(&begun.deal.buyer, &begun.order, CARD).await.is(202).member("id");
    shop.stripe.stop_calls(Stop::Nowhere);
    shop.set("PAYMENT_PROVIDER", "test").await;
    let (world, stripe) = (&shop.world, &shop.stripe);
    world.move_clock_to(world.now().await + chrono::TimeDelta::seconds(15)).await;
    world.until_order(&begun, "completed").await;
    assert_eq!(stripe.charges(&open).await.len(), 1);
    world.refund(&paid.deal.seller, &captured, "").await.is(200);
    let charges = stripe.charges(&captured).await;
    assert_eq!(stripe.refunds(charges[0]["id"].as_str().unwrap()).await.len(), 1);
    let (ordered, newer) = world.given_paid_order().await;
    assert_eq!(stripe.charges(&newer).await.len(), 0);
    shop.set("PAYMENT_PROVIDER", "stripe").await;
    let by_test = "select count(*) from test_charges where refund is not null";
    shop.world.refund(&ordered.deal.seller, &newer, "").await.is(200);
    assert_eq!(shop.world.count(by_test).await, 1);
    shop.world.verify().await.unwrap();
    shop.world.system.stop().await.unwrap();
}

/// The server that speaks like Stripe ignores idempotency keys: a second call would be seen.
#[tokio::test]
async fn a_double_click_gives_the_money_back_once() {
    let shop = WithStripe::start(&[]).await;
    let ordered = shop.world.given_order().await;
    let paid = shop.world.pay(&ordered.deal.buyer, &ordered.order, CARD).await.is(201);
    let payment = paid.member("id");
    let click = || shop.world.refund(&ordered.deal.seller, &payment, "");
    let clicks = futures_util::future::join_all((0..5).map(|_| click())).await;
    clicks.into_iter().for_each(|answer| drop(answer.is(200)));
    let charges = shop.stripe.charges(&payment).await;
    assert_eq!(shop.stripe.refunds(charges[0]["id"].as_str().unwrap()).await.len(), 1);
    shop.world.verify().await.unwrap();
    shop.world.system.stop().await.unwrap();
}
