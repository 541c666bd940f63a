//! Every member of what is answered.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::given::{announcement, in_hours};
use crate::catalogue::METROPOLIS;
use crate::world::World;
use crate::world::people::User;

/// An announcement for two, with a guest.
struct Given {
    host: User,
    host_id: String,
    guest: User,
    guest_id: String,
    id: String,
    start: DateTime<Utc>,
}

async fn given(world: &World) -> Given {
    let (host, guest) = (world.given_user("standard").await, world.given_user("standard").await);
    let (host_id, guest_id) = (world.id_of(&host).await, world.id_of(&guest).await);
    let start = in_hours(30);
    let id = world.announce(&host, &announcement(start, 2)).await.is(200).member("id");
    Given { host, host_id, guest, guest_id, id, start }
}

/// When the first and the last event of an announcement were recorded.
async fn recorded(world: &World, id: &str) -> (DateTime<Utc>, DateTime<Utc>) {
    let text = "select min(recorded_at), max(recorded_at) from events \
                where aggregate = 'announcement' and aggregate_id = $1::text::uuid";
    let row = world.sql().await.query_one(text, &[&id]).await.unwrap();
    (row.get(0), row.get(1))
}

fn time(of: &Value) -> DateTime<Utc> {
    of.as_str().unwrap().parse().unwrap()
}

fn at(start: DateTime<Utc>) -> String {
    start.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[tokio::test]
async fn an_announcement_tells_all_there_is_to_know() {
    let world = World::shared();
    let Given { host, host_id, guest, guest_id, id, start } = given(world).await;
    let booking = world.book(&guest, &id).await.is(200).member("id");
    world.say(&host, &booking, true).await.is(200);
    let changed = world.change(&host, &id, &json!({ "title": "Metropolis" })).await.is(200);
    let (first, last) = recorded(world, &id).await;
    assert!(first < last, "the control: it was made and then changed");
    let expected = json!({
        "id": id, "created": changed.json["created"], "modified": changed.json["modified"],
        "status": "Alive", "title": "Metropolis", "description": "We meet at the box",
        "movie_id": METROPOLIS, "movie_title": "Metropolis",
        "author_id": host_id, "author_name": host.username, "author_rating": 0.0,
        "sub_only": false, "is_free": true, "tickets_count": 2, "tickets_left": 1,
        "event_time": at(start), "event_location": "Cinema Mir, hall 2", "duration": 120,
        "guest_list": [{
            "booking_id": booking, "guest_id": guest_id, "guest_name": guest.username,
            "guest_rating": 0.0, "guest_status": true, "author_status": true, "clashes": false,
        }],
    });
    assert_eq!(changed.json, expected);
    let admin = world.given_admin().await;
    for by in [&host, &guest, &admin] {
        assert_eq!(world.announcement(by, &id).await.is(200).json, expected);
    }
    assert_eq!((time(&expected["created"]), time(&expected["modified"])), (first, last));
}

#[tokio::test]
async fn a_booking_tells_who_goes_where_and_when() {
    let world = World::shared();
    let Given { host, host_id, guest, guest_id, id, start } = given(world).await;
    let made = world.book(&guest, &id).await.is(200);
    let booking = made.member("id");
    let mut expected = json!({
        "id": booking, "announcement_id": id, "movie_title": "Metropolis",
        "author_id": host_id, "author_name": host.username,
        "guest_id": guest_id, "guest_name": guest.username,
        "author_status": null, "guest_status": true, "guest_rating": 0.0, "author_rating": 0.0,
        "event_time": at(start), "clashes": false,
    });
    assert_eq!(made.json, expected);
    for by in [&host, &guest] {
        assert_eq!(world.booking(by, &booking).await.is(200).json, expected);
    }
    let listed = json!([{
        "id": booking, "announcement_id": id,
        "author_name": host.username, "guest_name": guest.username,
        "author_status": null, "guest_status": true, "event_time": at(start), "clashes": false,
    }]);
    for (by, query) in
        [(&host, ""), (&host, "?filter[self]=author"), (&guest, "?filter[self]=guest")]
    {
        let list = world.get_as(by, &format!("/app/v1/bookings{query}")).await.is(200);
        assert_eq!(list.json, listed, "{query}");
    }
    let later = start + chrono::TimeDelta::hours(3);
    world.change(&host, &id, &json!({ "event_time": later })).await.is(200);
    expected["event_time"] = json!(at(later));
    assert_eq!(world.booking(&guest, &booking).await.is(200).json, expected);
}

#[tokio::test]
async fn a_list_tells_of_each_announcement_what_one_chooses_by() {
    let world = World::shared();
    let Given { host, host_id, guest, id, start, .. } = given(world).await;
    let booking = world.book(&guest, &id).await.is(200).member("id");
    world.say(&host, &booking, true).await.is(200);
    let row = json!([{
        "id": id, "status": "Alive", "title": "On a big screen", "author_id": host_id,
        "movie_id": METROPOLIS, "sub_only": false, "is_free": true, "tickets_count": 2,
        "tickets_left": 1, "event_time": at(start), "event_location": "Cinema Mir, hall 2",
        "duration": 120,
    }]);
    let path = format!("/app/v1/announcements?filter[author]={host_id}");
    for by in [&host, &guest] {
        assert_eq!(world.get_as(by, &path).await.is(200).json, row);
    }
}
