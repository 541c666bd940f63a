//! What time does to login tokens: they end after an hour, and their keys change without a restart.

use std::fs;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Header, decode_header, encode};
use reqwest::Method;
use serde_json::{Value, json};

use super::tokens::{claims, signing_key};
use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::{Answer, Ask};

/// How long tokens of a key are accepted after its successor began to sign (`accounts/keys.rs`).
const OVERLAP: TimeDelta = TimeDelta::hours(2);

async fn ask_with(gate: &World, token: &str) -> Answer {
    gate.get("/request_for_ticketing_link").bearer_auth(token).ask().await
}

#[tokio::test]
async fn a_login_ends_after_an_hour_and_is_then_never_a_guest() {
    let gate = World::with_test_clock().await;
    let user = gate.given_user("standard").await;
    let id = gate.given_request(Some(&user)).await;
    let claims = claims(&user.token);
    let end = DateTime::from_timestamp(claims["exp"].as_i64().unwrap(), 0).unwrap();
    gate.move_clock_to(end - TimeDelta::seconds(5)).await;
    ask_with(&gate, &user.token).await.is(201);
    gate.move_clock_to(end).await;
    let requests = "select count(*) from events where event_type = 'Requested'";
    let before = gate.count(requests).await;
    for path in ["/request_for_ticketing_link", &format!("/check_ticketing_link?request_id={id}")] {
        for method in [Method::GET, Method::POST] {
            let refused = gate.request(method, path).bearer_auth(&user.token).ask().await;
            if refused.status != 405 {
                let refused = refused.problem(401, "invalid_token");
                refused.says("Your login has expired, please log in again");
            }
        }
    }
    assert_eq!(gate.count(requests).await, before, "an expired login made a request");
    gate.system.stop().await.unwrap();
}

/// Adds a key that signs from this moment on, as an operator would: made elsewhere, moved in under
/// its name.
async fn add_key(gate: &World, signs_from: DateTime<Utc>) {
    let (made, keys) = (gate.system.wiring.home.key("next"), gate.system.wiring.home.key("login"));
    let folder = made.to_str().unwrap();
    gate.run(&["generate-key", folder]).await.unwrap();
    let file = made.read_dir().unwrap().next().unwrap().unwrap().path();
    let name = signs_from.format("%Y%m%dT%H%M%SZ.pem").to_string();
    fs::rename(file, keys.join(name)).unwrap();
}

async fn published(gate: &World) -> Vec<String> {
    let keys = gate.get("/.well-known/jwks.json").ask().await.is(200).json;
    let ids = keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

fn kid(token: &str) -> String {
    decode_header(token).unwrap().kid.unwrap()
}

/// The token again as if it were issued now.
fn renewed(key: &jsonwebtoken::EncodingKey, token: &str, now: DateTime<Utc>) -> String {
    let (header, mut claims): (Header, Value) = (decode_header(token).unwrap(), claims(token));
    for (name, time) in [("iat", now), ("nbf", now), ("exp", now + TimeDelta::hours(1))] {
        claims[name] = json!(time.timestamp());
    }
    encode(&header, &claims, key).unwrap()
}

#[tokio::test]
async fn keys_change_without_a_restart_and_old_tokens_stay_valid_for_a_while() {
    let gate = World::with_test_clock().await;
    let user = gate.given_user("standard").await;
    let old_key = signing_key(&gate);
    assert_eq!(published(&gate).await, [kid(&user.token)]);

    let change = gate.now().await + TimeDelta::minutes(30);
    add_key(&gate, change).await;
    eventually("the next key is published", async || published(&gate).await.len() == 2).await;
    let login = async || {
        let answer = gate.login(&user.username, crate::world::people::PASSWORD).await;
        answer.is(200).member("access_token")
    };
    assert_eq!(kid(&login().await), kid(&user.token), "a key signs before its time");

    gate.move_clock_to(change).await;
    let new = login().await;
    assert_ne!(kid(&new), kid(&user.token));
    assert!(published(&gate).await.contains(&kid(&new)));
    for token in [&user.token, &new] {
        ask_with(&gate, token).await.is(201);
    }
    // Whoever still has the old key can make tokens only until the overlap ends.
    gate.move_clock_to(change + OVERLAP - TimeDelta::minutes(10)).await;
    let now = gate.now().await;
    let remembered = renewed(&old_key, &user.token, now);
    ask_with(&gate, &remembered).await.is(201);
    gate.move_clock_to(change + OVERLAP).await;
    let now = gate.now().await;
    ask_with(&gate, &renewed(&old_key, &user.token, now)).await.problem(401, "invalid_token");
    ask_with(&gate, &renewed(&signing_key(&gate), &new, now)).await.is(201);
    assert_eq!(published(&gate).await, [kid(&new)]);
    gate.system.stop().await.unwrap();
}
