//! Accounts with cookies: signing up, in and out, refreshing, and pages of other origins.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::{PASSWORD, new_email};

async fn sign_up(world: &World, email: &str) -> Answer {
    let body =
        json!({ "firstName": "John", "lastName": "Doe", "email": email, "password": PASSWORD });
    world.post("/api/users/signup").json(&body).ask().await
}

async fn sign_in(world: &World, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    world.post("/api/users/signin").json(&body).ask().await
}

/// The value of a cookie that an answer sets.
fn cookie(answer: &Answer, name: &str) -> String {
    answer.cookie(name)
}

async fn current_user(world: &World, token: &str) -> Answer {
    let request = world.get("/api/users/currentuser");
    request.header("cookie", format!("Authentication={token}")).ask().await
}

async fn refresh(world: &World, token: &str) -> Answer {
    world.post("/token/refresh").header("cookie", format!("Refresh={token}")).ask().await
}

#[tokio::test]
async fn who_signs_up_is_signed_in_by_a_cookie_that_scripts_can_not_read() {
    let world = World::shared();
    let email = new_email();
    let signed = sign_up(world, &email).await.is(201);
    let line = signed.header("set-cookie").to_owned();
    assert!(line.starts_with("Authentication="), "{line}");
    assert!(line.ends_with("; HttpOnly; Path=/; SameSite=Lax"), "{line}");
    let id = signed.member("id");
    let user = json!({ "id": id, "email": email, "firstName": "John", "lastName": "Doe" });
    assert_eq!(signed.json, user);
    let me = current_user(world, &cookie(&signed, "Authentication")).await.is(200);
    assert_eq!(me.json, json!({ "currentUser": user }));
    world.get("/api/users/currentuser").ask().await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn an_address_has_one_account_behind_every_door() {
    let world = World::shared();
    let email = new_email();
    sign_up(world, &email).await.is(201);
    let taken = sign_up(world, &email.to_uppercase()).await.problem(400, "email_registered");
    taken.says("Email already registered");
    sign_in(world, &email.to_uppercase(), PASSWORD).await.is(200);
    for (email, password) in [(email.as_str(), "wrong-1q2W"), ("nobody@example.com", PASSWORD)] {
        let refused = sign_in(world, email, password).await.problem(400, "invalid_credentials");
        refused.says("Invalid Credentials");
    }
    // The gate's doors lead to the same account, both ways.
    world.login(&email, PASSWORD).await.is(200).says("Login Success");
    let user = world.given_user("premium").await;
    sign_in(world, &user.email, PASSWORD).await.is(200);
    sign_up(world, &user.email).await.problem(400, "email_registered");
}

#[tokio::test]
async fn who_signs_up_without_keeping_the_rules_is_told_each() {
    let body = json!({ "email": "john", "password": "1234", "firstName": "x".repeat(101) });
    let refused = World::shared().post("/api/users/signup").json(&body).ask().await;
    let errors = refused.problem(422, "invalid_fields").field_errors();
    let fields: Vec<_> = errors.iter().map(|error| error.split(':').next().unwrap()).collect();
    assert_eq!(fields, ["firstName", "email", "password"]);
}

async fn sign_up_with_key(world: &World, body: &Value, key: &str) -> Answer {
    world.post("/api/users/signup").header("idempotency-key", key).json(body).ask().await
}

#[tokio::test]
async fn who_repeats_signing_up_has_one_account_and_a_session_of_its_own() {
    let (world, key) = (World::shared(), Uuid::new_v4().to_string());
    let mut john = json!({ "email": new_email(), "password": PASSWORD, "firstName": "John" });
    let first = sign_up_with_key(world, &john, &key).await.is(201);
    let repeat = sign_up_with_key(world, &john, &format!("\"{key}\"")).await.is(201);
    assert_eq!(repeat.text, first.text);
    for name in ["Authentication", "Refresh"] {
        assert_ne!(cookie(&repeat, name), cookie(&first, name), "a cookie was kept");
    }
    for answer in [&first, &repeat] {
        current_user(world, &cookie(answer, "Authentication")).await.is(200);
        refresh(world, &cookie(answer, "Refresh")).await.is(200);
    }
    for (member, other) in
        [("email", new_email()), ("firstName", "Jane".into()), ("password", "5t6Z7U8i".into())]
    {
        let own = john[member].take();
        john[member] = other.into();
        let refused = sign_up_with_key(world, &john, &key).await;
        refused.problem(422, "idempotency_key_reused");
        john[member] = own;
    }
    world.post("/api/users/signup").json(&john).ask().await.problem(400, "email_registered");
    let guessed = sign_up_with_key(world, &john, "1").await;
    guessed.problem(400, "invalid_idempotency_key");
    let told = "select count(*) from idempotency_keys where body like '%@%' or body like '%eyJ%'";
    assert_eq!(world.count(told).await, 0, "a key is kept with personal data or a token");
}

#[tokio::test]
async fn who_signs_up_many_times_at_once_with_one_key_has_one_account() {
    let (world, key) = (World::shared(), Uuid::new_v4().to_string());
    let john = json!({ "email": new_email(), "password": PASSWORD });
    let all = join_all((0..10).map(|_| sign_up_with_key(world, &john, &key))).await;
    assert!(all.iter().any(|answer| answer.status == 201));
    for refused in all.into_iter().filter(|answer| answer.status != 201) {
        let refused = refused.problem(409, "request_in_flight");
        assert!(!refused.header("retry-after").is_empty());
    }
    sign_up_with_key(world, &john, &key).await.is(201);
}

/// What ends a session.
#[derive(Clone, Copy, Debug)]
enum End {
    /// Its owner signs out.
    SignedOut,
    /// A refresh token comes a second time.
    Reused,
}

/// Ends a new session. Answers its token, and how long that was still taken at `elsewhere`.
async fn taken_after(world: &World, elsewhere: &str, end: End) -> (String, Duration) {
    let signed = sign_up(world, &new_email()).await.is(201);
    let (token, refreshing) = (cookie(&signed, "Authentication"), cookie(&signed, "Refresh"));
    let there = async || {
        let request = world.http().get(format!("{elsewhere}/api/users/currentuser"));
        request.bearer_auth(&token).ask().await.status
    };
    eventually("it is taken there", async || there().await == 200).await;
    match end {
        End::SignedOut => {
            let out = world.post("/api/users/signout");
            let out = out.header("cookie", format!("Authentication={token}")).ask().await.is(200);
            assert_eq!(out.json, json!({}));
            let gone = "Authentication=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
            assert_eq!(out.header("set-cookie"), gone);
            let out = world.post("/logout").header("cookie", format!("Authentication={token}"));
            let out = out.ask().await.problem(401, "invalid_token");
            assert_eq!(out.header("set-cookie"), gone);
        }
        End::Reused => {
            let next = refresh(world, &refreshing).await.is(200);
            refresh(world, &cookie(&next, "Refresh")).await.is(200);
            refresh(world, &refreshing).await.problem(401, "invalid_refresh_token");
        }
    }
    let since = Instant::now();
    current_user(world, &token).await.problem(401, "invalid_token");
    refresh(world, &refreshing).await.problem(401, "invalid_refresh_token");
    eventually("it is refused there too", async || there().await == 401).await;
    (token, since.elapsed())
}

#[tokio::test]
async fn a_session_that_ends_is_over_at_once_and_on_every_replica_within_a_second() {
    let mut world = World::start(&[]).await;
    let (mut replica, elsewhere) = world.system.replica().await.unwrap();
    let (token, first) = taken_after(&world, &elsewhere, End::SignedOut).await;
    let (_, second) = taken_after(&world, &elsewhere, End::SignedOut).await;
    let (_, third) = taken_after(&world, &elsewhere, End::Reused).await;
    // What else the machine does can delay any of them, hardly all.
    let took = [first, second, third];
    assert!(took.iter().any(|took| *took < Duration::from_secs(1)), "{took:?}");
    replica.stop().await.unwrap();
    world.system.ticketing.kill().await.unwrap();
    world.system.ticketing.start().await.unwrap();
    current_user(&world, &token).await.problem(401, "invalid_token");
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_login_token_of_the_gate_can_be_revoked_too() {
    let world = World::shared();
    let (user, other) = (world.given_user("standard").await, world.given_user("standard").await);
    let out = async |path: &str| world.by(&user, Method::POST, path).ask().await;
    out("/logout").await.is(200);
    out("/logout").await.problem(401, "invalid_token");
    let again = world.logged_in_again(&user).await;
    current_user(world, &again.token).await.is(200);
    current_user(world, &other.token).await.is(200);
}

#[tokio::test]
async fn a_refresh_token_is_used_once_and_a_second_time_ends_its_session() {
    let world = World::shared();
    let signed = sign_up(world, &new_email()).await.is(201);
    let first = cookie(&signed, "Refresh");
    let second = refresh(world, &first).await.is(200);
    let (token, next) = (cookie(&second, "Authentication"), cookie(&second, "Refresh"));
    assert_eq!(second.member("access_token"), token);
    current_user(world, &token).await.is(200);
    let third = refresh(world, &next).await.is(200);
    // Somebody comes with the first one again.
    refresh(world, &first).await.problem(401, "invalid_refresh_token");
    refresh(world, &cookie(&third, "Refresh")).await.problem(401, "invalid_refresh_token");
    current_user(world, &token).await.problem(401, "invalid_token");
    for garbage in ["", "x", "7.y", &format!("{}.x", Uuid::new_v4().simple())] {
        refresh(world, garbage).await.problem(401, "invalid_refresh_token");
    }
}

/// Else who takes an account over would not be rid of who is just signing in.
#[tokio::test]
async fn a_password_that_is_taken_away_while_it_is_checked_opens_nothing() {
    let world = World::shared();
    for (door, status, code) in
        [("/login", 401, "wrong_credentials"), ("/api/users/signin", 400, "invalid_credentials")]
    {
        let (user, taking) = (world.given_user("standard").await, world.sql().await);
        let take = "update accounts set password_hash = null where email = $1";
        taking.batch_execute("begin").await.unwrap();
        taking.execute(take, &[&user.email]).await.unwrap();
        let body = json!({ "username": user.username, "email": user.email, "password": PASSWORD });
        let taken = async {
            eventually("the door waits", || world.is_waited_for(&taking)).await;
            taking.batch_execute("commit").await.unwrap();
        };
        let (refused, ()) = tokio::join!(world.post(door).json(&body).ask(), taken);
        refused.problem(status, code);
    }
}

/// HTTP/2 sends a line for each cookie.
#[tokio::test]
async fn a_cookie_is_found_in_whichever_line_it_stands() {
    let world = World::shared();
    let signed = sign_up(world, &new_email()).await.is(201);
    let [token, mut next] =
        ["Authentication", "Refresh"].map(|name| format!("{name}={}", cookie(&signed, name)));
    for first in ["theme=dark", &token] {
        let lines = world.post("/token/refresh").header("cookie", first).header("cookie", &next);
        let refreshed = lines.ask().await.is(200);
        next = format!("Refresh={}", cookie(&refreshed, "Refresh"));
    }
    let me = world.get("/api/users/currentuser").header("cookie", "theme=dark");
    me.header("cookie", &token).ask().await.is(200);
}

#[tokio::test]
async fn a_page_of_another_origin_writes_nothing_with_the_cookie_of_who_looks_at_it() {
    let world = World::shared();
    let signed = sign_up(world, &new_email()).await.is(201);
    let cookie = format!("Authentication={}", cookie(&signed, "Authentication"));
    let list = async |origin: Option<&str>| {
        let body = json!({ "title": "x", "price": 5 });
        let request = world.post("/api/tickets").header("cookie", &cookie).json(&body);
        match origin {
            Some(origin) => request.header("origin", origin).ask().await,
            None => request.ask().await,
        }
    };
    list(Some("https://evil.example")).await.problem(403, "foreign_origin");
    list(Some("null")).await.problem(403, "foreign_origin");
    list(None).await.is(201);
    list(Some(&world.system.url())).await.is(201);
}

/// A visitor would go on as somebody else without knowing it.
#[tokio::test]
async fn a_page_of_another_origin_signs_nobody_in() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    let body = json!({ "email": user.email, "username": user.username, "password": PASSWORD });
    for path in ["/api/users/signin", "/api/users/signup", "/token/refresh"] {
        let foreign = world.post(path).json(&body).header("origin", "https://evil.example");
        foreign.ask().await.problem(403, "foreign_origin");
    }
    let own = world.post("/api/users/signin").json(&body).header("origin", world.system.url());
    own.ask().await.is(200);
    // What answers with a token and no cookie is for whoever may read it.
    let login = world.post("/login").json(&body).header("origin", "https://evil.example");
    login.ask().await.is(200);
}
