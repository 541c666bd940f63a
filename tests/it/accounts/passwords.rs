//! Setting another password: who may, and that nothing of what the old one opened is left.

use std::time::{Duration, Instant};

use serde_json::json;

use super::given::{NEXT, Pair, WRONG, jwt};
use crate::harness::eventually;
use crate::peers::openid::SignIn;
use crate::world::World;
use crate::world::answer::Ask;
use crate::world::people::{PASSWORD, new_name};

#[tokio::test]
async fn only_who_knows_the_present_password_sets_another_that_keeps_the_rules() {
    let world = World::shared();
    let known = world.given_known().await;
    let (name, access) = (&known.username, &known.tokens.access);
    for wrong in [WRONG, "", &"x".repeat(10_000)] {
        let refused = world.set_password(access, wrong, NEXT).await;
        refused.problem(400, "wrong_password").says("The current password is another one");
    }
    for (unfit, rule) in [
        ("short77", "new_password: must have 8 to 128 characters"),
        ("password", "new_password: is among the most common passwords"),
    ] {
        let refused = world.set_password(access, PASSWORD, unfit).await;
        assert_eq!(refused.problem(422, "invalid_fields").field_errors(), [rule]);
    }
    let missing = jwt(world.post("/auth/users/set_password"), access).json(&json!({})).ask().await;
    let fields = missing.problem(422, "invalid_fields").field_errors();
    assert_eq!(fields, ["current_password: is required", "new_password: is required"]);
    world.post("/auth/users/set_password").ask().await.problem(401, "unauthenticated");
    // Nothing of that has changed anything.
    world.me(access).await.is(200);
    world.refresh_tokens(&known.tokens.refresh).await.is(200);
    world.create_tokens(name, NEXT).await.is(401);
    world.create_tokens(name, PASSWORD).await.is(200);
}

#[tokio::test]
async fn a_new_password_revokes_every_token_on_every_replica_within_a_second() {
    let mut world = World::start(&[]).await;
    let (known, other) = (world.given_known().await, world.given_known().await);
    let gate = world.login(&known.username, PASSWORD).await.is(200).member("access_token");
    let here = Pair::of(&world.create_tokens(&known.username, PASSWORD).await.is(200));
    let tokens = [&gate, &here.access, &known.tokens.access];
    let (mut replica, url) = world.system.replica().await.unwrap();
    let elsewhere = async |token: &str| {
        let me = world.http().get(format!("{url}/auth/users/me"));
        jwt(me, token).ask().await.status
    };
    for token in tokens {
        eventually("the replica serves", async || elsewhere(token).await == 200).await;
    }
    world.set_password(&here.access, PASSWORD, NEXT).await.is(204);
    let since = Instant::now();
    // Its sessions are out here at once.
    world.me(&here.access).await.problem(401, "invalid_token");
    world.me(&known.tokens.access).await.problem(401, "invalid_token");
    // Who logs in now is let in, here and there.
    let next = Pair::of(&world.create_tokens(&known.username, NEXT).await.is(200));
    for token in tokens {
        eventually("it is refused there too", async || elsewhere(token).await == 401).await;
    }
    eventually("it is refused here", async || world.me(&gate).await.status == 401).await;
    assert!(since.elapsed() < Duration::from_millis(1_500), "{:?}", since.elapsed());
    for refresh in [&here.refresh, &known.tokens.refresh] {
        let body = json!({ "refresh": refresh });
        let there = world.http().post(format!("{url}/auth/jwt/refresh")).json(&body);
        there.ask().await.problem(401, "invalid_refresh_token");
    }
    for token in [&next.access, &other.tokens.access] {
        assert_eq!(elsewhere(token).await, 200);
        world.me(token).await.is(200);
    }
    let body = json!({ "username": known.username, "password": PASSWORD });
    let there = world.http().post(format!("{url}/auth/jwt/create")).json(&body);
    there.ask().await.problem(401, "wrong_credentials");
    replica.stop().await.unwrap();
    world.system.ticketing.kill().await.unwrap();
    world.system.ticketing.start().await.unwrap();
    world.me(&gate).await.problem(401, "invalid_token");
    world.me(&next.access).await.is(200);
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn of_two_who_set_a_password_at_once_one_does() {
    let world = World::shared();
    let known = world.given_known().await;
    let set = |new: &'static str| world.set_password(&known.tokens.access, PASSWORD, new);
    let (one, two) = tokio::join!(set(NEXT), set("9o0P1a2S"));
    let (winner, loser) = if one.status == 204 { (NEXT, two) } else { (("9o0P1a2S"), one) };
    // The slower one is told that its password is old, or is out already.
    assert!([400, 401].contains(&loser.status), "{}", loser.text);
    world.create_tokens(&known.username, winner).await.is(200);
}

/// A login that has verified the old password waits for the change, and is refused: its tokens
/// would have outlived the revocation. Held up where it matters by a lock on the account's row.
#[tokio::test]
async fn who_logs_in_while_the_password_is_being_changed_is_refused() {
    let world = World::start(&[]).await;
    let known = world.given_known().await;
    let sql = world.sql().await;
    sql.batch_execute("begin").await.unwrap();
    let change = "update accounts set password_hash = 'another' where username = $1";
    sql.execute(change, &[&known.username]).await.unwrap();
    let waiting = "select count(*) from pg_stat_activity \
                   where datname = current_database() and wait_event_type = 'Lock'";
    let all_wait = async {
        eventually("all of them wait", async || world.count(waiting).await == 4).await;
        sql.batch_execute("commit").await.unwrap();
    };
    let body = json!({ "email": known.email, "password": PASSWORD });
    let sign_in = world.post("/api/users/signin").json(&body).ask();
    let (gate, page, here, set, ()) = tokio::join!(
        world.login(&known.username, PASSWORD),
        sign_in,
        world.create_tokens(&known.username, PASSWORD),
        world.set_password(&known.tokens.access, PASSWORD, NEXT),
        all_wait,
    );
    gate.problem(401, "wrong_credentials");
    page.problem(400, "invalid_credentials");
    here.problem(401, "wrong_credentials");
    set.problem(400, "wrong_password");
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn an_account_that_only_signs_in_with_a_provider_has_no_password_to_set() {
    let there = SignIn::start("").await;
    let email = format!("{}@example.com", new_name());
    let claims = json!({ "sub": new_name(), "email": email, "email_verified": true });
    let signed = there.browser().sign_in("google", &claims).await.is(200);
    let line = signed.header("set-cookie").to_owned();
    let cookie = line.split(';').next().unwrap();
    let (_, token) = cookie.split_once('=').unwrap();
    let me = there.world.me(token).await.is(200);
    assert_eq!((me.member("email"), me.member("first_name")), (email, String::new()));
    for guess in ["", PASSWORD] {
        let refused = there.world.set_password(token, guess, NEXT).await;
        refused.problem(409, "no_password");
    }
    there.world.me(token).await.is(200);
    let name = me.member("username");
    there.world.create_tokens(&name, NEXT).await.problem(401, "wrong_credentials");
    there.world.system.stop().await.unwrap();
}
