//! Matches: when they take place, and which of their seats are on sale.

use std::time::Instant;

use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::given::{nothing, some_day};
use crate::harness::eventually;
use crate::market::given::now;
use crate::world::World;
use crate::world::answer::Ask;

/// In an earlier system every attempt to create a match was a 500.
#[tokio::test]
async fn a_match_is_scheduled_read_and_changed() {
    let world = World::shared();
    let (admin, user) = (world.given_admin().await, world.given_user("standard").await);
    let stadium = world.given_stadium(&admin, &[]).await;
    let start = some_day();
    let made = world.schedule(&admin, &stadium, start).await.is(201);
    let path = format!("/api/match/{}/", made.member("id"));
    let seen = world.get_as(&user, &path).await.is(200);
    assert_eq!(seen.json, made.json);
    assert_eq!(
        (&seen.json["title"], &seen.json["requires_link"]),
        (&json!("Final"), &json!(false))
    );
    let title = world.by(&admin, Method::PATCH, &path).json(&json!({ "title": "Semi-final" }));
    assert_eq!(title.ask().await.is(200).json["title"], "Semi-final");
    let past = json!({ "start_time": now() - TimeDelta::hours(1), "end_time": now() });
    let past = world.by(&admin, Method::PATCH, &path).json(&past).ask().await;
    let past = past.problem(422, "invalid_fields");
    assert_eq!(past.field_errors(), ["start_time: must be in the future"]);
    let put = async |body| world.by(&admin, Method::PUT, &path).json(&body).ask().await;
    let whole = json!({ "stadium": stadium, "start_time": start,
                        "end_time": start + TimeDelta::hours(2), "requires_link": true });
    assert_eq!(put(whole.clone()).await.is(200).json["requires_link"], true);
    let bare = json!({ "stadium": stadium, "start_time": start,
                       "end_time": start + TimeDelta::hours(2) });
    let bare = put(bare).await.is(200);
    assert_eq!((&bare.json["title"], &bare.json["requires_link"]), (&json!(null), &json!(false)));
    put(json!({ "title": "Final" })).await.problem(422, "invalid_fields");
    let moved = world.by(&admin, Method::PUT, &path).header("If-Match", "\"1\"").json(&whole);
    moved.ask().await.problem(412, "precondition_failed");
    for bad in [
        json!({ "stadium": stadium, "start_time": start, "end_time": start }),
        json!({ "stadium": stadium, "start_time": start, "end_time": start - TimeDelta::hours(1) }),
        json!({ "stadium": stadium, "start_time": now() - TimeDelta::hours(1), "end_time": start }),
        json!({ "stadium": stadium, "start_time": "yesterday", "end_time": start }),
    ] {
        world.post_as(&admin, "/api/match/", &bad).await.problem(422, "invalid_fields");
    }
    world.schedule(&admin, &nothing(), start).await.problem(404, "not_found");
    world.schedule(&user, &stadium, some_day()).await.problem(403, "forbidden");
}

#[tokio::test]
async fn two_matches_of_a_stadium_never_overlap_and_the_refusal_names_the_other() {
    let world = World::shared();
    let admin = world.given_admin().await;
    let stadium = world.given_stadium(&admin, &[]).await;
    let start = some_day();
    let first = world.schedule(&admin, &stadium, start).await.is(201).member("id");
    let late = world.schedule(&admin, &stadium, start + TimeDelta::hours(1)).await;
    let refused = late.problem(409, "matches_overlap");
    assert!(refused.member("detail").contains(&first), "{}", refused.text);
    let after = world.schedule(&admin, &stadium, start + TimeDelta::hours(2)).await.is(201);
    let path = format!("/api/match/{}/", after.member("id"));
    let earlier = json!({ "start_time": start + TimeDelta::minutes(119) });
    let moved = world.by(&admin, Method::PATCH, &path).json(&earlier).ask().await;
    assert!(moved.problem(409, "matches_overlap").member("detail").contains(&first));
    // In another stadium the time is free.
    let other = world.given_stadium(&admin, &[]).await;
    world.schedule(&admin, &other, start).await.is(201);
    // A cancelled match takes no time.
    world.by(&admin, Method::DELETE, &format!("/api/match/{first}/")).ask().await.is(204);
    world.schedule(&admin, &stadium, start).await.is(201);
}

#[tokio::test]
async fn of_many_matches_at_the_same_time_one_is_scheduled() {
    let world = World::shared();
    let admin = world.given_admin().await;
    let stadium = world.given_stadium(&admin, &[]).await;
    let start = some_day();
    let all = join_all((0..20).map(|_| world.schedule(&admin, &stadium, start))).await;
    let statuses: Vec<u16> = all.iter().map(|answer| answer.status).collect();
    let made = statuses.iter().filter(|status| **status == 201).count();
    assert_eq!(made, 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 409].contains(status)), "{statuses:?}");
}

#[tokio::test]
async fn a_match_that_moves_says_so_in_an_event() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 2)]).await;
    let (start, end) = sale.time();
    let later = TimeDelta::hours(5);
    let body = json!({ "start_time": start + later, "end_time": end + later });
    let path = format!("/api/match/{}/", sale.id);
    world.by(&sale.admin, Method::PATCH, &path).json(&body).ask().await.is(200);
    let events = world.events_of(sale.id.parse().unwrap()).await;
    assert_eq!(events, ["Scheduled", "SeatsOffered", "Moved"]);
    let booked = world.events_of(sale.stadium.parse().unwrap()).await;
    assert_eq!(booked, ["Defined", "SeatsPlanned", "Booked", "Booked"]);
    // Its former time is free again, its new one is not.
    world.schedule(&sale.admin, &sale.stadium, start).await.is(201);
    let taken = world.schedule(&sale.admin, &sale.stadium, start + later).await;
    taken.problem(409, "matches_overlap");
}

#[tokio::test]
async fn fifty_thousand_seats_are_put_on_sale_by_one_event_in_seconds() {
    let world = World::shared();
    let admin = world.given_admin().await;
    let sections = [("North", 100, 250), ("South", 100, 250)];
    let began = Instant::now();
    let sale = world.given_sale_at(admin, &sections, some_day()).await;
    let tickets = format!("select count(*) from tickets where fixture_id = '{}'", sale.id);
    eventually("every ticket has a row", async || world.count(&tickets).await == 50_000).await;
    assert!(began.elapsed().as_secs() < 20, "it took {:?}", began.elapsed());
    let events = world.events_of(sale.id.parse().unwrap()).await;
    assert_eq!(events, ["Scheduled", "SeatsOffered"]);
    let path = format!("/api/match/{}/tickets", sale.id);
    let again = world.post_as(&sale.admin, &path, &json!({ "price": sale.price })).await.is(201);
    assert_eq!(again.json["tickets"], 0, "a repeat is harmless");
    let map = world.get_as(&sale.admin, &format!("/api/match/{}/seats", sale.id)).await.is(200);
    assert!(map.text.len() < 1_000_000, "{} bytes", map.text.len());
    let user = world.given_user("standard").await;
    world.reserve(&user, &sale.ticket("South", 100, 250)).await.is(200);
}

#[tokio::test]
async fn sections_and_single_seats_are_put_on_sale_at_their_prices() {
    let world = World::shared();
    let admin = world.given_admin().await;
    let stadium = world.given_stadium(&admin, &[("A", 1, 3), ("B", 1, 3)]).await;
    let price = world.given_price(&admin).await;
    let dear = json!({ "name": "Lounge", "unit_price": 99.5 });
    let dear = world.post_as(&admin, "/api/price/", &dear).await.is(201).member("id");
    let id = world.schedule(&admin, &stadium, some_day()).await.is(201).member("id");
    let path = format!("/api/match/{id}/tickets");
    let offer = async |body| world.post_as(&admin, &path, &body).await;
    let first = offer(json!({ "price": price, "sections": ["A"] })).await.is(201);
    assert_eq!(first.json["tickets"], 3);
    let sale = super::given::Sale {
        admin: admin.clone(),
        stadium,
        price: price.clone(),
        id: id.clone(),
        start: now(),
    };
    let seats = json!([sale.seat("B", 1, 1), sale.seat("B", 1, 2)]);
    let single = offer(json!({ "price": dear, "seats": seats })).await.is(201);
    assert_eq!(single.json["tickets"], 2);
    let rest = offer(json!({ "price": price })).await.is(201);
    assert_eq!(rest.json["tickets"], 1);
    let lounge = world.get_as(&admin, &format!("/api/ticket/{}/", sale.ticket("B", 1, 1))).await;
    assert_eq!(lounge.is(200).json["unit_price"], 99.5);
    offer(json!({ "price": nothing() })).await.problem(404, "not_found");
    offer(json!({ "price": price, "sections": ["C"] })).await.problem(404, "not_found");
    offer(json!({ "price": price, "seats": [nothing()] })).await.problem(404, "not_found");
    for (body, error) in [
        (json!({ "sections": [] }), "sections: must have 1 to 1000 items"),
        (json!({ "seats": [] }), "seats: must have 1 to 1000 items"),
        (json!({ "seats": vec![nothing(); 1_001] }), "seats: must have 1 to 1000 items"),
        (
            json!({ "sections": ["A"], "seats": [nothing()] }),
            "seats: is not allowed beside sections",
        ),
    ] {
        let mut body = body;
        body["price"] = json!(price);
        assert_eq!(offer(body).await.problem(422, "invalid_fields").field_errors(), [error]);
    }
}

/// However many seats are put on sale, that is one event of the match.
#[tokio::test]
async fn a_seats_stream_begins_with_its_first_hold() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 3)]).await;
    let user = world.given_user("standard").await;
    let ticket = sale.ticket("A", 1, 1);
    let of_ticket = async || world.events_of(ticket.parse().unwrap()).await;
    assert_eq!(of_ticket().await, Vec::<String>::new());
    world.reserve(&user, &ticket).await.is(200);
    assert_eq!(of_ticket().await, ["Held"]);
}

#[tokio::test]
async fn a_match_is_cancelled_only_while_nobody_has_a_ticket() {
    let world = World::shared();
    let sale = world.given_sale(&[("A", 1, 2)]).await;
    let user = world.given_user("standard").await;
    let ticket = sale.ticket("A", 1, 1);
    let path = format!("/api/match/{}/", sale.id);
    let delete = async || world.by(&sale.admin, Method::DELETE, &path).ask().await;
    world.reserve(&user, &ticket).await.is(200);
    delete().await.problem(409, "match_has_sales");
    world.cancel(&user, &ticket).await.is(200);
    delete().await.is(204);
    delete().await.problem(404, "not_found");
    world.get_as(&user, &path).await.problem(404, "not_found");
    assert_eq!(world.ticket_status(&user, &ticket).await, (2, "cancelled".into()));
    world.reserve(&user, &ticket).await.problem(404, "not_found");
}
