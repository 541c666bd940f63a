//! The settings of the venues, each as it is set.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;

use crate::world::World;
use crate::world::answer::Ask;

#[tokio::test]
async fn holds_and_refunds_end_when_the_settings_say() {
    let settings = [("TEST_CLOCK", "1"), ("SEAT_HOLD_SECONDS", "90"), ("REFUND_UNTIL_HOURS", "2")];
    let world = World::start(&settings).await;
    let admin = world.given_admin().await;
    let start = world.now().await + TimeDelta::minutes(123);
    let sale = world.given_sale_at(admin, &[("A", 1, 3)], start).await;
    let user = world.given_user("standard").await;
    let before = world.now().await;
    let held = world.reserve(&user, &sale.ticket("A", 1, 1)).await.is(200);
    let until: DateTime<Utc> = held.member("expires_at").parse().unwrap();
    let held_for = until - before;
    assert!((TimeDelta::seconds(90)..TimeDelta::seconds(120)).contains(&held_for), "{held_for}");
    let (early, late) =
        (world.given_purchase(&sale, 2).await, world.given_purchase(&sale, 3).await);
    let refund = async |purchase: &str, by| {
        world.by(by, Method::POST, &format!("/api/purchase/{purchase}/refund")).ask().await
    };
    refund(&early.purchase, &early.buyer).await.is(200);
    world.move_clock_to(until).await;
    assert_eq!(world.ticket_status(&user, &sale.ticket("A", 1, 1)).await.0, 4);
    world.move_clock_to(start - TimeDelta::hours(2)).await;
    refund(&late.purchase, &late.buyer).await.problem(409, "refund_too_late");
    world.system.stop().await.unwrap();
}

/// Whatever it changes is counted together; reading is not.
#[tokio::test]
async fn an_account_changes_the_venues_only_so_often() {
    let world = World::start(&[("RATE_LIMITS", "on"), ("VENUES_CHANGES_PER_MINUTE", "3")]).await;
    let (user, other) = (world.given_user("standard").await, world.given_user("standard").await);
    let wallet = world.given_wallet(&user).await;
    let charged = world.charge(&user, &wallet, 5.0).await.is(200);
    assert!(charged.header("ratelimit-policy").contains("\"venues\";q=3;w=60"));
    assert!(charged.header("ratelimit").contains("\"venues\";r=1;"), "{:?}", charged.headers);
    world.purchase(&user, &wallet).await.problem(409, "nothing_held");
    let limited = world.charge(&user, &wallet, 5.0).await.problem(429, "rate_limited");
    let wait: u64 = limited.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    for _ in 0..5 {
        assert_eq!(world.balance(&user, &wallet).await, 5);
    }
    world.given_wallet(&other).await;
    world.system.stop().await.unwrap();
}
