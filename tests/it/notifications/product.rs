//! The list of what one is told: pages, reading, languages, switches, and whose it is.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::given::{LIST, SETTINGS};
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::User;

impl World {
    /// Somebody who is told of so many refunds.
    async fn given_told(&self, notices: usize) -> User {
        let buyer = self.given_user("standard").await;
        for _ in 0..notices {
            let seller = self.given_user("standard").await;
            let listed = self.list_ticket(&seller, "Concert, row 7", 19.99).await.is(201);
            let placed = self.order_ticket(&buyer, &listed.member("id")).await.is(201);
            let paid = self.pay(&buyer, &placed.member("id"), "tok_visa").await.is(201);
            self.refund(&seller, &paid.member("id"), "").await.is(200);
        }
        self.until_told(&buyer, &vec!["order_refunded"; notices]).await;
        buyer
    }

    /// Marks what somebody is told as read.
    pub(super) async fn mark(&self, user: &User, notice: &Value) -> Answer {
        let path = format!("{LIST}/{}/read", notice["id"].as_str().expect("an id"));
        self.by(user, Method::PUT, &path).ask().await
    }
}

#[tokio::test]
async fn people_read_their_own_notifications_only() {
    let world = World::shared();
    let (me, other) = (world.given_told(1).await, world.given_user("standard").await);
    let mine = &world.told(&me).await[0];
    assert_eq!(world.told(&other).await, Vec::<Value>::new());
    world.mark(&other, mine).await.problem(404, "not_found");
    let unknown = json!({ "id": Uuid::new_v4() });
    world.mark(&me, &unknown).await.problem(404, "not_found");
    for path in [LIST, SETTINGS] {
        world.get(path).ask().await.problem(401, "unauthenticated");
    }
    assert_eq!(world.told(&me).await[0]["read_at"], Value::Null, "nobody else has read it");
}

#[tokio::test]
async fn what_was_read_stays_read() {
    let world = World::shared();
    let me = world.given_told(3).await;
    let unread = async |which: bool| {
        let list = world.get_as(&me, &format!("{LIST}?unread={which}")).await.is(200).json;
        list.as_array().unwrap().len()
    };
    assert_eq!((unread(true).await, unread(false).await), (3, 0));
    let first = &world.told(&me).await[0];
    let read = world.mark(&me, first).await.is(200);
    let again = world.mark(&me, first).await.is(200);
    assert!(read.json["read_at"].is_string(), "{}", read.text);
    assert_eq!(read.json, again.json, "the first time counts");
    assert_eq!((unread(true).await, unread(false).await), (2, 1));
    world.by(&me, Method::PUT, &format!("{LIST}/read")).ask().await.is(204);
    assert_eq!((unread(true).await, unread(false).await), (0, 3));
    assert_eq!(world.told(&me).await[0], read.json, "all at once changes nothing of it");
}

#[tokio::test]
async fn the_oldest_come_first_unless_asked_otherwise_page_by_page() {
    let world = World::shared();
    let me = world.given_told(3).await;
    let newest_first = world.told(&me).await;
    let created = |notice: &Value| notice["created"].as_str().unwrap().to_owned();
    assert!(newest_first.windows(2).all(|pair| created(&pair[0]) > created(&pair[1])));
    let oldest_first: Vec<_> = newest_first.iter().rev().cloned().collect();
    for (sort, all) in
        [("", &oldest_first), ("&sort=created", &oldest_first), ("&sort=-created", &newest_first)]
    {
        let first = world.get_as(&me, &format!("{LIST}?limit=2{sort}")).await.is(200);
        let next = first.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
        let second = world.get_as(&me, &next).await.is(200);
        assert_eq!(second.header("link"), "");
        let pages = [&first, &second].map(|page| page.json.as_array().unwrap().clone());
        assert_eq!(pages.concat(), *all, "{sort}");
        let (_, cursor) = next.split_once("after=").unwrap();
        for other in ["unread=true&sort=-created", "unread=true"] {
            let other = format!("{LIST}?{other}&after={cursor}");
            world.get_as(&me, &other).await.problem(400, "invalid_cursor");
        }
    }
    world.get_as(&me, &format!("{LIST}?sort=newest")).await.is(400);
}

#[tokio::test]
async fn people_are_told_in_their_language() {
    let world = World::shared();
    let me = world.given_told(1).await;
    let text = async || world.told(&me).await[0]["text"].as_str().unwrap().to_owned();
    assert_eq!(text().await, "The payment for “Concert, row 7” was refunded.");
    world.set_profile(&me, &json!({ "language": "ru" })).await;
    assert_eq!(text().await, "Оплата за «Concert, row 7» возвращена.");
}

#[tokio::test]
async fn what_one_has_switched_off_is_not_listed() {
    let world = World::shared();
    let me = world.given_told(1).await;
    let settings = world.get_as(&me, SETTINGS).await.is(200).json;
    let settings = settings.as_array().unwrap();
    assert!(settings.iter().all(|one| one["product"] == true && one["email"] == true));
    let changed = world.switch(&me, "order_refunded", "product", false).await.is(200);
    let changed = changed.json.as_array().unwrap();
    let off = changed.iter().filter(|one| one["product"] == false);
    assert_eq!(off.map(|one| &one["kind"]).collect::<Vec<_>>(), ["order_refunded"]);
    assert!(changed.iter().all(|one| one["email"] == true), "the other channel stays");
    assert_eq!(world.told(&me).await, Vec::<Value>::new());
    world.switch(&me, "order_refunded", "product", true).await.is(200);
    assert_eq!(world.told(&me).await.len(), 1);
    let refused = world.switch(&me, "spam", "product", false).await;
    refused.problem(422, "invalid_fields");
}
