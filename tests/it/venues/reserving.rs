//! Reserving seats, one or several as one, and giving holds up.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::json;

use super::given::nothing;
use crate::market::given::now;
use crate::world::World;
use crate::world::answer::Ask;

#[tokio::test]
async fn who_reserves_a_ticket_holds_it_and_nobody_else_gets_it() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 3)]).await;
    let (user, other) = (world.given_user("standard").await, world.given_user("standard").await);
    let ticket = sale.ticket("A", 1, 1);
    assert_eq!(world.ticket_status(&user, &ticket).await, (4, "empty".into()));
    let before = now();
    let held = world.reserve(&user, &ticket).await.is(200).says("Ticket reserved successfully");
    let until: DateTime<Utc> = held.member("expires_at").parse().unwrap();
    let five = TimeDelta::minutes(5);
    assert!((five..five + TimeDelta::minutes(1)).contains(&(until - before)), "{until}");
    assert_eq!(world.ticket_status(&other, &ticket).await, (1, "reserved".into()));
    for who in [&other, &user] {
        let late = world.reserve(who, &ticket).await;
        let late = late.problem(409, "ticket_unavailable");
        late.says("Ticket is not available for reservation");
    }
    world.reserve(&other, &nothing()).await.problem(404, "not_found");
    world.reserve(&other, "7").await.problem(400, "malformed_parameter");
    let path = format!("/api/ticket/{ticket}/reserve/");
    world.request(Method::PUT, &path).ask().await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn only_ones_own_hold_is_given_up_and_then_the_seat_is_free() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 3)]).await;
    let (user, other) = (world.given_user("standard").await, world.given_user("standard").await);
    let ticket = sale.ticket("A", 1, 2);
    let refused = "Ticket is not available for cancellation";
    world.cancel(&user, &ticket).await.problem(409, "ticket_not_held").says(refused);
    world.reserve(&user, &ticket).await.is(200);
    world.cancel(&other, &ticket).await.problem(409, "ticket_not_held").says(refused);
    world.cancel(&user, &ticket).await.is(200).says("Ticket CANCELED successfully");
    world.cancel(&user, &ticket).await.problem(409, "ticket_not_held");
    assert_eq!(world.ticket_status(&user, &ticket).await, (4, "empty".into()));
    world.reserve(&other, &ticket).await.is(200);
    let path = format!("/api/ticket/{ticket}/canceled/");
    let canceled = world.by(&other, Method::PUT, &path).ask().await.is(200);
    canceled.says("Ticket CANCELED successfully");
    world.cancel(&user, &nothing()).await.problem(404, "not_found");
}

#[tokio::test]
async fn several_seats_are_reserved_as_one_or_not_at_all() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 6)]).await;
    let (user, other) = (world.given_user("standard").await, world.given_user("standard").await);
    let tickets = |numbers: &[u32]| {
        let tickets: Vec<_> = numbers.iter().map(|n| sale.ticket("A", 1, *n)).collect();
        json!({ "tickets": tickets })
    };
    let held = world.reserve_many(&user, &sale.id, &tickets(&[1, 2, 3])).await.is(200);
    assert_eq!(held.json["tickets"].as_array().unwrap().len(), 3);
    let refused = world.reserve_many(&other, &sale.id, &tickets(&[3, 4, 5])).await;
    refused.problem(409, "ticket_unavailable");
    for number in [4, 5] {
        let status = world.ticket_status(&other, &sale.ticket("A", 1, number)).await;
        assert_eq!(status.0, 4, "nothing of a refused cart is held");
    }
    let elsewhere = world.given_sale(&[("A", 1, 1)]).await;
    let mixed = json!({ "tickets": [sale.ticket("A", 1, 4), elsewhere.ticket("A", 1, 1)] });
    world.reserve_many(&other, &sale.id, &mixed).await.problem(404, "not_found");
    for bad in [
        json!({}),
        json!({ "tickets": [] }),
        json!({ "quantity": 0 }),
        json!({ "quantity": 1, "tickets": [] }),
        json!({ "quantity": 101 }),
    ] {
        let refused = world.reserve_many(&other, &sale.id, &bad).await;
        refused.problem(422, "invalid_fields");
    }
    world
        .reserve_many(&other, &nothing(), &json!({ "quantity": 1 }))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn the_best_seats_are_chosen_together_and_nobody_is_left_alone() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 2, 4), ("B", 1, 4)]).await;
    let user = world.given_user("standard").await;
    let best = async |body| {
        let held = world.reserve_many(&user, &sale.id, &body).await.is(200);
        let seats = held.json["tickets"].as_array().unwrap().iter();
        let place = |seat: &serde_json::Value| {
            format!("{}{}-{}", seat["section"].as_str().unwrap(), seat["row"], seat["number"])
        };
        seats.map(place).collect::<Vec<_>>()
    };
    let two = json!({ "quantity": 2, "adjacent": true });
    assert_eq!(best(two.clone()).await, ["A1-1", "A1-2"]);
    // Of three in the rest of row 1 there are only two; one more would be alone there.
    let three = json!({ "quantity": 3, "adjacent": true });
    assert_eq!(best(json!({ "quantity": 4, "adjacent": true })).await.len(), 4);
    assert_eq!(best(json!({ "quantity": 1, "section": "B" })).await, ["B1-1"]);
    assert_eq!(best(three).await, ["B1-2", "B1-3", "B1-4"]);
    let many = world.reserve_many(&user, &sale.id, &json!({ "quantity": 3 })).await;
    many.problem(409, "ticket_unavailable");
    assert_eq!(best(two).await, ["A1-3", "A1-4"]);
}

#[tokio::test]
async fn a_repeat_with_the_same_key_reserves_once_and_is_told_the_same() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 2)]).await;
    let user = world.given_user("standard").await;
    let path = format!("/api/ticket/{}/reserve/", sale.ticket("A", 1, 1));
    let reserve = async || {
        world.by(&user, Method::PUT, &path).header("Idempotency-Key", "once").ask().await.is(200)
    };
    assert_eq!(reserve().await.text, reserve().await.text);
}

#[tokio::test]
async fn a_buyer_holds_a_hundred_tickets_at_most() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 2, 60)]).await;
    let user = world.given_user("standard").await;
    world.reserve_many(&user, &sale.id, &json!({ "quantity": 100 })).await.is(200);
    let more = world.reserve_many(&user, &sale.id, &json!({ "quantity": 1 })).await;
    more.problem(409, "too_many_held");
}
