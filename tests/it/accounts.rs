//! Accounts over HTTP: registering, logging in, what a login token is and is not, grants, and what administrators read.

use std::time::{Duration, Instant};

use reqwest::{Response, StatusCode, header};
use serde_json::{Value, json};
use ticketing::accounts::grant::grant;
use ticketing::platform::clock::Clock;
use uuid::Uuid;

use crate::harness::{TestApp, app};

const PASSWORD: &str = "1q2W3E4r";
/// Replicas know of a grant this soon.
const WITHIN_A_SECOND: Duration = Duration::from_secs(1);

fn registration(username: &str) -> Value {
    json!({
        "email": format!("{username}@example.org"), "username": username,
        "password": PASSWORD, "role": "premium",
    })
}

async fn post(app: &TestApp, path: &str, body: &Value) -> Response {
    let request = app.client.post(format!("{}{path}", app.url)).json(body);
    request.send().await.expect("an answer")
}

async fn get(app: &TestApp, path: &str, token: &str) -> Response {
    let request = app.client.get(format!("{}{path}", app.url)).bearer_auth(token);
    request.send().await.expect("an answer")
}

async fn json(response: Response) -> Value {
    response.json().await.expect("JSON")
}

/// Registers a new account and logs in; returns its username and token.
async fn given_login(app: &TestApp) -> (String, String) {
    let username = app.unique("user");
    let answer = post(app, "/register", &registration(&username)).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let token = login(app, &username).await;
    (username, token)
}

async fn login(app: &TestApp, username: &str) -> String {
    let answer = post(app, "/login", &json!({"username": username, "password": PASSWORD})).await;
    assert_eq!(answer.status(), StatusCode::OK);
    json(answer).await["access_token"].as_str().expect("a token").to_owned()
}

async fn grant_admin(app: &TestApp, username: &str) {
    let role = "admin".parse().expect("a role");
    grant(&app.database, &Clock::default(), username, role).await.expect("granted");
}

async fn assert_refused(response: Response, status: u16, message: &str) {
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    let problem = json(response).await;
    assert_eq!(problem["message"], message);
    assert_eq!(problem["detail"], message);
}

#[tokio::test]
async fn who_registers_can_log_in_whatever_the_case_of_the_name() {
    let app = app().await;
    let username = app.unique("John");
    let answer = post(&app, "/register", &registration(&username)).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(json(answer).await, json!({"message": "Account created successfully"}));

    let credentials = json!({"username": username.to_uppercase(), "password": PASSWORD});
    let answer = post(&app, "/login", &credentials).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    let body = json(answer).await;
    assert_eq!(body["message"], "Login Success");
    assert_eq!(body["access_token"].as_str().map(|token| token.split('.').count()), Some(3));
}

#[tokio::test]
async fn a_name_or_an_address_belongs_to_one_account_whatever_its_case() {
    let app = app().await;
    let (username, _) = given_login(&app).await;
    let mut same_name = registration(&username.to_uppercase());
    same_name["email"] = format!("other-{username}@example.org").into();
    let mut same_address = registration(&app.unique("other"));
    same_address["email"] = format!("{}@EXAMPLE.org", username.to_uppercase()).into();
    for taken in [same_name, same_address] {
        let answer = post(&app, "/register", &taken).await;
        assert_refused(answer, 409, "User already exists, Please login").await;
    }
}

#[tokio::test]
async fn of_many_registrations_of_one_name_at_once_exactly_one_succeeds() {
    let app = app().await;
    let body = registration(&app.unique("race"));
    let (a, b, c, d) = tokio::join!(
        post(&app, "/register", &body),
        post(&app, "/register", &body),
        post(&app, "/register", &body),
        post(&app, "/register", &body),
    );
    let mut statuses = [a, b, c, d].map(|answer| answer.status().as_u16());
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409]);
}

#[tokio::test]
async fn a_registration_that_breaks_rules_is_told_each_of_them() {
    let app = app().await;
    let mut unknown_role = registration(&app.unique("role"));
    unknown_role["role"] = "gold".into();
    assert_refused(post(&app, "/register", &unknown_role).await, 400, "invalid role").await;

    let mut no_role = registration(&app.unique("role"));
    no_role["role"] = Value::Null;
    let answer = post(&app, "/register", &no_role).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(json(answer).await["errors"][0]["field"], "role");

    let bad = json!({"email": "x", "username": "a b", "password": "password", "role": "default"});
    let answer = post(&app, "/register", &bad).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let problem = json(answer).await;
    let errors = problem["errors"].as_array().expect("errors");
    let fields: Vec<_> = errors.iter().filter_map(|error| error["field"].as_str()).collect();
    assert_eq!(fields, ["email", "username", "password"]);
}

#[tokio::test]
async fn a_registration_repeated_with_its_key_is_the_same_registration() {
    let app = app().await;
    let key = Uuid::new_v4().to_string();
    let body = registration(&app.unique("repeat"));
    let send = |body: &Value, key: &str| {
        let request = app.client.post(format!("{}/register", app.url)).json(body);
        request.header("Idempotency-Key", key).send()
    };
    for _ in 0..2 {
        let answer = send(&body, &key).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(json(answer).await, json!({"message": "Account created successfully"}));
    }
    for member in ["email", "password"] {
        let mut other = body.clone();
        other[member] = "another@example.org".into();
        let answer = send(&other, &key).await.expect("an answer");
        assert_eq!(json(answer).await["code"], "idempotency_key_reused", "another {member}");
    }
    let guessable = send(&body, "1").await.expect("an answer");
    assert_eq!(json(guessable).await["code"], "invalid_idempotency_key");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_answered_alike() {
    let app = app().await;
    let (username, _) = given_login(&app).await;
    let mut answers = Vec::new();
    for name in [username.as_str(), "nobody-has-this-name"] {
        let body = json!({"username": name, "password": "not the password"});
        let answer = post(&app, "/login", &body).await;
        assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer");
        let message = "Invalid username or password Please try again";
        let (status, text) = (answer.status(), answer.text().await.expect("text"));
        assert!(text.contains(message), "{text}");
        answers.push((status, text));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn only_administrators_read_accounts() {
    let app = app().await;
    let (username, token) = given_login(&app).await;
    let nobody = app.client.get(format!("{}/admin/accounts", app.url)).send().await;
    assert_eq!(nobody.expect("an answer").status(), StatusCode::UNAUTHORIZED);
    assert_eq!(get(&app, "/admin/accounts", &token).await.status(), StatusCode::FORBIDDEN);

    grant_admin(&app, &username).await;
    let granted = Instant::now();
    while get(&app, "/admin/accounts", &token).await.status() != StatusCode::OK {
        assert!(granted.elapsed() < WITHIN_A_SECOND, "the token in use does not know of the grant");
    }

    let (other, _) = given_login(&app).await;
    let found = get(&app, &format!("/admin/accounts?q={}", other.to_uppercase()), &token).await;
    let found = json(found).await;
    assert_eq!(found.as_array().map(Vec::len), Some(1));
    assert_eq!(found[0]["username"], *other);
    assert!(!found.to_string().contains("argon2"), "{found}");
    let path = format!("/admin/accounts/{}", found[0]["id"].as_str().expect("an id"));
    assert_eq!(json(get(&app, &path, &token).await).await, found[0]);

    let unknown = get(&app, &format!("/admin/accounts/{}", Uuid::nil()), &token).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    assert_eq!(get(&app, "/admin/accounts/7", &token).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_pages_of_a_list_hold_every_account_once_and_a_cursor_is_for_its_own_filters() {
    let app = app().await;
    let mark = app.unique("page");
    for i in 0..5 {
        let answer = post(&app, "/register", &registration(&format!("{mark}-{i}"))).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
    }
    let (username, _) = given_login(&app).await;
    grant_admin(&app, &username).await;
    // A token issued after the grant carries it.
    let token = login(&app, &username).await;

    let mut path = format!("/admin/accounts?q={mark}&limit=2");
    let mut names = Vec::new();
    let mut cursor = None;
    loop {
        let answer = get(&app, &path, &token).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let link = answer.headers().get(header::LINK).cloned();
        let page = json(answer).await;
        let items = page.as_array().expect("an array");
        assert!(items.len() <= 2);
        names.extend(items.iter().filter_map(|account| account["username"].as_str().map(str::to_owned)));
        let Some(link) = link else { break };
        let link = link.to_str().expect("text");
        path = link.trim_start_matches('<').split('>').next().expect("a path").to_owned();
        cursor = path.split("after=").nth(1).map(str::to_owned);
    }
    assert_eq!(names, (0..5).map(|i| format!("{mark}-{i}")).collect::<Vec<_>>());

    let elsewhere = format!("/admin/accounts?after={}", cursor.expect("there were pages"));
    let refused = get(&app, &elsewhere, &token).await;
    assert_eq!(json(refused).await["code"], "invalid_cursor");
}

#[tokio::test]
async fn a_login_token_can_be_verified_by_the_published_keys() {
    let app = app().await;
    let (username, token) = given_login(&app).await;
    let keys = app.client.get(format!("{}/.well-known/jwks.json", app.url)).send().await;
    let keys: jsonwebtoken::jwk::JwkSet = keys.expect("an answer").json().await.expect("JWKS");
    let head = jsonwebtoken::decode_header(&token).expect("a header");
    assert_eq!(head.typ.as_deref(), Some("login+jwt"));
    let key = keys.find(&head.kid.expect("kid")).expect("the key is published");
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.set_issuer(&["ticketing"]);
    validation.set_audience(&["turnstile"]);
    validation.validate_exp = false;
    let key = jsonwebtoken::DecodingKey::from_jwk(key).expect("a key");
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &validation).expect("signed").claims;
    assert_eq!(claims["username"], *username);
    assert_eq!(claims["tier"], "premium");
    assert_eq!(claims["exp"].as_i64(), claims["iat"].as_i64().map(|iat| iat + 3600));
    for claim in ["sub", "jti", "nbf", "roles"] {
        assert!(!claims[claim].is_null(), "{claim} is missing");
    }
}
