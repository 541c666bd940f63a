//! What administrators read: accounts and link requests, in pages, and nobody else.

use std::time::{Duration, Instant};

use reqwest::{Client, Response, StatusCode, header};
use serde_json::{Value, json};
use ticketing::accounts::grant::grant;
use ticketing::platform::clock::Clock;
use ticketing::platform::database::Database;
use uuid::Uuid;

use super::world::Gate;
use crate::harness::{database, servers};

const PASSWORD: &str = "1q2W3E4r";
/// Replicas know of a grant this soon.
const WITHIN_A_SECOND: Duration = Duration::from_secs(1);

/// The shared system with its database.
struct TestApp {
    url: String,
    client: Client,
    database: Database,
}

impl TestApp {
    fn unique(&self, name: &str) -> String {
        format!("{name}-{}", Uuid::new_v4().simple())
    }
}

fn app() -> TestApp {
    let gate = Gate::shared();
    TestApp {
        url: gate.system.url(),
        client: gate.http().clone(),
        database: database(&servers().database_url(&gate.system.place)),
    }
}

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

#[tokio::test]
async fn only_administrators_read_accounts() {
    let app = app();
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
    let app = app();
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
        names.extend(
            items.iter().filter_map(|account| Some(account["username"].as_str()?.to_owned())),
        );
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
async fn administrators_page_through_the_link_requests_of_an_account() {
    let app = app();
    let (username, token) = given_login(&app).await;
    let mut made = Vec::new();
    for _ in 0..3 {
        let answer = get(&app, "/request_for_ticketing_link", &token).await;
        made.push(json(answer).await["request_id"].clone());
    }
    assert_eq!(get(&app, "/admin/link_requests", &token).await.status(), StatusCode::FORBIDDEN);
    grant_admin(&app, &username).await;
    let token = login(&app, &username).await;
    let found = json(get(&app, &format!("/admin/accounts?q={username}"), &token).await).await;
    let account = found[0]["id"].as_str().expect("an id").to_owned();
    let list = format!("/admin/link_requests?account={account}&tier=premium&limit=2");
    let page = || async { json(get(&app, &list, &token).await).await };
    crate::harness::eventually("the projection has them", || async {
        let first = get(&app, &list, &token).await;
        first.headers().contains_key(header::LINK)
    })
    .await;
    let first = page().await;
    assert_eq!([&first[0]["id"], &first[1]["id"]], [&made[0], &made[1]]);
    let link = get(&app, &list, &token).await.headers()[header::LINK].clone();
    let next = link.to_str().expect("text").trim_start_matches('<').split('>').next();
    let second = json(get(&app, next.expect("a path"), &token).await).await;
    assert_eq!(second.as_array().map(Vec::len), Some(1));
    assert_eq!(second[0]["id"], made[2]);
    let one = format!("/admin/link_requests/{}", made[0].as_str().expect("an id"));
    assert_eq!(json(get(&app, &one, &token).await).await["account_id"], account);
}
