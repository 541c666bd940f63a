//! Wallets: one an account, topped up through the payment provider, with a statement.

use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::given::nothing;
use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::Ask;

#[tokio::test]
async fn an_account_has_one_wallet_which_is_empty() {
    let world = World::shared();
    let (admin, user) = (world.given_admin().await, world.given_user("standard").await);
    let other = world.given_user("standard").await;
    let opened = world.by(&user, Method::POST, "/api/wallet/").ask().await.is(201);
    assert_eq!(opened.json["money"], 0);
    let id = opened.member("id");
    let again = world.by(&user, Method::POST, "/api/wallet/").ask().await;
    let again = again.problem(409, "wallet_exists");
    assert!(again.member("detail").ends_with(&id), "the refusal names it: {}", again.text);
    let path = format!("/api/wallet/{id}");
    assert_eq!(world.get_as(&user, &path).await.is(200).json, opened.json);
    assert_eq!(world.get_as(&admin, &path).await.is(200).json, opened.json);
    world.get_as(&other, &path).await.problem(404, "not_found");
    world.get_as(&other, "/api/wallet/").await.problem(403, "forbidden");
    // Nobody gives themselves money, or others a wallet.
    for body in [json!({ "money": 100 }), json!({ "user": opened.json["user"] })] {
        world.post_as(&other, "/api/wallet/", &body).await.problem(403, "forbidden");
    }
    let me = world.get_as(&other, "/api/users/currentuser").await.is(200);
    let body = json!({ "user": me.json["currentUser"]["id"], "money": 12.5 });
    let given = world.post_as(&admin, "/api/wallet/", &body).await.is(201);
    assert_eq!(given.json["money"], 12.5);
    assert_eq!(world.balance(&other, &given.member("id")).await, 12.5);
    let nobody = json!({ "user": nothing() });
    world.post_as(&admin, "/api/wallet/", &nobody).await.problem(422, "invalid_fields");
}

/// In an earlier system owners topped up without limit, and with less than nothing.
#[tokio::test]
async fn a_wallet_is_topped_up_within_bounds_and_by_who_may() {
    let world = World::shared();
    let (admin, user) = (world.given_admin().await, world.given_user("standard").await);
    let other = world.given_user("standard").await;
    let wallet = world.given_wallet(&user).await;
    let charged = world.charge(&user, &wallet, 19.99).await.is(200);
    assert_eq!(charged.member("message"), "Wallet charged by 19.99");
    assert_eq!(charged.json["new_balance"], 19.99);
    for bad in [0.0, -5.0, 0.001, 100_000.01] {
        world.charge(&user, &wallet, bad).await.problem(422, "invalid_fields");
    }
    world.charge(&other, &wallet, 5.0).await.problem(404, "not_found");
    world.charge(&admin, &wallet, 100_000.0).await.is(200);
    assert_eq!(world.balance(&user, &wallet).await, 100_019.99);
    let path = format!("/api/wallet/{wallet}/charge/");
    let declined = json!({ "money": 5, "token": "tok_chargeDeclined" });
    world.post_as(&user, &path, &declined).await.problem(402, "payment_declined");
    assert_eq!(world.balance(&user, &wallet).await, 100_019.99);
}

#[tokio::test]
async fn a_repeated_top_up_takes_the_money_once() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    let wallet = world.given_wallet(&user).await;
    let path = format!("/api/wallet/{wallet}/charge/");
    let charge = async |body: &Value| {
        let request = world.by(&user, Method::POST, &path).json(body);
        request.header("Idempotency-Key", "top-up").ask().await
    };
    let body = json!({ "money": 10 });
    for _ in 0..3 {
        assert_eq!(charge(&body).await.is(200).json["new_balance"], 10);
    }
    charge(&json!({ "money": 11 })).await.problem(422, "idempotency_key_reused");
    assert_eq!(world.balance(&user, &wallet).await, 10);
}

/// An earlier system lost updates of the balance.
#[tokio::test]
async fn many_top_ups_at_once_all_count() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    let wallet = world.given_wallet(&user).await;
    let charges = join_all((0..20).map(|_| world.charge(&user, &wallet, 1.0))).await;
    assert!(charges.iter().all(|answer| [200, 202].contains(&answer.status)));
    let all = async || world.balance(&user, &wallet).await == 20;
    eventually("all that was charged is there", all).await;
    world.until_projected("venues").await;
    let path = format!("/api/wallet/{wallet}/transactions");
    let statement = world.get_as(&user, &path).await.is(200).json;
    let balances = statement.as_array().unwrap().iter().map(|posting| posting["balance"].as_u64());
    assert_eq!(balances.collect::<Vec<_>>(), (1..=20).map(Some).collect::<Vec<_>>());
}

#[tokio::test]
async fn of_many_calls_that_open_a_wallet_one_does() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    let open = || world.by(&user, Method::POST, "/api/wallet/").ask();
    let answers = join_all((0..10).map(|_| open())).await;
    let opened: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    let [opened] = opened[..] else { panic!("{} were opened", opened.len()) };
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.clone().problem(409, "wallet_exists");
    }
    let events = world.events_of(opened.member("id").parse().unwrap()).await;
    assert_eq!(events, ["Opened"]);
}

#[tokio::test]
async fn administrators_see_every_posting_oldest_first() {
    let world = World::start(&[]).await;
    let sale = world.given_sale(&[("A", 1, 3)]).await;
    let first = world.given_purchase(&sale, 1).await;
    let second = world.given_purchase(&sale, 2).await;
    let path = format!("/api/purchase/{}/refund", first.purchase);
    world.by(&first.buyer, Method::POST, &path).ask().await.is(200);
    world.until_projected("venues").await;
    let mut told = Vec::new();
    let mut next = Some("/api/transactions/?limit=2".to_owned());
    while let Some(path) = next {
        let page = world.get_as(&sale.admin, &path).await.is(200);
        told.extend(page.json.as_array().unwrap().iter().map(|entry| {
            let amount = (entry["amount"].as_i64().unwrap(), entry["balance"].as_i64().unwrap());
            (entry["kind"].as_str().unwrap().to_owned(), entry["wallet"].clone(), amount)
        }));
        next = page.header("link").split(['<', '>']).nth(1).map(str::to_owned);
    }
    let posting = |kind: &str, wallet: &String, amount| (kind.to_owned(), json!(wallet), amount);
    let expected = [
        posting("top_up", &first.wallet, (50, 50)),
        posting("purchase", &first.wallet, (-20, 30)),
        posting("top_up", &second.wallet, (50, 50)),
        posting("purchase", &second.wallet, (-20, 30)),
        posting("refund", &first.wallet, (20, 50)),
    ];
    assert_eq!(told, expected);
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_top_up_that_the_provider_decides_late_is_settled_by_its_deadline() {
    let mut world = World::with_test_clock().await;
    let user = world.given_user("standard").await;
    let wallet = world.given_wallet(&user).await;
    let path = format!("/api/wallet/{wallet}/charge/");
    let slow = json!({ "money": 5, "token": "tok_slow" });
    world.post_as(&user, &path, &slow).await.is(202);
    assert_eq!(world.balance(&user, &wallet).await, 0);
    world.system.ticketing.kill().await.unwrap();
    world.system.ticketing.start().await.unwrap();
    world.time_passes(TimeDelta::minutes(20)).await;
    eventually("the money has come", async || world.balance(&user, &wallet).await == 5).await;
    let left = "select count(*) from vault where name = 'top_up_source'";
    eventually("what paid is forgotten", async || world.count(left).await == 0).await;
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

/// In an earlier system the history held no tickets.
#[tokio::test]
async fn a_statement_tells_each_posting_with_its_tickets_and_the_balance_then() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 3)]).await;
    let bought = world.given_purchase(&sale, 1).await;
    let path = format!("/api/wallet/{}/transactions", bought.wallet);
    let statement = async || world.get_as(&bought.buyer, &path).await.is(200).json;
    eventually("both are listed", async || statement().await.as_array().unwrap().len() == 2).await;
    let statement = statement().await;
    let told = |n: usize| {
        let entry: &Value = &statement[n];
        (entry["kind"].clone(), entry["amount"].clone(), entry["balance"].clone())
    };
    assert_eq!(told(0), (json!("top_up"), json!(50), json!(50)));
    assert_eq!(told(1), (json!("purchase"), json!(-20), json!(30)));
    assert_eq!(statement[1]["tickets"], json!([bought.ticket]));
    assert_eq!(statement[1]["purchase_id"], bought.purchase);
    let other = world.given_user("standard").await;
    world.get_as(&other, &path).await.problem(404, "not_found");
    world.get_as(&other, "/api/transactions/").await.problem(403, "forbidden");
    world.get_as(&sale.admin, "/api/transactions/").await.is(200);
    let page = world.get_as(&bought.buyer, &format!("{path}?limit=1")).await.is(200);
    let next = page.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    let rest = world.get_as(&bought.buyer, &next).await.is(200);
    assert_eq!(rest.json[0]["kind"], "purchase");
}

#[tokio::test]
async fn a_long_history_is_read_from_a_snapshot() {
    let world = World::start(&[]).await;
    let user = world.given_user("standard").await;
    let wallet = world.given_wallet(&user).await;
    for _ in 0..210 {
        world.charge(&user, &wallet, 0.01).await.is(200);
    }
    assert_eq!(world.balance(&user, &wallet).await, 2.1);
    assert_eq!(world.count("select count(*) from snapshots").await, 1);
    world.charge(&user, &wallet, 0.9).await.is(200);
    assert_eq!(world.balance(&user, &wallet).await, 3);
    // One that was made of a state of another shape is not used.
    let spoil = "update snapshots set shape = 'another', \
                 state = jsonb_set(state, '{Open,balance_minor}', '99999')";
    world.sql().await.batch_execute(spoil).await.unwrap();
    assert_eq!(world.balance(&user, &wallet).await, 3);
    world.system.stop().await.unwrap();
}
