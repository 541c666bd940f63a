//! `ticketing` dies in the middle of a payment or a refund, at each step: afterwards the money was
//! moved once, and what was paid for is the buyer's. The server that speaks like Stripe ignores
//! idempotency keys, so a second call would be seen.

use chrono::TimeDelta;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::given::Ordered;
use super::stripe::WithStripe;
use crate::harness::eventually;
use crate::peers::stripe::{CARD, Stop};

/// Where it dies.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// Its call is on its way and never arrives.
    BeforeCall,
    /// Stripe has moved the money, its answer never comes back.
    AfterCall,
    /// The answer is there and being written down.
    BeforeRecord,
}

const EVENTS: &str = "select count(*) from events";
/// Those who wait for the table of events.
const WAITING: &str =
    "select count(*) from pg_locks where relation = 'events'::regclass and not granted";
const END_WAITING: &str = "select pg_terminate_backend(pid) from pg_locks \
                           where relation = 'events'::regclass and not granted";

const DEATHS: [Death; 3] = [Death::BeforeCall, Death::AfterCall, Death::BeforeRecord];

impl WithStripe {
    fn charge(&self, ordered: &Ordered) -> RequestBuilder {
        let request = self.world.by(&ordered.deal.buyer, Method::POST, "/api/payments/charge");
        request.json(&json!({ "token": CARD, "orderId": ordered.order }))
    }

    fn refund(&self, ordered: &Ordered, payment: &str) -> RequestBuilder {
        let path = format!("/api/payments/{payment}/refund");
        self.world.by(&ordered.deal.seller, Method::POST, &path)
    }

    /// Kills `ticketing` while it works on this request, and starts it again. The payment is left
    /// to who begins after it.
    async fn kill_during(&mut self, death: Death, request: RequestBuilder) {
        self.stripe.stop_calls(match death {
            Death::BeforeCall => Stop::BeforeCall,
            Death::AfterCall | Death::BeforeRecord => Stop::AfterCall,
        });
        let moved = self.stripe.moves().await;
        let call = tokio::spawn(request.send());
        self.stripe.stopped().await;
        let written = self.world.count(EVENTS).await;
        let mut sql = self.world.sql().await;
        let locked = sql.transaction().await.unwrap();
        if matches!(death, Death::BeforeRecord) {
            // Nobody appends while this is held.
            locked.batch_execute("lock table events in exclusive mode").await.unwrap();
            self.stripe.stop_calls(Stop::Nowhere);
            let writes = async || self.world.count(WAITING).await >= 1;
            eventually("the answer is being written down", writes).await;
        }
        self.world.system.ticketing.kill().await.unwrap();
        assert!(call.await.unwrap().is_err(), "it has answered");
        // What Postgres does for a client goes on after the client's death.
        self.world.sql().await.batch_execute(END_WAITING).await.unwrap();
        let ended = async || self.world.count(WAITING).await == 0;
        eventually("nobody writes for the dead", ended).await;
        locked.rollback().await.unwrap();
        self.stripe.stop_calls(Stop::Nowhere);
        assert_eq!(self.world.count(EVENTS).await, written, "{death:?}: it was written down");
        let moves = usize::from(!matches!(death, Death::BeforeCall));
        assert_eq!(self.stripe.moves().await - moved, moves, "{death:?}");
        self.world.system.ticketing.start().await.unwrap();
    }

    /// Until it is settled by whoever finds it.
    async fn own_time_passes(&self) {
        self.world.move_clock_to(self.world.now().await + TimeDelta::seconds(15)).await;
    }

    /// Waits until no payment has a deadline any more.
    async fn until_settled(&self) {
        self.own_time_passes().await;
        let open = "select count(*) from deadlines \
                    where kind = 'market.payment_settles' and done_at is null";
        let settled = async || self.world.count(open).await == 0;
        eventually("no payment has a deadline", settled).await;
    }

    /// Dies before Stripe hears of the payment.
    pub(super) async fn die_before_call(&mut self, ordered: &Ordered) {
        self.kill_during(Death::BeforeCall, self.charge(ordered)).await;
    }

    async fn until(&self, ordered: &Ordered, status: &str) {
        self.world.until_order(ordered, status).await;
    }
}

#[tokio::test]
async fn a_payment_during_which_the_service_dies_is_made_once() {
    let mut shop = WithStripe::start(&[("TEST_CLOCK", "1")]).await;
    for death in DEATHS {
        let ordered = shop.world.given_order().await;
        shop.kill_during(death, shop.charge(&ordered)).await;
        shop.own_time_passes().await;
        shop.until(&ordered, "completed").await;
        let order = shop.world.order(&ordered.deal.buyer, &ordered.order).await;
        let payment = order["paymentId"].as_str().unwrap();
        assert_eq!(shop.stripe.charges(payment).await.len(), 1, "{death:?}");
        assert_eq!(shop.world.ticket(&ordered.deal.ticket).await["status"], "sold", "{death:?}");
    }
    // What paid is kept only until the outcome is known.
    let left = "select count(*) from vault where name = 'payment_source'";
    eventually("nothing is left", async || shop.world.count(left).await == 0).await;
    shop.world.verify().await.unwrap();
    shop.world.system.stop().await.unwrap();
}

/// That of the payment, which nobody has looked at yet, and that of its refund.
#[tokio::test]
async fn a_refund_with_two_deadlines_at_the_same_moment_is_made_once() {
    let mut shop = WithStripe::start(&[("TEST_CLOCK", "1")]).await;
    let ordered = shop.world.given_order().await;
    let paid = shop.world.pay(&ordered.deal.buyer, &ordered.order, CARD).await.is(201);
    let payment = paid.member("id");
    shop.kill_during(Death::BeforeCall, shop.refund(&ordered, &payment)).await;
    shop.own_time_passes().await;
    shop.until(&ordered, "refunded").await;
    shop.until_settled().await;
    assert_eq!(shop.stripe.books().await[&payment], (1, 1));
    shop.world.verify().await.unwrap();
    shop.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_refund_during_which_the_service_dies_is_made_once() {
    let mut shop = WithStripe::start(&[("TEST_CLOCK", "1")]).await;
    for death in DEATHS {
        let ordered = shop.world.given_order().await;
        let paid = shop.world.pay(&ordered.deal.buyer, &ordered.order, CARD).await.is(201);
        let payment = paid.member("id");
        shop.kill_during(death, shop.refund(&ordered, &payment)).await;
        shop.own_time_passes().await;
        shop.until(&ordered, "refunded").await;
        let charges = shop.stripe.charges(&payment).await;
        assert_eq!(charges.len(), 1, "{death:?}");
        let charge = charges[0]["id"].as_str().unwrap();
        assert_eq!(shop.stripe.refunds(charge).await.len(), 1, "{death:?}");
        assert_eq!(shop.world.ticket(&ordered.deal.ticket).await["status"], "free", "{death:?}");
    }
    shop.world.verify().await.unwrap();
    shop.world.system.stop().await.unwrap();
}
