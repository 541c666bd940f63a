//! Single seats of stadiums: where they are, and who may move them where.

use reqwest::Method;
use serde_json::{Value, json};

use super::given::nothing;
use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::User;

impl World {
    async fn change_seat(&self, admin: &User, method: Method, id: &str, body: &Value) -> Answer {
        self.by(admin, method, &format!("/api/seat/{id}/")).json(body).ask().await
    }
}

#[tokio::test]
async fn seats_are_unique_within_their_stadium_however_they_came() {
    let world = World::shared();
    let admin = world.given_admin().await;
    let stadium = world.given_stadium(&admin, &[("A", 2, 3)]).await;
    let seat = json!({ "stadium": stadium, "section": "A", "row": 2, "seat_number": 4 });
    let made = world.post_as(&admin, "/api/seat/", &seat).await.is(201);
    assert_eq!(made.json["number"], 4);
    world.post_as(&admin, "/api/seat/", &seat).await.problem(409, "seat_exists");
    let planned = json!({ "stadium": stadium, "section": "A", "row": 2, "number": 3 });
    world.post_as(&admin, "/api/seat/", &planned).await.problem(409, "seat_exists");
    let path = format!("/api/seat/{}/", made.member("id"));
    let onto = world.by(&admin, Method::PATCH, &path).json(&json!({ "number": 3 }));
    onto.ask().await.problem(409, "seat_exists");
    let aside = world.by(&admin, Method::PATCH, &path).json(&json!({ "number": 5 }));
    assert_eq!(aside.ask().await.is(200).json["number"], 5);
    let again = world.post_as(&admin, "/api/seat/", &seat).await;
    again.is(201);
    let count = async || {
        let list = format!("/api/seat/?stadium={stadium}&limit=200");
        world.get_as(&admin, &list).await.is(200).json.as_array().unwrap().len()
    };
    eventually("all seats are listed", async || count().await == 8).await;
    world.by(&admin, Method::DELETE, &path).ask().await.is(204);
    world.get_as(&admin, &path).await.problem(404, "not_found");
    world.by(&admin, Method::DELETE, &path).ask().await.problem(404, "not_found");
    let nowhere = json!({ "stadium": nothing(), "number": 1 });
    world.post_as(&admin, "/api/seat/", &nowhere).await.problem(404, "not_found");
}

/// While the table of seats does not follow: what was written is read, by whoever asks by id.
#[tokio::test]
async fn a_seat_is_where_it_was_put_last_however_far_behind_the_table_is() {
    let world = World::start(&[]).await;
    let admin = world.given_admin().await;
    let stadium = world.given_stadium(&admin, &[("A", 1, 1)]).await;
    let seat = json!({ "stadium": stadium, "section": "B", "row": 1, "number": 1 });
    let id = world.post_as(&admin, "/api/seat/", &seat).await.is(201).member("id");
    world.until_projected("venues").await;
    let mut sql = world.sql().await;
    let behind = sql.transaction().await.unwrap();
    behind.batch_execute("select from checkpoints for update").await.unwrap();
    let path = format!("/api/seat/{id}/");
    for number in [2, 3, 4] {
        let body = json!({ "number": number });
        let moved = world.change_seat(&admin, Method::PATCH, &id, &body).await.is(200);
        assert_eq!(moved.json["number"], number);
        let seen = world.get_as(&admin, &path).await.is(200);
        assert_eq!((&seen.json, seen.header("etag")), (&moved.json, moved.header("etag")));
    }
    world.by(&admin, Method::DELETE, &path).ask().await.is(204);
    world.get_as(&admin, &path).await.problem(404, "not_found");
    world.change_seat(&admin, Method::PATCH, &id, &json!({})).await.problem(404, "not_found");
    // Of one that the table has never had, nobody says that there is none.
    let new = json!({ "stadium": stadium, "section": "C", "row": 1, "number": 1 });
    let new = world.post_as(&admin, "/api/seat/", &new).await.is(201).member("id");
    let path = format!("/api/seat/{new}/");
    let unknown = world.get_as(&admin, &path).await.problem(503, "overloaded");
    assert_eq!(unknown.header("retry-after"), "1");
    behind.rollback().await.unwrap();
    world.until_projected("venues").await;
    world.get_as(&admin, &path).await.is(200);
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_seat_is_replaced_or_changed_if_it_is_as_it_was_seen() {
    let world = World::shared();
    let (admin, user) = (world.given_admin().await, world.given_user("standard").await);
    let stadium = world.given_stadium(&admin, &[("A", 2, 3)]).await;
    let seat = json!({ "stadium": stadium, "section": "B", "row": 2, "number": 4 });
    let id = world.post_as(&admin, "/api/seat/", &seat).await.is(201).member("id");
    let path = format!("/api/seat/{id}/");
    let row = world.change_seat(&admin, Method::PATCH, &id, &json!({ "row": 3 })).await.is(200);
    let expected = json!({ "id": id, "stadium": stadium, "section": "B", "row": 3, "number": 4 });
    assert_eq!(row.json, expected, "what a change leaves out stays");
    let whole = json!({ "stadium": stadium, "number": 9 });
    let bare = world.change_seat(&admin, Method::PUT, &id, &whole).await.is(200);
    let expected = json!({ "id": id, "stadium": stadium, "number": 9 });
    assert_eq!(bare.json, expected, "what the whole leaves out is empty");
    assert_eq!(world.get_as(&user, &path).await.is(200).json, expected);
    let tagged = async |method, tag: &str| {
        let request = world.by(&admin, method, &path).header("If-Match", tag);
        request.json(&json!({ "number": 10 })).ask().await
    };
    let tag = bare.header("etag").to_owned();
    tagged(Method::PATCH, row.header("etag")).await.problem(412, "precondition_failed");
    tagged(Method::PATCH, &tag).await.is(200);
    tagged(Method::DELETE, &tag).await.problem(412, "precondition_failed");
    let elsewhere = json!({ "stadium": nothing(), "number": 9 });
    let refused = world.change_seat(&admin, Method::PUT, &id, &elsewhere).await;
    refused.problem(422, "invalid_fields");
    let refused = world.change_seat(&user, Method::PUT, &id, &whole).await;
    refused.problem(403, "forbidden");
}

#[tokio::test]
async fn a_seat_has_a_number_and_its_bounds_are_named() {
    let world = World::shared();
    let admin = world.given_admin().await;
    let stadium = world.given_stadium(&admin, &[]).await;
    let refused = async |mut body: Value| {
        body["stadium"] = json!(stadium);
        let refused = world.post_as(&admin, "/api/seat/", &body).await;
        refused.problem(422, "invalid_fields").field_errors()
    };
    assert_eq!(refused(json!({})).await, ["number: is required"]);
    let zero = ["row: must be 1 to 10000", "number: must be 1 to 10000"];
    assert_eq!(refused(json!({ "row": 0, "number": 0 })).await, zero);
    let same = ["seat_number: must be 1 to 10000"];
    assert_eq!(refused(json!({ "seat_number": 10_001 })).await, same);
    let two = json!({ "number": 1, "seat_number": 2 });
    assert_eq!(refused(two).await, ["seat_number: must be the same as number"]);
    for number in [1, 10_000] {
        let body = json!({ "stadium": stadium, "row": number, "number": number,
                           "seat_number": number });
        world.post_as(&admin, "/api/seat/", &body).await.is(201);
    }
}
