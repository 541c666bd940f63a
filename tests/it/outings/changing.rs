//! Each member of an announcement changed alone, and who sees it then; what no host changes.

use reqwest::Method;
use serde_json::{Value, json};

use super::given::{Outing, announcement, in_hours};
use crate::world::World;
use crate::world::answer::Ask;
use crate::world::people::User;

/// Hosts, and what of them a reader's list has.
struct Lists<'a> {
    world: &'a World,
    author: String,
}

impl Lists<'_> {
    async fn rows(&self, by: &User, filter: &str) -> Vec<Value> {
        let path = format!("/app/v1/announcements?filter[author]={}{filter}", self.author);
        self.world.get_as(by, &path).await.is(200).json.as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn each_member_is_changed_alone_and_the_others_stay() {
    let world = World::shared();
    let outing = world.given_outing(2, in_hours(30)).await;
    let (guest, _) = world.given_guest(&outing).await;
    let lists = Lists { world, author: world.id_of(&outing.host).await };
    let by = world.given_user("standard").await;
    for (name, value, filter) in [
        ("title", json!("Metropolis, restored"), ""),
        ("description", json!("Bring popcorn"), ""),
        ("event_location", json!("Kino Zoo, hall 3"), "&filter[location]=Zoo"),
        ("is_free", json!(false), "&filter[is_free]=false"),
        ("tickets_count", json!(5), "&filter[tickets]=4"),
        ("duration", json!(90), ""),
    ] {
        let before = world.announcement(&outing.host, &outing.id).await.is(200);
        if !filter.is_empty() {
            assert_eq!(lists.rows(&by, filter).await, [Value::Null; 0], "{name} is as it was");
        }
        let change = json!({ name: value });
        let changed = world.change(&outing.host, &outing.id, &change).await.is(200);
        let mut expected = before.json.clone();
        assert_ne!(expected[name], value);
        expected[name] = value.clone();
        expected["modified"] = changed.json["modified"].clone();
        if name == "tickets_count" {
            expected["tickets_left"] = json!(4);
        }
        assert_eq!(changed.json, expected, "{name}");
        assert_ne!(changed.header("etag"), before.header("etag"));
        let read = world.announcement(&guest, &outing.id).await.is(200);
        assert_eq!((&read.json, read.header("etag")), (&expected, changed.header("etag")));
        let rows = lists.rows(&by, filter).await;
        assert_eq!(rows.len(), 1, "{name}");
        if name != "description" {
            assert_eq!(rows[0][name], value);
        }
        let again = world.change(&outing.host, &outing.id, &change).await.is(200);
        assert_eq!(again.header("etag"), changed.header("etag"), "{name}: the same is no change");
    }
}

#[tokio::test]
async fn whether_it_is_closed_or_done_is_not_the_hosts_to_say() {
    let world = World::shared();
    let host = world.given_user("standard").await;
    let follows = "status: is Closed when no place is left, and Done when it is over";
    for (hours, status) in [(30, "Alive"), (40, "Created")] {
        let mut body = announcement(in_hours(hours), 2);
        body["status"] = json!(status);
        let id = world.announce(&host, &body).await.is(200).member("id");
        let before = world.announcement(&host, &id).await.is(200).json;
        assert_eq!(before["status"], status);
        for (asked, rule) in
            [("Closed", follows), ("Done", follows), ("Open", "status: must be Created or Alive")]
        {
            let change = json!({ "status": asked, "title": "Too late" });
            let refused = world.change(&host, &id, &change).await.problem(422, "invalid_fields");
            assert_eq!(refused.field_errors(), [rule]);
        }
        assert_eq!(world.announcement(&host, &id).await.is(200).json, before);
    }
}

#[tokio::test]
async fn what_is_only_for_followers_from_now_on_is_hidden_from_strangers() {
    let world = World::shared();
    let outing = world.given_outing(2, in_hours(30)).await;
    let Outing { host, id, .. } = &outing;
    let (guest, _) = world.given_applicant(&outing).await;
    let (follower, stranger) =
        (world.given_user("standard").await, world.given_user("standard").await);
    let lists = Lists { world, author: world.id_of(host).await };
    let path = format!("/ugc/v1/follow/{}", lists.author);
    world.by(&follower, Method::PUT, &path).ask().await.is(204);
    for (sub_only, seen) in [(false, 200), (true, 404), (false, 200)] {
        let changed = world.change(host, id, &json!({ "sub_only": sub_only })).await.is(200);
        assert_eq!(changed.json["sub_only"], sub_only);
        assert_eq!(world.announcement(&stranger, id).await.status, seen);
        assert_eq!(lists.rows(&stranger, "").await.is_empty(), sub_only);
        for by in [host, &follower, &guest] {
            let read = world.announcement(by, id).await.is(200);
            assert_eq!(read.json["sub_only"], sub_only);
            let rows = lists.rows(by, "").await;
            assert_eq!((rows.len(), &rows[0]["sub_only"]), (1, &json!(sub_only)));
        }
    }
    world.change(host, id, &json!({ "sub_only": true })).await.is(200);
    world.book(&stranger, id).await.problem(404, "not_found");
}

#[tokio::test]
async fn who_has_withdrawn_comes_back_only_to_what_they_may_see() {
    let world = World::shared();
    let outing = world.given_outing(3, in_hours(30)).await;
    let Outing { host, id, .. } = &outing;
    let (stays, kept) = world.given_applicant(&outing).await;
    let (declined, refused) = world.given_applicant(&outing).await;
    world.say(host, &refused, false).await.is(200);
    let (guest, booking) = world.given_guest(&outing).await;
    world.say(&guest, &booking, false).await.is(200);
    world.say(&guest, &booking, true).await.is(200);
    world.say(&guest, &booking, false).await.is(200);
    world.change(host, id, &json!({ "sub_only": true })).await.is(200);
    for _ in 0..2 {
        world.say(&guest, &booking, true).await.problem(404, "not_found");
        world.announcement(&guest, id).await.problem(404, "not_found");
    }
    assert_eq!(world.booking(&guest, &booking).await.json["guest_status"], false);
    // A repeat changes nothing, and a no hides nothing.
    world.say(&stays, &kept, true).await.is(200);
    world.say(&declined, &refused, true).await.is(200);
    world.say(&guest, &booking, false).await.is(200);
    let path = format!("/ugc/v1/follow/{}", world.id_of(host).await);
    world.by(&guest, Method::PUT, &path).ask().await.is(204);
    world.say(&guest, &booking, true).await.is(200);
    world.announcement(&guest, id).await.is(200);
}
