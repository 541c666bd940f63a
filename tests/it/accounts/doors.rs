//! Users and tokens under `/auth`: the whole story, who is refused, and that every other door leads
//! to the same accounts.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::given::{NEXT, Pair, WRONG, jwt, new_user};
use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::Ask;
use crate::world::people::{PASSWORD, new_name};

const NO_ACCOUNT: &str = "No active account found with the given credentials";

#[tokio::test]
async fn a_user_is_created_logs_in_refreshes_and_sets_another_password() {
    let world = World::shared();
    let user = new_user();
    let created = world.create_user(&user).await.is(201);
    let name = user["username"].as_str().unwrap();
    let details = json!({ "id": created.member("id"), "username": name, "email": user["email"],
                          "first_name": "John", "last_name": "Doe" });
    assert_eq!(created.json, details);
    let first = world.create_tokens(name, PASSWORD).await.is(200);
    assert_eq!(first.json.as_object().unwrap().len(), 2);
    assert_eq!(first.header("cache-control"), "no-store");
    let first = Pair::of(&first);
    assert_eq!(world.me(&first.access).await.is(200).json, details);
    assert_eq!(world.verify_token(&first.access).await.is(200).json, json!({}));
    let second = Pair::of(&world.refresh_tokens(&first.refresh).await.is(200));
    assert_eq!(world.me(&second.access).await.is(200).json, details);

    let set = world.set_password(&second.access, PASSWORD, NEXT).await.is(204);
    assert_eq!(set.text, "");
    for token in [&first.access, &second.access] {
        world.me(token).await.problem(401, "invalid_token");
        world.verify_token(token).await.problem(401, "invalid_token");
    }
    world.refresh_tokens(&second.refresh).await.problem(401, "invalid_refresh_token");
    world.create_tokens(name, PASSWORD).await.problem(401, "wrong_credentials").says(NO_ACCOUNT);
    let third = Pair::of(&world.create_tokens(name, NEXT).await.is(200));
    assert_eq!(world.me(&third.access).await.is(200).json, details);
}

#[tokio::test]
async fn a_path_with_a_slash_at_its_end_is_the_same_and_so_are_both_schemes() {
    let world = World::shared();
    let known = world.given_known().await;
    let (name, access) = (known.username.as_str(), known.tokens.access.as_str());
    for slash in ["", "/"] {
        let post = |path: &str| world.post(&format!("{path}{slash}"));
        post("/auth/users").json(&new_user()).ask().await.is(201);
        let credentials = json!({ "username": name, "password": PASSWORD });
        let pair = Pair::of(&post("/auth/jwt/create").json(&credentials).ask().await.is(200));
        let refresh = json!({ "refresh": pair.refresh });
        post("/auth/jwt/refresh").json(&refresh).ask().await.is(200);
        post("/auth/jwt/verify").json(&json!({ "token": pair.access })).ask().await.is(200);
        let change = post("/auth/users/set_password").json(&json!({}));
        jwt(change, access).ask().await.problem(422, "invalid_fields");
        let me = || world.get(&format!("/auth/users/me{slash}"));
        for scheme in ["JWT", "Bearer", "jwt"] {
            let me = me().header("authorization", format!("{scheme} {access}"));
            assert_eq!(me.ask().await.is(200).member("id"), known.id);
        }
        me().header("authorization", format!("Token {access}")).ask().await.is(401);
        me().ask().await.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_answered_alike() {
    let world = World::shared();
    let known = world.given_known().await;
    let wrong = world.create_tokens(&known.username, WRONG).await;
    let unknown = world.create_tokens(&new_name(), WRONG).await;
    let endless = world.create_tokens(&known.username, &"x".repeat(10_000)).await;
    for refused in [&wrong, &unknown, &endless] {
        refused.clone().problem(401, "wrong_credentials").says(NO_ACCOUNT);
        assert_eq!(refused.text, wrong.text);
        assert_eq!(refused.header("www-authenticate"), "Bearer");
    }
    let refused = world.post("/auth/jwt/create").json(&json!({})).ask().await;
    let fields = refused.problem(422, "invalid_fields").field_errors();
    assert_eq!(fields, ["username: is required", "password: is required"]);
}

/// By time nobody can tell who has an account. Medians, and a wide margin: the difference of a hash
/// left out is 20-fold.
#[tokio::test]
async fn an_unknown_user_costs_as_much_time_as_a_wrong_password() {
    let world = World::shared();
    let known = world.given_known().await;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..7 {
        for (times, name) in times.iter_mut().zip([known.username.as_str(), "nobody-at-all"]) {
            let asked = std::time::Instant::now();
            world.create_tokens(name, WRONG).await.is(401);
            times.push(asked.elapsed());
        }
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    assert!(unknown * 4 > known && known * 4 > unknown, "known {known:?}, unknown {unknown:?}");
}

#[tokio::test]
async fn who_creates_a_user_without_keeping_the_rules_is_told_each() {
    let world = World::shared();
    let long = "x".repeat(101);
    let user = json!({ "username": "j@x", "email": "john", "password": "password",
                       "first_name": long, "last_name": long });
    let refused = world.create_user(&user).await.problem(422, "invalid_fields").field_errors();
    let fields: Vec<_> = refused.iter().map(|error| error.split(':').next().unwrap()).collect();
    assert_eq!(fields, ["email", "username", "password", "first_name", "last_name"]);
    let mut user = new_user();
    user["last_name"] = json!(5);
    let refused = world.create_user(&user).await.problem(422, "invalid_fields");
    assert_eq!(refused.field_errors(), ["last_name: must be a string"]);
    // The names may be left out; everything else may not.
    let refused = world.create_user(&json!({})).await.problem(422, "invalid_fields").field_errors();
    let required = ["username", "email", "password"].map(|field| format!("{field}: is required"));
    assert_eq!(refused, required);
    let mut user = new_user();
    user["first_name"] = serde_json::Value::Null;
    user["last_name"] = json!("");
    let created = world.create_user(&user).await.is(201);
    assert_eq!((created.member("first_name"), created.member("last_name")), Default::default());
}

#[tokio::test]
async fn a_name_or_an_address_that_is_taken_is_refused_at_every_door() {
    let world = World::shared();
    let (known, user) = (world.given_known().await, world.given_user("premium").await);
    for (member, taken) in [
        ("username", known.username.to_uppercase()),
        ("email", known.email.to_uppercase()),
        ("username", user.username),
        ("email", user.email),
    ] {
        let mut other = new_user();
        other[member] = json!(taken);
        world.create_user(&other).await.problem(409, "account_exists");
    }
    let body = json!({ "email": known.email, "password": PASSWORD });
    world.post("/api/users/signup").json(&body).ask().await.problem(400, "email_registered");
}

#[tokio::test]
async fn an_account_made_here_opens_every_other_door() {
    let world = World::shared();
    let known = world.given_known().await;
    let token = world.login(&known.username, PASSWORD).await.is(200).member("access_token");
    assert_eq!(world.me(&token).await.is(200).member("id"), known.id);
    let body = json!({ "email": known.email, "password": PASSWORD });
    let signed = world.post("/api/users/signin").json(&body).ask().await.is(200);
    let user = json!({ "id": known.id, "email": known.email,
                       "firstName": "John", "lastName": "Doe" });
    assert_eq!(signed.json, user);
    // Its tier is what everybody gets.
    let asked = jwt(world.get("/request_for_ticketing_link"), &known.tokens.access);
    let id = asked.ask().await.is(201).member("request_id");
    let check = world.get(&format!("/check_ticketing_link?request_id={id}"));
    let checked = jwt(check, &known.tokens.access).ask().await.is(200);
    checked.says("Your link is not ready yet please wait");
}

#[tokio::test]
async fn an_account_of_any_other_door_opens_this_one() {
    let world = World::shared();
    let user = world.given_user("premium").await;
    let pair = Pair::of(&world.create_tokens(&user.username, PASSWORD).await.is(200));
    let me = world.me(&pair.access).await.is(200);
    let details = json!({ "id": me.member("id"), "username": user.username, "email": user.email,
                          "first_name": "", "last_name": "" });
    assert_eq!(me.json, details);
    // Who signed up by address has the address as username.
    let email = format!("{}@example.com", new_name());
    let body = json!({ "firstName": "Ada", "email": email, "password": PASSWORD });
    let signed = world.post("/api/users/signup").json(&body).ask().await.is(201);
    let pair = Pair::of(&world.create_tokens(&email, PASSWORD).await.is(200));
    let details = json!({ "id": signed.member("id"), "username": email, "email": email,
                          "first_name": "Ada", "last_name": "" });
    assert_eq!(world.me(&pair.access).await.is(200).json, details);
}

#[tokio::test]
async fn a_repeated_creation_is_answered_as_the_first_and_kept_without_names() {
    let world = World::shared();
    let (user, key) = (new_user(), Uuid::new_v4().to_string());
    let create = async |user: &serde_json::Value| {
        let request = world.post("/auth/users").header("idempotency-key", &key);
        request.json(user).ask().await
    };
    let parallel = join_all((0..5).map(|_| create(&user))).await;
    assert!(parallel.iter().any(|answer| answer.status == 201));
    let first = create(&user).await.is(201);
    for answer in parallel.into_iter().filter(|answer| answer.status != 409) {
        assert_eq!(answer.is(201).text, first.text);
    }
    for (member, value) in [("first_name", "Jane"), ("password", "another password")] {
        let mut other = user.clone();
        other[member] = json!(value);
        create(&other).await.problem(422, "idempotency_key_reused");
    }
    let kept = "select count(*) from idempotency_keys where body like '%@%' or body like '%John%'";
    assert_eq!(world.count(kept).await, 0);
}

#[tokio::test]
async fn who_was_made_an_administrator_is_one_behind_this_door_too() {
    let world = World::shared();
    let known = world.given_known().await;
    let list = || jwt(world.get("/admin/accounts?limit=1"), &known.tokens.access);
    list().ask().await.problem(403, "forbidden");
    world.run(&["grant", &known.username.to_uppercase(), "admin"]).await.unwrap();
    let is_in = async || list().ask().await.status == 200;
    eventually("the administrator is let in", is_in).await;
}

#[tokio::test]
async fn attempts_are_counted_together_with_those_at_the_other_doors() {
    let world = World::start(&[("RATE_LIMITS", "on")]).await;
    // Its login was the first of the five in a minute.
    let known = world.given_known().await;
    let refused = world.create_tokens(&known.username, WRONG).await.is(401);
    assert_eq!(refused.header("ratelimit-policy"), "\"login\";q=5;w=60");
    world.login(&known.username, WRONG).await.is(401);
    world.set_password(&known.tokens.access, WRONG, NEXT).await.problem(400, "wrong_password");
    world.create_tokens(&known.username.to_uppercase(), WRONG).await.is(401);
    let limited = [
        world.create_tokens(&known.username, PASSWORD).await,
        world.set_password(&known.tokens.access, PASSWORD, NEXT).await,
        world.login(&known.username, PASSWORD).await,
    ];
    for limited in limited {
        let limited = limited.problem(429, "rate_limited");
        let wait: u64 = limited.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }
    // Another account is not concerned, and what is no attempt is not counted.
    world.given_known().await;
    world.me(&known.tokens.access).await.is(200);
    let created = world.request(Method::POST, "/auth/users").json(&new_user()).ask().await;
    assert!(created.is(201).header("ratelimit-policy").contains("\"registration\""));
    world.system.stop().await.unwrap();
}
