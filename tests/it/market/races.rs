//! Many at once: one ticket, one buyer; one order, one payment; the end of a hold and its payment.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{join, join_all};
use serde_json::Value;
use tokio::time::Instant;

use super::given::{Deal, Ordered, now};
use super::stripe::WithStripe;
use crate::harness::eventually;
use crate::peers::stripe::{CARD, Stop};
use crate::world::World;
use crate::world::people::User;

/// An earlier system sold a ticket twice: two buyers passed the check together.
#[tokio::test]
async fn of_many_buyers_at_once_one_gets_the_ticket() {
    let world = World::shared();
    let deal = world.given_ticket().await;
    let buyers = join_all((0..20).map(|_| world.given_user("standard"))).await;
    let orders = buyers.iter().map(|buyer| world.order_ticket(buyer, &deal.ticket));
    let statuses: Vec<u16> = join_all(orders).await.iter().map(|answer| answer.status).collect();
    let won = statuses.iter().filter(|status| **status == 201).count();
    assert_eq!(won, 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 409].contains(status)), "{statuses:?}");
}

#[tokio::test]
async fn of_many_charges_at_once_one_takes_the_money() {
    let world = World::shared();
    let ordered = world.given_order().await;
    let charge = || world.pay(&ordered.deal.buyer, &ordered.order, "tok_visa");
    let answers = join_all((0..20).map(|_| charge())).await;
    let mut statuses = BTreeMap::new();
    for answer in &answers {
        *statuses.entry(answer.status).or_insert(0) += 1;
    }
    assert_eq!(statuses, BTreeMap::from([(201, 1), (409, 19)]));
    assert_eq!(world.payments_started(&ordered.order).await, 1);
}

/// How many races of each kind there are, unless the variable `RACES` says otherwise.
const RACES: i64 = 100;
/// Races at the same time.
const AT_ONCE: usize = 25;
/// What is raced for: half of these before the end and half after it, this far away at most.
const CLOSE: TimeDelta = TimeDelta::milliseconds(5);
/// So far from the end there is no race: what comes of it is certain.
const FAR: TimeDelta = TimeDelta::milliseconds(400);

/// Who races; the same people all the time, because passwords take long.
struct Racers {
    seller: User,
    buyer: User,
    rival: User,
}

impl Racers {
    async fn welcome(world: &World) -> Self {
        let user = || world.given_user("standard");
        Self { seller: user().await, buyer: user().await, rival: user().await }
    }

    /// An order of a new ticket.
    async fn order(&self, world: &World) -> Ordered {
        let listed = world.list_ticket(&self.seller, "Concert, row 7", 19.99).await.is(201);
        let (seller, buyer) = (self.seller.clone(), self.buyer.clone());
        world.given_order_of(Deal { seller, buyer, ticket: listed.member("id") }).await
    }
}

/// How long after the end of a hold each race is, some at a time.
#[expect(clippy::disallowed_methods, reason = "no setting of the services")]
fn offsets() -> Vec<Vec<TimeDelta>> {
    let races = std::env::var("RACES").map_or(RACES, |races| races.parse().unwrap());
    let width = 2 * CLOSE.num_nanoseconds().unwrap();
    let nth = |n: i64| TimeDelta::nanoseconds(width * n / races.max(2)) - CLOSE;
    let close: Vec<_> = (0..races).map(nth).collect();
    close.chunks(AT_ONCE).map(|some| [&[-FAR], some, &[FAR]].concat()).collect()
}

/// How long it is until a time of the service's, which may be over on a slow machine.
fn until(time: DateTime<Utc>) -> Duration {
    (time - now()).to_std().unwrap_or_default()
}

/// Ticket or nothing taken: payments in the milliseconds around the end of their hold, while
/// somebody else wants the ticket.
#[tokio::test]
async fn a_payment_at_the_end_of_its_hold_gets_the_ticket_or_takes_nothing() {
    let world = World::start(&[("HOLD_SECONDS", "2")]).await;
    let racers = Racers::welcome(&world).await;
    let mut outcomes = BTreeMap::new();
    for some in offsets() {
        for outcome in join_all(some.iter().map(|offset| race(&world, &racers, *offset))).await {
            *outcomes.entry(outcome).or_insert(0) += 1;
        }
    }
    let of_paid = |status| outcomes.keys().any(|(paid, _)| *paid == status);
    assert!(of_paid(201) && of_paid(409), "{outcomes:?}");
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

/// Pays so long after the end of the hold, and orders the same ticket for another at that moment.
/// Answers what the two came to.
async fn race(world: &World, racers: &Racers, offset: TimeDelta) -> (u16, u16) {
    let ordered = racers.order(world).await;
    tokio::time::sleep(until(ordered.expires_at + offset)).await;
    let pay = world.pay(&racers.buyer, &ordered.order, "tok_visa");
    let (paid, placed) = join(pay, world.order_ticket(&racers.rival, &ordered.deal.ticket)).await;
    let order = world.order(&racers.buyer, &ordered.order).await;
    match paid.status {
        201 => assert_eq!(order["status"], "completed"),
        409 => assert_eq!(order["status"], "expired", "{}", paid.text),
        _ => panic!("{}", paid.text),
    }
    assert!([201, 409].contains(&placed.status), "{}", placed.text);
    assert!(paid.status == 409 || placed.status == 409, "sold twice");
    (paid.status, placed.status)
}

/// Ticket or the money back, never both and never neither: what became of a payment is learned in
/// the milliseconds around the end of the time that it has, while somebody else wants the ticket.
#[tokio::test]
async fn a_payment_whose_outcome_comes_at_its_end_gets_the_ticket_or_its_money_back() {
    let shop = WithStripe::start(&[("HOLD_SECONDS", "2"), ("PAYMENT_SECONDS", "1")]).await;
    let racers = Racers::welcome(&shop.world).await;
    shop.stripe.stop_calls(Stop::Until);
    let mut payments = Vec::new();
    for some in offsets() {
        let races = some.iter().map(|offset| race_of_outcome(&shop, &racers, *offset));
        payments.extend(join_all(races).await);
    }
    let books = shop.stripe.books().await;
    for (payment, is_completed) in &payments {
        let (charged, back) = books[payment];
        assert_eq!((charged, charged - back), (1, usize::from(*is_completed)), "{payment}");
    }
    let outcomes: BTreeSet<bool> = payments.iter().map(|(_, completed)| *completed).collect();
    assert_eq!(outcomes, BTreeSet::from([false, true]), "not each outcome was seen");
    shop.world.verify().await.unwrap();
    shop.world.system.stop().await.unwrap();
}

/// Pays in time, has Stripe answer so long after the end of the payment's time, and orders the same
/// ticket for another at that moment, or before where that is certain. Answers the payment, and
/// whether the ticket is sold for it.
async fn race_of_outcome(shop: &WithStripe, racers: &Racers, offset: TimeDelta) -> (String, bool) {
    let world = &shop.world;
    let ordered = racers.order(world).await;
    let order = async || world.order(&racers.buyer, &ordered.order).await;
    let end = ordered.expires_at + TimeDelta::seconds(1);
    let rival = async {
        let has_begun = async || order().await["paymentId"].is_string();
        eventually("the payment has begun", has_begun).await;
        let payment = order().await["paymentId"].as_str().unwrap().to_owned();
        shop.stripe.answer_at(&payment, Instant::now() + until(end + offset));
        tokio::time::sleep(until(end + offset.min(CLOSE))).await;
        (payment, world.order_ticket(&racers.rival, &ordered.deal.ticket).await)
    };
    let pay = world.pay(&racers.buyer, &ordered.order, CARD);
    let (paid, (payment, placed)) = join(pay, rival).await;
    let is_over =
        async || ["completed", "refunded"].map(Value::from).contains(&order().await["status"]);
    eventually("the order is over", is_over).await;
    let is_completed = order().await["status"] == "completed";
    assert_eq!(paid.status, if is_completed { 201 } else { 409 }, "{}", paid.text);
    let expected = if is_completed { 409 } else { 201 };
    if placed.status != expected {
        // Money that came so late that even the rival's hold was over takes the ticket back.
        let rivals = world.order(&racers.rival, &placed.is(201).member("id")).await;
        let listing = world.events_of(ordered.deal.ticket.parse().unwrap()).await;
        assert_eq!(
            (is_completed, &rivals["status"]),
            (true, &Value::from("expired")),
            "{listing:?}"
        );
        assert!(
            listing.ends_with(&["Released", "Reserved", "Sold"].map(str::to_owned)),
            "{listing:?}"
        );
    }
    (payment, is_completed)
}
