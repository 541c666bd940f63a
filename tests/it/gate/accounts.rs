//! Registering and logging in: the rules of each field in their words, who is taken, and that a
//! refusal tells nothing.

use serde_json::{Value, json};

use crate::world::World;
use crate::world::answer::Ask;
use crate::world::people::{PASSWORD, registration};

/// A complete registration but for one member.
fn with(member: &str, value: Value) -> Value {
    let mut registration = registration("standard");
    registration[member] = value;
    registration
}

#[tokio::test]
async fn an_account_is_made_once_and_logs_in() {
    let gate = World::shared();
    let john = registration("premium");
    let made = gate.register(&john).await.is(201);
    assert_eq!(made.json, json!({ "message": "Account created successfully" }));
    let login = gate.login(john["username"].as_str().unwrap(), PASSWORD).await.is(200);
    assert_eq!(login.json["message"], "Login Success");
    assert_eq!(login.member("access_token").split('.').count(), 3);
    assert_eq!(login.header("cache-control"), "no-store");
}

#[tokio::test]
async fn every_tier_can_be_asked_for_and_nothing_else() {
    let gate = World::shared();
    for role in ["premium", "standard", "default"] {
        gate.register(&registration(role)).await.is(201);
    }
    for role in ["admin", "Premium", "gold", ""] {
        let refused = gate.register(&registration(role)).await;
        refused.problem(400, "invalid_role").says("invalid role");
    }
}

#[tokio::test]
async fn a_missing_role_is_a_field_error() {
    let refused = World::shared().register(&with("role", Value::Null)).await;
    let refused = refused.problem(422, "invalid_fields");
    assert_eq!(refused.field_errors(), ["role: is required"]);
}

#[tokio::test]
async fn every_broken_field_is_named_with_its_rule() {
    let gate = World::shared();
    let username =
        "username: must have 3 to 64 letters (a-z), digits, dots, underscores or hyphens";
    let email = "email: must be an e-mail address";
    let length = "password: must have 8 to 128 characters";
    for (member, value, rule) in [
        ("email", "not an address".to_owned(), email),
        ("email", "a@b".to_owned(), email),
        ("email", format!("{}@example.com", "a".repeat(65)), email),
        ("username", "ab".to_owned(), username),
        ("username", "a".repeat(65), username),
        ("username", "john doe".to_owned(), username),
        ("username", "jöhn".to_owned(), username),
        ("password", "short77".to_owned(), length),
        ("password", "x".repeat(129), length),
        ("password", "password".to_owned(), "password: is among the most common passwords"),
        ("password", "1q2w3e4r".to_owned(), "password: is among the most common passwords"),
    ] {
        let refused = gate.register(&with(member, json!(value))).await;
        assert_eq!(refused.problem(422, "invalid_fields").field_errors(), [rule], "{value}");
    }
    let all = json!({ "email": "x", "username": "y", "password": "z", "role": "premium" });
    let refused = gate.register(&all).await.problem(422, "invalid_fields");
    assert_eq!(refused.field_errors(), [email, username, length]);
}

#[tokio::test]
async fn what_lies_just_within_the_rules_is_accepted() {
    let gate = World::shared();
    let longest = format!("{}.{}", "a".repeat(31), uuid::Uuid::new_v4().simple());
    assert_eq!(longest.len(), 64);
    for registration in [
        with("username", json!(longest)),
        with("password", json!("8-chars!")),
        with("password", json!("é".repeat(128))),
    ] {
        gate.register(&registration).await.is(201);
    }
}

#[tokio::test]
async fn a_name_and_an_address_belong_to_one_account_whatever_their_case() {
    let gate = World::shared();
    let first = registration("standard");
    gate.register(&first).await.is(201);
    for member in ["username", "email"] {
        for taken in [first[member].clone(), json!(first[member].as_str().unwrap().to_uppercase())]
        {
            let refused = gate.register(&with(member, taken)).await;
            let refused = refused.problem(409, "account_exists");
            refused.says("User already exists, Please login");
        }
    }
}

#[tokio::test]
async fn of_many_registrations_of_one_name_at_once_one_succeeds() {
    let gate = World::shared();
    let name = crate::world::people::new_name();
    let all = (0..10).map(|_| with("username", json!(name)));
    let all = all.map(|registration| async move { gate.register(&registration).await.status });
    let mut statuses = futures_util::future::join_all(all).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [[201].as_slice(), &[409; 9]].concat());
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_answered_alike() {
    let gate = World::shared();
    let user = gate.given_user("standard").await;
    let wrong = gate.login(&user.username, "wrong-password").await;
    let unknown = gate.login("nobody-has-this-name", "wrong-password").await;
    for refused in [&wrong, &unknown] {
        let refused = refused.clone().problem(401, "wrong_credentials");
        refused.says("Invalid username or password Please try again");
    }
    assert_eq!(wrong.text, unknown.text);
    assert_eq!(wrong.header("www-authenticate"), unknown.header("www-authenticate"));
    assert!(!wrong.header("www-authenticate").is_empty());
}

/// By time nobody can tell who has an account. Medians, and a wide margin: the difference of a hash
/// left out is 20-fold.
#[tokio::test]
async fn an_unknown_user_costs_as_much_time_as_a_wrong_password() {
    let gate = World::shared();
    let user = gate.given_user("standard").await;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..7 {
        for (times, name) in times.iter_mut().zip([user.username.as_str(), "nobody-at-all"]) {
            let asked = std::time::Instant::now();
            gate.login(name, "wrong-password").await.is(401);
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
async fn the_name_to_log_in_with_has_no_case_but_the_password_has() {
    let gate = World::shared();
    let user = gate.given_user("standard").await;
    gate.login(&user.username.to_uppercase(), PASSWORD).await.is(200);
    gate.login(&user.username, &PASSWORD.to_lowercase()).await.is(401);
    gate.login(&user.email, PASSWORD).await.is(401);
}

#[tokio::test]
async fn missing_credentials_are_field_errors() {
    let gate = World::shared();
    let refused = gate.post("/login").json(&json!({})).ask().await.problem(422, "invalid_fields");
    assert_eq!(refused.field_errors(), ["username: is required", "password: is required"]);
}
