//! A match behind the gate is sold to holders of a used access link, once each.

use chrono::{NaiveTime, TimeDelta};
use reqwest::Method;
use serde_json::json;

use super::given::Sale;
use crate::world::World;
use crate::world::answer::Ask;
use crate::world::people::User;

impl World {
    /// A sale of six seats that is behind the gate.
    pub(crate) async fn given_sale_behind_the_gate(&self) -> Sale {
        let sale = self.given_sale(&[("A", 1, 6)]).await;
        let path = format!("/api/match/{}/", sale.id);
        let behind = json!({ "requires_link": true });
        self.by(&sale.admin, Method::PATCH, &path).json(&behind).ask().await.is(200);
        sale
    }

    /// The id of a link request whose link this user has used.
    async fn use_a_link(&self, user: &User) -> String {
        let get = async |path: &str| self.get_as(user, path).await;
        let request = get("/request_for_ticketing_link").await.is(201).member("request_id");
        let check = format!("/check_ticketing_link?request_id={request}");
        let mut link = get(&check).await.is(200);
        while !link.json["link"].is_string() {
            link = get(&check).await.is(200);
        }
        let link = link.member("link");
        let path = link.find("/buy_ticket").map(|start| link[start..].to_owned());
        get(&path.expect("a link")).await.is(200).says("Welcome to the Ticket Page");
        request
    }
}

#[tokio::test]
async fn a_used_link_buys_once_and_only_its_owner() {
    let world = World::shared();
    let sale = world.given_sale_behind_the_gate().await;
    let (user, other) = (world.given_user("premium").await, world.given_user("premium").await);
    let reserve = async |user: &User, number, body: serde_json::Value| {
        let path = format!("/api/ticket/{}/reserve/", sale.ticket("A", 1, number));
        world.by(user, Method::PUT, &path).json(&body).ask().await
    };
    reserve(&user, 1, json!({})).await.problem(403, "link_required");
    let unused = uuid::Uuid::new_v4();
    let by = |request: &str| json!({ "request_id": request });
    reserve(&user, 1, by(&unused.to_string())).await.problem(403, "link_required");
    let request = world.use_a_link(&user).await;
    reserve(&other, 1, by(&request)).await.problem(403, "link_required");
    // At once after the link was used.
    reserve(&user, 1, by(&request)).await.is(200);
    reserve(&user, 2, by(&request)).await.problem(409, "link_spent");
    // A refused reservation uses nothing.
    let theirs = world.use_a_link(&other).await;
    reserve(&other, 1, by(&theirs)).await.problem(409, "ticket_unavailable");
    let seats = json!({ "quantity": 2, "request_id": theirs });
    world.reserve_many(&other, &sale.id, &seats).await.is(200);
    // What was reserved is bought without more.
    let wallet = world.given_money(&user, 20).await;
    world.purchase(&user, &wallet).await.is(200);
}

/// What a guest asked for is whoever's that knows its id, as everything of a guest is.
#[tokio::test]
async fn the_link_that_a_guest_has_used_buys_for_who_knows_it() {
    let world = World::with_test_clock().await;
    let sale = world.given_sale_behind_the_gate().await;
    let link = world.given_issued_link("guest").await;
    let midnight = (world.now().await + TimeDelta::days(1)).date_naive().and_time(NaiveTime::MIN);
    world.move_clock_to(midnight.and_utc()).await;
    world.buy(&link).await.is(200);
    let (user, other) = (world.given_user("standard").await, world.given_user("standard").await);
    let reserve = async |user: &User, number| {
        let path = format!("/api/ticket/{}/reserve/", sale.ticket("A", 1, number));
        let body = json!({ "request_id": link.id });
        world.by(user, Method::PUT, &path).json(&body).ask().await
    };
    reserve(&user, 1).await.is(200);
    reserve(&other, 2).await.problem(409, "link_spent");
    world.system.stop().await.unwrap();
}

/// The refusal does not tell whether a request is somebody else's.
#[tokio::test]
async fn anothers_right_is_refused_like_one_that_nobody_has() {
    let world = World::shared();
    let sale = world.given_sale_behind_the_gate().await;
    let (user, other) = (world.given_user("premium").await, world.given_user("premium").await);
    let reserve = async |user: &User, number, request: &str| {
        let path = format!("/api/ticket/{}/reserve/", sale.ticket("A", 1, number));
        let body = json!({ "request_id": request });
        world.by(user, Method::PUT, &path).json(&body).ask().await
    };
    let theirs = world.use_a_link(&other).await;
    let unknown = uuid::Uuid::new_v4().to_string();
    for used in [false, true] {
        if used {
            reserve(&other, 1, &theirs).await.is(200);
        }
        for request in [&unknown, &theirs] {
            let refused = reserve(&user, 2, request).await.problem(403, "link_required");
            refused.says("request_id names no used access link of yours");
        }
    }
    // Who has used it before is told so.
    reserve(&other, 2, &theirs).await.problem(409, "link_spent");
}
