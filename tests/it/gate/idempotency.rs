//! `Idempotency-Key`: the same key and call is answered as the first time and done once.

use futures_util::future::join_all;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::{User, registration};

fn keyed(request: RequestBuilder, key: &str) -> RequestBuilder {
    request.header("idempotency-key", key)
}

fn new_key() -> String {
    Uuid::new_v4().to_string()
}

async fn ask_for_link(gate: &World, user: Option<&User>, key: &str) -> Answer {
    let request = keyed(gate.get("/request_for_ticketing_link"), key);
    match user {
        Some(user) => request.bearer_auth(&user.token).ask().await,
        None => request.ask().await,
    }
}

async fn register(gate: &World, registration: &Value, key: &str) -> Answer {
    keyed(gate.post("/register").json(registration), key).ask().await
}

#[tokio::test]
async fn a_repeated_request_is_the_same_request() {
    let gate = World::shared();
    let user = gate.given_user("standard").await;
    for user in [Some(&user), None] {
        let key = new_key();
        let first = ask_for_link(gate, user, &key).await.is(201);
        for spelled in [key.clone(), format!("\"{key}\"")] {
            let repeat = ask_for_link(gate, user, &spelled).await.is(201);
            assert_eq!(repeat.text, first.text);
        }
        let another = ask_for_link(gate, user, &new_key()).await.is(201);
        assert_ne!(another.text, first.text);
    }
}

#[tokio::test]
async fn a_key_belongs_to_its_caller_and_its_method() {
    let gate = World::shared();
    let (one, two) = (gate.given_user("standard").await, gate.given_user("standard").await);
    let key = new_key();
    let mut answers = vec![ask_for_link(gate, None, &key).await.is(201).text];
    for user in [&one, &two] {
        answers.push(ask_for_link(gate, Some(user), &key).await.is(201).text);
        let post = keyed(gate.post("/request_for_ticketing_link"), &key);
        answers.push(post.bearer_auth(&user.token).ask().await.is(201).text);
    }
    answers.sort();
    answers.dedup();
    assert_eq!(answers.len(), 5, "callers share an answer");
}

#[tokio::test]
async fn a_repeated_registration_is_answered_as_the_first_and_another_is_refused() {
    let gate = World::shared();
    let (john, key) = (registration("premium"), new_key());
    let first = register(gate, &john, &key).await.is(201);
    assert_eq!(register(gate, &john, &key).await.is(201).text, first.text);
    for (member, value) in [
        ("username", json!(crate::world::people::new_name())),
        ("role", json!("standard")),
        ("password", json!("another password")),
    ] {
        let mut other = john.clone();
        other[member] = value;
        let refused = register(gate, &other, &key).await;
        refused.problem(422, "idempotency_key_reused");
    }
    // Without the key it is a new registration of a name that is taken.
    gate.register(&john).await.problem(409, "account_exists");
}

#[tokio::test]
async fn a_refused_registration_leaves_its_key_free() {
    let gate = World::shared();
    let (mut john, key) = (registration("premium"), new_key());
    let good = john["password"].take();
    john["password"] = json!("short");
    register(gate, &john, &key).await.problem(422, "invalid_fields");
    john["password"] = good;
    register(gate, &john, &key).await.is(201);
}

#[tokio::test]
async fn a_repeated_use_of_a_link_is_welcomed_again_but_used_once() {
    let gate = World::shared();
    let (link, key) = (gate.given_open_link().await, new_key());
    let path = format!("/buy_ticket/{}?request_id={}", link.token, link.id);
    let first = keyed(gate.get(&path), &key).ask().await.is(200);
    assert_eq!(keyed(gate.get(&path), &key).ask().await.is(200).text, first.text);
    keyed(gate.get(&path), &new_key()).ask().await.problem(400, "link_used");
    gate.get(&path).ask().await.problem(400, "link_used");
    assert_eq!(gate.events_of(link.id).await.len(), 4);
}

#[tokio::test]
async fn a_guests_key_cannot_be_guessed() {
    let gate = World::shared();
    let user = gate.given_user("standard").await;
    for key in ["1", "my-order-7"] {
        ask_for_link(gate, None, key).await.problem(400, "invalid_idempotency_key");
        ask_for_link(gate, Some(&user), key).await.is(201);
        let refused = register(gate, &registration("premium"), key).await;
        refused.problem(400, "invalid_idempotency_key");
    }
    for key in ["", "\"\"", &"x".repeat(256)] {
        let refused = ask_for_link(gate, Some(&user), key).await;
        refused.problem(400, "invalid_idempotency_key");
    }
    ask_for_link(gate, Some(&user), &"x".repeat(255)).await.is(201);
}

#[tokio::test]
async fn parallel_calls_with_one_key_make_one_request() {
    let gate = World::shared();
    let user = gate.given_user("standard").await;
    let key = new_key();
    let all = join_all((0..20).map(|_| ask_for_link(gate, Some(&user), &key))).await;
    let mut made: Vec<_> = all.iter().filter(|answer| answer.status == 201).collect();
    for refused in all.iter().filter(|answer| answer.status != 201) {
        let refused = refused.clone().problem(409, "request_in_flight");
        assert!(!refused.header("retry-after").is_empty());
    }
    assert!(!made.is_empty());
    made.dedup_by(|one, two| one.text == two.text);
    assert_eq!(made.len(), 1, "one key made several requests");
}

#[tokio::test]
async fn parallel_registrations_with_one_key_make_one_account() {
    let gate = World::shared();
    let (john, key) = (registration("premium"), new_key());
    let all = join_all((0..10).map(|_| register(gate, &john, &key))).await;
    assert!(all.iter().any(|answer| answer.status == 201));
    for refused in all.into_iter().filter(|answer| answer.status != 201) {
        refused.problem(409, "request_in_flight");
    }
    register(gate, &john, &key).await.is(201);
}
