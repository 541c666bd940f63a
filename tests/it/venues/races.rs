//! Many at once: one seat, overlapping carts, one wallet, the best seats.

use std::collections::{BTreeMap, HashSet};

use futures_util::future::join_all;
use serde_json::json;

use crate::world::World;
use crate::world::answer::Answer;

fn counted(answers: &[Answer]) -> BTreeMap<u16, usize> {
    let mut statuses = BTreeMap::new();
    for answer in answers {
        *statuses.entry(answer.status).or_insert(0) += 1;
    }
    statuses
}

/// In an earlier system the seat was looked at outside the transaction: double booking.
#[tokio::test]
async fn of_many_buyers_of_one_seat_one_gets_it() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 10, 1)]).await;
    let buyers = join_all((0..30).map(|_| world.given_user("standard"))).await;
    for row in 1..=10 {
        let ticket = sale.ticket("A", row, 1);
        let answers = join_all(buyers.iter().map(|buyer| world.reserve(buyer, &ticket))).await;
        assert_eq!(counted(&answers), BTreeMap::from([(200, 1), (409, 29)]), "row {row}");
    }
}

#[tokio::test]
async fn overlapping_carts_are_all_or_nothing_and_nobody_waits_for_ever() {
    const CARTS: u32 = 500;
    const SEATS: u32 = 100;
    let world = World::start(&[]).await;
    let sale = world.given_sale(&[("A", 1, SEATS)]).await;
    let buyers = join_all((0..10).map(|_| world.given_user("standard"))).await;
    let carts = (0..CARTS).map(|n| {
        // Four seats, in an order of its own, of which every cart near by wants some.
        let first = (n * 7) % SEATS;
        let seats = [3, 0, 2, 1].map(|more| sale.ticket("A", 1, (first + more) % SEATS + 1));
        (&buyers[n as usize % buyers.len()], json!({ "tickets": seats }))
    });
    let (system, id) = (&world, &sale.id);
    let reserved = carts
        .map(|(buyer, body)| async move { (system.reserve_many(buyer, id, &body).await, body) });
    let answers = join_all(reserved).await;
    let mut held = HashSet::new();
    for (answer, body) in &answers {
        assert!([200, 409].contains(&answer.status), "{}: {}", answer.status, answer.text);
        if answer.status == 200 {
            for ticket in body["tickets"].as_array().unwrap() {
                assert!(held.insert(ticket.to_string()), "held twice: {ticket}");
            }
        }
    }
    assert!(held.len() >= 60, "{} seats are held", held.len());
    let events = "select count(*) from events where event_type = 'Held'";
    assert_eq!(world.count(events).await, i64::try_from(held.len()).unwrap());
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn the_best_seats_go_to_as_many_as_there_are() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 4, 10)]).await;
    let buyers = join_all((0..30).map(|_| world.given_user("standard"))).await;
    let body = json!({ "quantity": 2, "adjacent": true });
    let wants = buyers.iter().map(|buyer| world.reserve_many(buyer, &sale.id, &body));
    let answers = join_all(wants).await;
    let statuses = counted(&answers);
    assert!(statuses.keys().all(|status| [200, 409].contains(status)), "{statuses:?}");
    let mut held = HashSet::new();
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        for ticket in answer.json["tickets"].as_array().unwrap() {
            assert!(held.insert(ticket["id"].to_string()), "held twice");
        }
    }
    assert_eq!(held.len(), 40, "all seats went: {statuses:?}");
}

#[tokio::test]
async fn of_many_purchases_at_once_one_takes_the_money() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 2)]).await;
    let user = world.given_user("standard").await;
    let wallet = world.given_money(&user, 100).await;
    world.reserve(&user, &sale.ticket("A", 1, 1)).await.is(200);
    let answers = join_all((0..20).map(|_| world.purchase(&user, &wallet))).await;
    assert_eq!(counted(&answers), BTreeMap::from([(200, 1), (409, 19)]));
    assert_eq!(world.balance(&user, &wallet).await, 80);
}
