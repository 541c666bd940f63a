//! Buying what is held, and giving it back.

use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::given::{Sale, nothing};
use crate::harness::eventually;
use crate::market::given::now;
use crate::world::World;
use crate::world::answer::Ask;

#[tokio::test]
async fn all_that_is_held_is_bought_with_ones_own_money() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 4)]).await;
    let user = world.given_user("standard").await;
    let wallet = world.given_money(&user, 50).await;
    for number in [1, 2] {
        world.reserve(&user, &sale.ticket("A", 1, number)).await.is(200);
    }
    let bought = world.purchase(&user, &wallet).await.is(200).says("Purchase successful");
    let mut tickets: Vec<_> = bought.json["tickets"].as_array().unwrap().clone();
    tickets.sort_by_key(ToString::to_string);
    let mut expected = vec![json!(sale.ticket("A", 1, 1)), json!(sale.ticket("A", 1, 2))];
    expected.sort_by_key(ToString::to_string);
    assert_eq!(tickets, expected);
    assert_eq!(world.balance(&user, &wallet).await, 10);
    let status = world.ticket_status(&user, &sale.ticket("A", 1, 1)).await;
    assert_eq!(status, (3, "confirmed".into()));
    world.cancel(&user, &sale.ticket("A", 1, 1)).await.problem(409, "ticket_not_held");
    let late = world.reserve(&user, &sale.ticket("A", 1, 1)).await;
    late.problem(409, "ticket_unavailable");
    let path = format!("/api/purchase/{}", bought.member("purchase_id"));
    assert_eq!(world.get_as(&user, &path).await.is(200).json["total"], 40);
}

/// In an earlier system a purchase of nothing succeeded, and a balance went below zero.
#[tokio::test]
async fn nothing_is_bought_without_holds_or_without_money() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 4)]).await;
    let user = world.given_user("standard").await;
    let wallet = world.given_money(&user, 19).await;
    world.purchase(&user, &wallet).await.problem(409, "nothing_held");
    world.reserve(&user, &sale.ticket("A", 1, 1)).await.is(200);
    let poor = world.purchase(&user, &wallet).await.problem(402, "insufficient_funds");
    poor.says("Insufficient funds in the wallet");
    assert_eq!(world.balance(&user, &wallet).await, 19);
    assert_eq!(world.ticket_status(&user, &sale.ticket("A", 1, 1)).await.0, 1, "it is still held");
    world.charge(&user, &wallet, 1.0).await.is(200);
    world.purchase(&user, &wallet).await.is(200);
    assert_eq!(world.balance(&user, &wallet).await, 0);
}

/// In an earlier system one bought with another's wallet.
#[tokio::test]
async fn nobody_buys_with_anothers_wallet() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 4)]).await;
    let (user, rich) = (world.given_user("standard").await, world.given_user("standard").await);
    let wallet = world.given_money(&rich, 100).await;
    world.reserve(&user, &sale.ticket("A", 1, 1)).await.is(200);
    for who in [&user, &sale.admin] {
        world.purchase(who, &wallet).await.problem(404, "not_found");
    }
    world.purchase(&user, &nothing()).await.problem(404, "not_found");
    assert_eq!(world.balance(&rich, &wallet).await, 100);
}

#[tokio::test]
async fn a_refund_gives_the_money_back_and_frees_the_seats_once() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 4)]).await;
    let bought = world.given_purchase(&sale, 1).await;
    let other = world.given_user("standard").await;
    let path = format!("/api/purchase/{}/refund", bought.purchase);
    let refund = async |by| world.by(by, Method::POST, &path).ask().await;
    refund(&other).await.problem(404, "not_found");
    let back = refund(&bought.buyer).await.is(200);
    assert_eq!(back.json["tickets"], json!([bought.ticket]));
    assert_eq!(world.balance(&bought.buyer, &bought.wallet).await, 50);
    refund(&bought.buyer).await.problem(409, "already_refunded");
    refund(&sale.admin).await.problem(409, "already_refunded");
    assert_eq!(world.ticket_status(&other, &bought.ticket).await.0, 4);
    world.reserve(&other, &bought.ticket).await.is(200);
    let admin = format!("/admin/purchases/{}", bought.purchase);
    let seen = world.get_as(&sale.admin, &admin).await.is(200);
    assert!(seen.json["refunded_at"].is_string(), "{}", seen.text);
    let nobody = format!("/api/purchase/{}/refund", nothing());
    world.by(&sale.admin, Method::POST, &nobody).ask().await.problem(404, "not_found");
}

#[tokio::test]
async fn a_repeated_purchase_buys_once() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 4)]).await;
    let user = world.given_user("standard").await;
    let wallet = world.given_money(&user, 50).await;
    world.reserve(&user, &sale.ticket("A", 1, 1)).await.is(200);
    let path = format!("/api/wallet/{wallet}/purchase/");
    let buy = async || {
        world.by(&user, Method::POST, &path).header("Idempotency-Key", "buy").ask().await.is(200)
    };
    assert_eq!(buy().await.text, buy().await.text);
    assert_eq!(world.balance(&user, &wallet).await, 30);
    let listed = async || {
        let purchases = world.get_as(&sale.admin, "/admin/purchases?limit=200").await.is(200);
        purchases.json.as_array().unwrap().iter().any(|seen| seen["wallet"] == wallet)
    };
    eventually("it is listed", listed).await;
}

#[tokio::test]
async fn of_many_refunds_at_once_one_gives_the_money_back() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 4)]).await;
    let bought = world.given_purchase(&sale, 1).await;
    let path = format!("/api/purchase/{}/refund", bought.purchase);
    let refund = |by| world.by(by, Method::POST, &path).ask();
    let by = |n| if n % 2 == 0 { &bought.buyer } else { &sale.admin };
    let answers = join_all((0..10).map(|n| refund(by(n)))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![200], vec![409; 9]].concat());
    assert_eq!(world.balance(&bought.buyer, &bought.wallet).await, 50);
    let events = world.events_of(bought.ticket.parse().unwrap()).await;
    assert_eq!(events, ["Held", "Sold", "Returned"]);
}

/// Its buyer gives a purchase back as a whole, so the first of its matches counts.
#[tokio::test]
async fn a_purchase_for_several_matches_is_given_back_until_before_the_first() {
    let world = World::shared();
    let admin = world.given_admin().await;
    let (soon, late) = (now() + TimeDelta::hours(20), now() + TimeDelta::days(30));
    let soon = world.given_sale_at(admin.clone(), &[("A", 1, 4)], soon).await;
    let late = world.given_sale_at(admin.clone(), &[("A", 1, 4)], late).await;
    let user = world.given_user("standard").await;
    let wallet = world.given_money(&user, 100).await;
    let buy = async |sales: &[&Sale], number| {
        for sale in sales {
            world.reserve(&user, &sale.ticket("A", 1, number)).await.is(200);
        }
        world.purchase(&user, &wallet).await.is(200).member("purchase_id")
    };
    let refund = async |by, purchase: &str| {
        world.by(by, Method::POST, &format!("/api/purchase/{purchase}/refund")).ask().await
    };
    let both = buy(&[&late, &soon], 1).await;
    refund(&user, &both).await.problem(409, "refund_too_late");
    let only_late = buy(&[&late], 2).await;
    refund(&user, &only_late).await.is(200);
    assert_eq!(world.balance(&user, &wallet).await, 60);
    let back = refund(&admin, &both).await.is(200);
    assert_eq!(back.json["tickets"].as_array().unwrap().len(), 2);
    assert_eq!(world.balance(&user, &wallet).await, 100);
    for sale in [&soon, &late] {
        assert_eq!(world.ticket_status(&user, &sale.ticket("A", 1, 1)).await.0, 4);
    }
}

/// A ticket that is sold in the moment in which its match is cancelled.
#[tokio::test]
async fn a_ticket_of_a_cancelled_match_is_given_back_at_any_time() {
    let world = World::start(&[]).await;
    let admin = world.given_admin().await;
    let soon = now() + TimeDelta::hours(20);
    let sale = world.given_sale_at(admin, &[("A", 1, 4)], soon).await;
    let bought = world.given_purchase(&sale, 1).await;
    world.give_back(&bought).await.problem(409, "refund_too_late");
    world.cancel_behind_the_api(&sale).await;
    world.give_back(&bought).await.is(200);
    assert_eq!(world.balance(&bought.buyer, &bought.wallet).await, 50);
    world.system.stop().await.unwrap();
}
