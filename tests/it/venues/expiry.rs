//! The end of holds, and of sales: comparisons of times, whoever records them.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::json;

use super::given::Sale;
use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::Ask;
use crate::world::people::User;

impl World {
    /// A match in 30 days of a system whose clock is moved, with a spectator.
    async fn given_timed_sale(&self) -> (Sale, User) {
        let admin = self.given_admin().await;
        let start = self.now().await + TimeDelta::days(30);
        let sale = self.given_sale_at(admin, &[("A", 1, 4)], start).await;
        (sale, self.given_user("standard").await)
    }
}

fn end(answer: &crate::world::answer::Answer) -> DateTime<Utc> {
    answer.member("expires_at").parse().expect("a time")
}

#[tokio::test]
async fn a_hold_ends_with_its_time_also_over_a_restart() {
    let mut world = World::with_test_clock().await;
    let (sale, user) = world.given_timed_sale().await;
    let ticket = sale.ticket("A", 1, 1);
    let until = end(&world.reserve(&user, &ticket).await.is(200));
    world.move_clock_to(until - TimeDelta::minutes(2)).await;
    assert_eq!(world.ticket_status(&user, &ticket).await.0, 1);
    world.system.ticketing.kill().await.unwrap();
    world.system.ticketing.start().await.unwrap();
    assert_eq!(world.ticket_status(&user, &ticket).await.0, 1);
    world.move_clock_to(until).await;
    assert_eq!(world.ticket_status(&user, &ticket).await.0, 4);
    let recorded = "select count(*) from events \
                    where event_type in ('Released', 'TicketsReleased')";
    eventually("the end is recorded", async || world.count(recorded).await == 2).await;
    assert_eq!(world.ticket_status(&user, &ticket).await.0, 4);
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

/// An earlier system's timers freed the seat of whoever held it by then. And the next buyer waits
/// for nobody to record the end.
#[tokio::test]
async fn a_late_timer_does_not_free_the_next_holders_seat() {
    let world = World::with_test_clock().await;
    let (sale, first) = world.given_timed_sale().await;
    let second = world.given_user("standard").await;
    let ticket = sale.ticket("A", 1, 1);
    let until = end(&world.reserve(&first, &ticket).await.is(200));
    // The timer of the first hold is kept from running until the second holds the seat.
    let hold_back = "update deadlines set claimed_until = 'infinity'";
    world.sql().await.batch_execute(hold_back).await.unwrap();
    world.move_clock_to(until).await;
    world.reserve(&second, &ticket).await.is(200);
    world.cancel(&first, &ticket).await.problem(409, "ticket_not_held");
    world.sql().await.batch_execute("update deadlines set claimed_until = null").await.unwrap();
    let due = "select count(*) from deadlines where done_at is not null";
    eventually("the first timer has run", async || world.count(due).await == 1).await;
    assert_eq!(world.ticket_status(&second, &ticket).await, (1, "reserved".into()));
    let wallet = world.given_money(&second, 20).await;
    world.purchase(&second, &wallet).await.is(200);
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

/// Calls wait in a rush: who had to has no less time to pay.
#[tokio::test]
async fn a_hold_begins_when_the_seat_is_chosen_and_not_when_it_was_asked_for() {
    let world = World::with_test_clock().await;
    let (sale, user) = world.given_timed_sale().await;
    let holder = world.sql().await;
    let hold_up = "begin; lock table idempotency_keys in access exclusive mode";
    holder.batch_execute(hold_up).await.unwrap();
    let path = format!("/api/match/{}/reserve", sale.id);
    let keyed = world.by(&user, Method::POST, &path).header("Idempotency-Key", "in-a-rush");
    let call = tokio::spawn(keyed.json(&json!({ "quantity": 1 })).ask());
    let waits = async || world.is_waited_for(&holder).await;
    eventually("the call waits", waits).await;
    let later = world.now().await + TimeDelta::minutes(2);
    world.move_clock_to(later).await;
    holder.batch_execute("commit").await.unwrap();
    let until = end(&call.await.unwrap().is(200));
    assert!(until >= later + TimeDelta::minutes(5), "held until {until}, chosen after {later}");
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn what_was_held_too_long_is_not_bought() {
    let world = World::with_test_clock().await;
    let (sale, user) = world.given_timed_sale().await;
    let wallet = world.given_money(&user, 100).await;
    let until = end(&world.reserve(&user, &sale.ticket("A", 1, 1)).await.is(200));
    world.move_clock_to(until - TimeDelta::minutes(1)).await;
    world.reserve(&user, &sale.ticket("A", 1, 2)).await.is(200);
    world.move_clock_to(until).await;
    let bought = world.purchase(&user, &wallet).await.is(200);
    assert_eq!(bought.json["tickets"], json!([sale.ticket("A", 1, 2)]));
    assert_eq!(world.balance(&user, &wallet).await, 80);
    world.purchase(&user, &wallet).await.problem(409, "nothing_held");
    world.system.stop().await.unwrap();
}

/// An earlier system sold tickets of past matches.
#[tokio::test]
async fn nothing_of_a_match_is_sold_from_its_first_instant_on() {
    let world = World::with_test_clock().await;
    let (sale, user) = world.given_timed_sale().await;
    let wallet = world.given_money(&user, 100).await;
    world.move_clock_to(sale.start - TimeDelta::minutes(2)).await;
    // The token of the login has expired meanwhile.
    let user = world.logged_in_again(&user).await;
    let held = world.reserve(&user, &sale.ticket("A", 1, 1)).await.is(200);
    assert_eq!(end(&held), sale.start, "a hold ends with the sale");
    world.move_clock_to(sale.start).await;
    world.reserve(&user, &sale.ticket("A", 1, 2)).await.problem(409, "match_begun");
    world.purchase(&user, &wallet).await.problem(409, "nothing_held");
    let status = world.ticket_status(&user, &sale.ticket("A", 1, 2)).await;
    assert_eq!(status, (5, "expired".into()));
    let admin = world.logged_in_again(&sale.admin).await;
    let path = format!("/api/match/{}/tickets", sale.id);
    let offered = world.post_as(&admin, &path, &json!({ "price": sale.price })).await;
    offered.problem(409, "match_begun");
    // Nor does it move, and no ticket of it changes.
    let later = sale.start + TimeDelta::days(1);
    let later = json!({ "start_time": later, "end_time": later + TimeDelta::hours(2) });
    let ticket = format!("/api/ticket/{}/", sale.ticket("A", 1, 2));
    for (method, path, body) in [
        (Method::PATCH, format!("/api/match/{}/", sale.id), later),
        (Method::PATCH, ticket.clone(), json!({ "price": sale.price })),
        (Method::DELETE, ticket, json!({})),
    ] {
        let refused = world.by(&admin, method, &path).json(&body).ask().await;
        refused.problem(409, "match_begun");
    }
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_purchase_is_given_back_by_its_buyer_until_a_day_before_the_match() {
    let world = World::with_test_clock().await;
    let (sale, _) = world.given_timed_sale().await;
    let (early, late) =
        (world.given_purchase(&sale, 1).await, world.given_purchase(&sale, 2).await);
    let back = async |by: &User, purchase: &str| {
        world.post_as(by, &format!("/api/purchase/{purchase}/refund"), &json!({})).await
    };
    world.move_clock_to(sale.start - TimeDelta::days(1) - TimeDelta::minutes(1)).await;
    let buyer = world.logged_in_again(&early.buyer).await;
    back(&buyer, &early.purchase).await.is(200);
    assert_eq!(world.balance(&buyer, &early.wallet).await, 50);
    world.move_clock_to(sale.start - TimeDelta::days(1)).await;
    let buyer = world.logged_in_again(&late.buyer).await;
    back(&buyer, &late.purchase).await.problem(409, "refund_too_late");
    let admin = world.logged_in_again(&sale.admin).await;
    back(&admin, &late.purchase).await.is(200);
    assert_eq!(world.balance(&buyer, &late.wallet).await, 50);
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}
