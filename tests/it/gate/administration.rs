//! What administrators read of accounts and link requests: pages of them, and single ones. Who is
//! an administrator is in `tiers`.

use serde_json::json;
use uuid::Uuid;

use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::{PASSWORD, User, new_name};

/// An administrator with a token that says so.
async fn given_administrator(gate: &World) -> User {
    let user = gate.given_user("standard").await;
    gate.run(&["grant", &user.username, "admin"]).await.unwrap();
    gate.logged_in_again(&user).await
}

async fn read(gate: &World, path: &str, user: &User) -> Answer {
    gate.get(path).bearer_auth(&user.token).ask().await
}

/// The path of the next page, as `Link` has it.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.header("link").strip_suffix(">; rel=\"next\"")?;
    link.strip_prefix('<').map(str::to_owned)
}

#[tokio::test]
async fn the_pages_of_a_list_hold_every_account_once_oldest_first() {
    let gate = World::shared();
    let administrator = given_administrator(gate).await;
    let mark = new_name();
    let names: Vec<_> = (0..5).map(|i| format!("{mark}-{i}")).collect();
    for name in &names {
        let email = format!("{name}@example.com");
        let account = json!({
            "email": email, "username": name, "password": PASSWORD, "role": "standard",
        });
        gate.register(&account).await.is(201);
    }

    let mut path = Some(format!("/admin/accounts?q={}&limit=2", mark.to_uppercase()));
    let (mut seen, mut sizes, mut second_page) = (Vec::new(), Vec::new(), None);
    while let Some(this) = path {
        let page = read(gate, &this, &administrator).await.is(200);
        let accounts = page.json.as_array().expect("an array");
        sizes.push(accounts.len());
        seen.extend(accounts.iter().filter_map(|a| Some(a["username"].as_str()?.to_owned())));
        path = next(&page);
        second_page = second_page.or(path.clone());
    }
    assert_eq!((seen, sizes), (names, vec![2, 2, 1]));

    let cursor = second_page.expect("a second page");
    let elsewhere = format!("{}&tier=premium", cursor);
    read(gate, &elsewhere, &administrator).await.problem(400, "invalid_cursor");
    for limit in [0, 201] {
        let path = format!("/admin/accounts?limit={limit}");
        read(gate, &path, &administrator).await.problem(400, "malformed_parameter");
    }
}

#[tokio::test]
async fn an_account_is_read_by_its_id_without_its_password() {
    let gate = World::shared();
    let (administrator, user) = (given_administrator(gate).await, gate.given_user("premium").await);
    let path = format!("/admin/accounts?q={}&tier=premium", user.email);
    let found = read(gate, &path, &administrator).await.is(200);
    assert_eq!(found.json[0]["username"], user.username);

    let path = format!("/admin/accounts/{}", found.json[0]["id"].as_str().expect("an id"));
    let account = read(gate, &path, &administrator).await.is(200);
    assert_eq!(account.json, found.json[0]);
    assert!(!account.text.contains("argon2"), "{}", account.text);
    read(gate, &path, &user).await.problem(403, "forbidden");

    let unknown = format!("/admin/accounts/{}", Uuid::nil());
    read(gate, &unknown, &administrator).await.problem(404, "not_found");
    read(gate, "/admin/accounts/7", &administrator).await.problem(400, "malformed_parameter");
}

#[tokio::test]
async fn the_link_requests_of_an_account_are_listed_in_pages_oldest_first() {
    let gate = World::shared();
    let (administrator, user) = (given_administrator(gate).await, gate.given_user("premium").await);
    let mut made = Vec::new();
    for _ in 0..3 {
        let answer = read(gate, "/request_for_ticketing_link", &user).await.is(201);
        made.push(answer.member("request_id"));
    }
    read(gate, "/admin/link_requests", &user).await.problem(403, "forbidden");
    let found = read(gate, &format!("/admin/accounts?q={}", user.email), &administrator).await;
    let account = found.json[0]["id"].as_str().expect("an id").to_owned();

    let list = format!("/admin/link_requests?account={account}&tier=premium&limit=2");
    eventually("the projection has them", async || {
        next(&read(gate, &list, &administrator).await).is_some()
    })
    .await;
    let first = read(gate, &list, &administrator).await.is(200);
    let second = read(gate, &next(&first).expect("a second page"), &administrator).await.is(200);
    let pages = [&first.json[0]["id"], &first.json[1]["id"], &second.json[0]["id"]];
    assert_eq!(pages.map(|id| id.as_str().expect("an id")), [&made[0], &made[1], &made[2]]);
    assert_eq!(second.json.as_array().map(Vec::len), Some(1));

    let one = format!("/admin/link_requests/{}", made[0]);
    let one = read(gate, &one, &administrator).await.is(200);
    assert_eq!(one.json["account_id"], account);
    assert!(!one.text.contains("eyJ"), "a token is shown: {}", one.text);
}
