//! Refresh tokens that are used once, whichever door handed them out, and what passes for a token.

use serde_json::json;
use uuid::Uuid;

use super::given::{Pair, jwt};
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::PASSWORD;

const REFUSED: &str = "Token is invalid or expired";

/// The value of a cookie that an answer sets.
fn cookie(answer: &Answer, name: &str) -> String {
    let lines = answer.headers.get_all("set-cookie").iter();
    let mut pairs = lines.filter_map(|line| line.to_str().ok()?.split(';').next()?.split_once('='));
    let (_, value) = pairs.find(|(found, _)| *found == name).expect("the cookie");
    value.to_owned()
}

#[tokio::test]
async fn a_refresh_token_is_used_once_and_a_second_time_ends_its_session() {
    let world = World::shared();
    let known = world.given_known().await;
    let first = known.tokens;
    let other = Pair::of(&world.create_tokens(&known.username, PASSWORD).await.is(200));
    let second = Pair::of(&world.refresh_tokens(&first.refresh).await.is(200));
    assert_ne!(second.refresh, first.refresh);
    // A new pair does not end the old login token, its hour does.
    world.me(&first.access).await.is(200);
    let third = Pair::of(&world.refresh_tokens(&second.refresh).await.is(200));
    // Somebody comes with the first one again.
    let reused = world.refresh_tokens(&first.refresh).await;
    reused.problem(401, "invalid_refresh_token").says(REFUSED);
    world.refresh_tokens(&third.refresh).await.problem(401, "invalid_refresh_token");
    for token in [&first.access, &second.access, &third.access, &third.refresh] {
        world.verify_token(token).await.problem(401, "invalid_token").says(REFUSED);
    }
    world.me(&third.access).await.problem(401, "invalid_token");
    // The account's other session is not concerned.
    world.me(&other.access).await.is(200);
    world.refresh_tokens(&other.refresh).await.is(200);
}

#[tokio::test]
async fn a_session_goes_on_at_another_door() {
    let world = World::shared();
    let known = world.given_known().await;
    let body = json!({ "email": known.email, "password": PASSWORD });
    let signed = world.post("/api/users/signin").json(&body).ask().await.is(200);
    let here = Pair::of(&world.refresh_tokens(&cookie(&signed, "Refresh")).await.is(200));
    let there = world.post("/token/refresh").header("cookie", format!("Refresh={}", here.refresh));
    let there = there.ask().await.is(200);
    world.me(&there.member("access_token")).await.is(200);
    // Signing out ends it everywhere.
    let out = jwt(world.post("/api/users/signout"), &here.access);
    out.ask().await.is(200);
    world.verify_token(&there.member("access_token")).await.problem(401, "invalid_token");
    let refreshed = world.refresh_tokens(&cookie(&there, "Refresh")).await;
    refreshed.problem(401, "invalid_refresh_token");
}

#[tokio::test]
async fn tokens_of_both_kinds_are_verified_and_not_used_up() {
    let world = World::shared();
    let known = world.given_known().await;
    for token in [&known.tokens.access, &known.tokens.refresh] {
        for _ in 0..2 {
            assert_eq!(world.verify_token(token).await.is(200).json, json!({}));
        }
    }
    world.refresh_tokens(&known.tokens.refresh).await.is(200);
    world.verify_token(&known.tokens.refresh).await.problem(401, "invalid_token");
}

#[tokio::test]
async fn what_is_no_token_of_ours_is_refused() {
    let world = World::shared();
    let known = world.given_known().await;
    let link = world.given_issued_link("standard").await;
    let (access, refresh) = (&known.tokens.access, &known.tokens.refresh);
    let (session, _) = refresh.split_once('.').unwrap();
    for garbage in [
        "",
        "x",
        "7.y",
        ".",
        &format!("{access}x"),
        &format!("{session}.x"),
        &format!("{}.x", Uuid::new_v4().simple()),
        &format!("{session}.{}", "x".repeat(60_000)),
        &link.token,
    ] {
        let refused = world.verify_token(garbage).await;
        refused.problem(401, "invalid_token").says(REFUSED);
    }
    // Neither kind does the work of the other.
    world.refresh_tokens(access).await.problem(401, "invalid_refresh_token");
    world.me(refresh).await.problem(401, "invalid_token");
    for (path, member) in [("/auth/jwt/refresh", "refresh"), ("/auth/jwt/verify", "token")] {
        let missing = world.post(path).json(&json!({})).ask().await;
        let fields = missing.problem(422, "invalid_fields").field_errors();
        assert_eq!(fields, [format!("{member}: is required")]);
    }
}

#[tokio::test]
async fn tokens_have_their_time() {
    let world = World::with_test_clock().await;
    let known = world.given_known().await;
    let tokens = &known.tokens;
    world.move_clock_to(world.now().await + chrono::TimeDelta::minutes(61)).await;
    world.verify_token(&tokens.access).await.problem(401, "invalid_token");
    world.verify_token(&tokens.refresh).await.is(200);
    let next = Pair::of(&world.refresh_tokens(&tokens.refresh).await.is(200));
    world.me(&next.access).await.is(200);
    world.move_clock_to(world.now().await + chrono::TimeDelta::days(31)).await;
    world.verify_token(&next.refresh).await.problem(401, "invalid_token");
    world.refresh_tokens(&next.refresh).await.problem(401, "invalid_refresh_token");
    world.system.stop().await.unwrap();
}
