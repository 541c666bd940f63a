//! Looking for outings: what is listed to whom, and each filter.

use reqwest::Method;
use serde_json::json;

use super::given::{Outing, announcement, in_hours};
use crate::catalogue::METROPOLIS;
use crate::world::World;
use crate::world::answer::Ask;
use crate::world::people::{User, new_name};

impl World {
    /// The ids that a list has.
    async fn listed(&self, by: &User, query: &str) -> Vec<String> {
        let list = self.get_as(by, &format!("/app/v1/announcements?limit=200&{query}")).await;
        let list = list.is(200).json;
        let id = |listed: &serde_json::Value| listed["id"].as_str().unwrap().to_owned();
        list.as_array().unwrap().iter().map(id).collect()
    }
}

#[tokio::test]
async fn every_filter_finds_what_it_names_and_they_combine() {
    let world = World::shared();
    let host = world.given_user("standard").await;
    let id = world.id_of(&host).await;
    let start = in_hours(100);
    let mut body = announcement(start, 3);
    body["event_location"] = json!("Kino 100%_Zoo");
    let made = world.announce(&host, &body).await.is(200).member("id");
    // Of three places two are left.
    world.given_guest(&Outing::of(&host, &made, start)).await;
    let by = world.given_user("standard").await;
    let day = start.format("%Y-%m-%d");
    let instant = start.format("%Y-%m-%dT%H:%M:%SZ");
    let author = format!("filter[author]={id}");
    let all = format!(
        "{author}&filter[movie]={METROPOLIS}&filter[is_free]=true&filter[tickets]=2\
         &filter[date]={day}&filter[location]=100%25_zOO"
    );
    for query in [
        author.clone(),
        format!("{author}&filter[movie]={METROPOLIS}"),
        format!("{author}&filter[is_free]=true"),
        format!("{author}&filter[tickets]=2"),
        format!("{author}&filter[date]={day}"),
        format!("{author}&filter[date]={instant}"),
        "filter[location]=100%25_zOO".to_owned(),
        // Too short for the index.
        format!("{author}&filter[location]=O"),
        all,
    ] {
        assert_eq!(world.listed(&by, &query).await, [made.as_str()], "{query}");
    }
    for query in [
        "filter[movie]=00000000-0000-4000-8000-000000000000",
        "filter[is_free]=false",
        "filter[tickets]=3",
        "filter[date]=2020-01-01",
        "filter[date]=2020-01-01T00:00:00Z",
        "filter[location]=100_%25",
        "filter[private]=true",
    ] {
        let query = format!("{author}&{query}");
        assert_eq!(world.listed(&by, &query).await.len(), 0, "{query}");
    }
    for date in ["soon", "%2B262142-12-31", "-5000-01-01", "%2B262142-12-31T23:59:59"] {
        for list in ["announcements", "bookings"] {
            let path = format!("/app/v1/{list}?filter[date]={date}");
            world.get_as(&by, &path).await.problem(400, "malformed_parameter");
        }
    }
    world.get_as(&by, "/app/v1/announcements?filter[author]=7").await.is(400);
}

#[tokio::test]
async fn open_ones_are_listed_and_ones_own_drafts_to_oneself() {
    let world = World::shared();
    let outing = world.given_outing(1, in_hours(30)).await;
    let (host, guest) = (&outing.host, world.given_user("standard").await);
    let author = format!("filter[author]={}", world.id_of(host).await);
    // Where nobody else goes: of all that is open, a page would not reach as far.
    let place = new_name();
    world.change(host, &outing.id, &json!({ "event_location": place })).await.is(200);
    let mut draft = announcement(in_hours(40), 1);
    draft["status"] = json!("Created");
    draft["event_location"] = json!(place);
    let draft = world.announce(host, &draft).await.is(200).member("id");
    let there = format!("filter[location]={place}");
    for by in [host, &guest] {
        assert_eq!(world.listed(by, &there).await, [outing.id.as_str()], "without the draft");
    }
    assert_eq!(world.listed(&guest, &author).await, [outing.id.as_str()]);
    assert_eq!(world.listed(host, &author).await, [outing.id.as_str(), draft.as_str()]);
    world.given_guest(&outing).await;
    assert_eq!(world.listed(&guest, &author).await.len(), 0, "it is full");
    assert_eq!(world.listed(host, &author).await, [draft.as_str()], "it is full");
    world.call_off(host, &outing.id).await.is(200);
    assert_eq!(world.listed(host, &author).await, [draft]);
}

/// An earlier implementation.
#[tokio::test]
async fn private_announcements_were_listed_to_everyone() {
    let world = World::shared();
    let (host, follower) = (world.given_user("standard").await, world.given_user("standard").await);
    let (stranger, admin) = (world.given_user("standard").await, world.given_admin().await);
    let host_id = world.id_of(&host).await;
    let path = format!("/ugc/v1/follow/{host_id}");
    world.by(&follower, Method::PUT, &path).ask().await.is(204);
    let mut private = announcement(in_hours(30), 2);
    private["sub_only"] = json!(true);
    let id = world.announce(&host, &private).await.is(200).member("id");
    let author = format!("filter[author]={host_id}");
    for by in [&host, &follower] {
        assert_eq!(world.listed(by, &author).await, [id.as_str()]);
    }
    assert_eq!(world.listed(&follower, "filter[private]=true").await, [id.as_str()]);
    assert_eq!(world.listed(&stranger, &author).await.len(), 0);
    assert_eq!(world.listed(&stranger, "filter[private]=true").await.len(), 0);
    for by in [&host, &follower, &admin] {
        world.announcement(by, &id).await.is(200);
    }
    world.announcement(&stranger, &id).await.problem(404, "not_found");
    world.book(&stranger, &id).await.problem(404, "not_found");
    world.change(&stranger, &id, &json!({})).await.problem(404, "not_found");
    world.call_off(&stranger, &id).await.problem(404, "not_found");
    world.get_as(&stranger, &format!("/app/v1/reviews/{id}")).await.problem(404, "not_found");
    // Who comes along or may yet may see it, whomever they follow since.
    let booking = world.book(&follower, &id).await.is(200).member("id");
    world.by(&follower, Method::DELETE, &path).ask().await.is(204);
    world.announcement(&follower, &id).await.is(200);
    assert_eq!(world.listed(&follower, &author).await, [id.as_str()]);
    for (by, yes, sees) in [(&host, false, false), (&host, true, true), (&follower, false, false)] {
        world.say(by, &booking, yes).await.is(200);
        let status = world.announcement(&follower, &id).await.status;
        let listed = world.listed(&follower, &author).await;
        assert_eq!((status == 200, listed.len()), (sees, usize::from(sees)));
    }
    // Who has withdrawn comes back only to what they may see.
    world.say(&follower, &booking, true).await.problem(404, "not_found");
    world.by(&follower, Method::PUT, &path).ask().await.is(204);
    world.say(&follower, &booking, true).await.is(200);
    world.announcement(&follower, &id).await.is(200);
}

#[tokio::test]
async fn a_list_comes_in_pages() {
    let world = World::shared();
    let host = world.given_user("standard").await;
    let author = format!("filter[author]={}", world.id_of(&host).await);
    let mut made = Vec::new();
    for hours in [30, 33, 36] {
        let made_one = world.announce(&host, &announcement(in_hours(hours), 1)).await.is(200);
        made.push(made_one.member("id"));
    }
    let path = format!("/app/v1/announcements?limit=2&{author}");
    let first = world.get_as(&host, &path).await.is(200);
    assert_eq!(first.json.as_array().unwrap().len(), 2);
    let link = first.header("link").to_owned();
    let next = link.strip_prefix('<').unwrap().split_once('>').unwrap().0;
    let second = world.get_as(&host, next).await.is(200);
    assert_eq!(second.json.as_array().unwrap()[0]["id"], made[2]);
    assert_eq!(second.header("link"), "");
}
