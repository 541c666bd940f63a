//! Many at once: one ticket, one buyer; one order, one payment; the end of a hold and its payment.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use futures_util::future::join_all;

use super::given::now;
use crate::harness::eventually;
use crate::world::World;

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
    let charges = format!("select count(*) from payments where order_id = '{}'", ordered.order);
    eventually("one payment", async || world.count(&charges).await == 1).await;
}

/// How many races there are, unless the variable `RACES` says otherwise.
const RACES: i64 = 100;

/// Ticket or nothing taken: payments in the milliseconds around the end of their hold, while
/// somebody else wants the ticket.
#[tokio::test]
async fn a_payment_at_the_end_of_its_hold_gets_the_ticket_or_takes_nothing() {
    let races = std::env::var("RACES").map_or(RACES, |races| races.parse().unwrap());
    let step = 10_000_000 / races;
    let world = World::start(&[("HOLD_SECONDS", "2")]).await;
    let mut outcomes = BTreeMap::new();
    for round in 0..races / 20 {
        let offsets = (0..20).map(|n| TimeDelta::nanoseconds(step * (round * 20 + n) - 5_000_000));
        for outcome in join_all(offsets.map(|offset| race(&world, offset))).await {
            *outcomes.entry(outcome).or_insert(0) += 1;
        }
    }
    assert_eq!(outcomes.values().sum::<i64>(), races, "{outcomes:?}");
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

/// Pays so long after the end of the hold, and orders the same ticket for another at that moment.
/// Answers what the two came to.
async fn race(world: &World, offset: TimeDelta) -> (u16, u16) {
    let (deal, rival) = (world.given_ticket().await, world.given_user("standard").await);
    let ordered = world.given_order_of(deal).await;
    let start = ordered.expires_at + offset;
    let wait = (start - now()).to_std().expect("the hold has not ended yet");
    tokio::time::sleep(wait).await;
    let pay = world.pay(&ordered.deal.buyer, &ordered.order, "tok_visa");
    let (paid, placed) =
        futures_util::future::join(pay, world.order_ticket(&rival, &ordered.deal.ticket)).await;
    let order = world.order(&ordered.deal.buyer, &ordered.order).await;
    match paid.status {
        201 => assert_eq!(order["status"], "completed"),
        409 => assert_eq!(order["status"], "expired", "{}", paid.text),
        _ => panic!("{}", paid.text),
    }
    assert!(paid.status == 409 || placed.status == 409, "sold twice");
    (paid.status, placed.status)
}
