//! `ticketing verify` of the outings, with controls: each promise, broken behind the service's
//! back, is found; and the projection, built again.

use serde_json::json;
use shared_events::topology::OUTINGS_LOG;
use ticketing::platform::database::Connection;

use super::given::in_hours;
use crate::world::World;

/// Appends, behind the service's back, one more event like another: to the end of a stream.
const FORGE: &str = "insert into events \
    select log, (select max(position) + 1 from events where log = e.log), \
        gen_random_uuid(), aggregate, aggregate_id, \
        (select max(sequence) + 1 from events where aggregate_id = e.aggregate_id), \
        $2, event_version, recorded_at, correlation, causation, traceparent, \
        payload || jsonb_build_object('type', $2::text) || $3::text::jsonb \
    from events e where log = 'outings' and event_type = $1 order by position limit 1";

const HEAD: &str = "select max(position) from events where log = 'outings'";
/// Takes back what was forged after a position.
const UNDO: &str = "delete from events where log = 'outings' and position > $1";
const ENGAGED: &str = "who is at an outing is engaged at its time, and nobody else is";

impl World {
    /// Forges one event, on a history in which nothing else is wrong, and takes it back.
    async fn is_found(
        &self,
        sql: &Connection,
        (like, forged, with): (&str, &str, &str),
        promise: &str,
    ) {
        let head: i64 = sql.query_one(HEAD, &[]).await.unwrap().get(0);
        let count = sql.execute(FORGE, &[&like, &forged, &with]).await.unwrap();
        assert_eq!(count, 1, "{promise}: nothing was forged");
        self.finds_wrong(promise).await;
        assert_eq!(sql.execute(UNDO, &[&head]).await.unwrap(), 1);
        self.verify().await.unwrap();
    }
}

#[tokio::test]
async fn control_outings_that_break_a_promise_are_found() {
    let mut world = World::start(&[]).await;
    let outing = world.given_outing(1, in_hours(30)).await;
    world.given_applicant(&outing).await;
    world.given_guest(&outing).await;
    let first = "select min(payload->>'booking_id') from events where event_type = 'Applied'";
    let first: String = world.sql().await.query_one(first, &[]).await.unwrap().get(0);
    world.until_projected(OUTINGS_LOG).await;
    // Nobody may act on what is forged.
    world.system.ticketing.stop().await.unwrap();
    world.verify().await.unwrap();
    let sql = world.sql().await;
    let head: i64 = sql.query_one(HEAD, &[]).await.unwrap().get(0);
    let far = "\"starts_at\": \"2100-01-01T00:00:00Z\", \"ends_at\": \"2100-01-01T02:00:00Z\"";
    let other = "\"announcement_id\": \"00000000-0000-4000-8000-000000000000\"";
    let review = "\"side\": \"guest\", \"author_id\": \"1\", \"about_id\": \"2\"";
    for (like, forged, with, promise) in [
        ("Accepted", "Accepted", format!("{{\"booking_id\": \"{first}\"}}"), "more guests than"),
        ("Announced", "PlacesChanged", "{\"places\": 0}".to_owned(), "more guests than"),
        ("Engaged", "Engaged", format!("{{{other}}}"), "nobody is at two outings"),
        // Who is engaged without a booking, and has one without being engaged, or at another time.
        ("Engaged", "Engaged", format!("{{{other}, {far}}}"), ENGAGED),
        ("Applied", "Withdrawn", "{}".to_owned(), ENGAGED),
        ("Announced", "Cancelled", "{}".to_owned(), ENGAGED),
        ("Engaged", "Released", "{}".to_owned(), ENGAGED),
        ("Announced", "Moved", format!("{{{far}}}"), ENGAGED),
    ] {
        world.is_found(&sql, (like, forged, &with), promise).await;
    }
    // Waiting is as good as being there, and nothing is said while guests follow.
    let waits = sql.execute(FORGE, &[&"Engaged", &"Deferred", &"{}"]).await.unwrap();
    assert_eq!(waits, 1);
    assert!(!world.is_wrong(ENGAGED).await);
    let moves = sql.execute(FORGE, &[&"Announced", &"Moved", &format!("{{{far}}}")]).await.unwrap();
    assert_eq!(moves, 1);
    // The control: it is moved.
    world.finds_wrong(ENGAGED).await;
    let open = "insert into deadlines (id, kind, subject, due_at) \
                select gen_random_uuid(), 'outings.guests_move', aggregate_id, now() from events \
                where event_type = 'Announced'";
    assert_eq!(sql.execute(open, &[]).await.unwrap(), 1);
    assert!(!world.is_wrong(ENGAGED).await);
    sql.batch_execute("delete from deadlines where kind = 'outings.guests_move'").await.unwrap();
    assert_eq!(sql.execute(UNDO, &[&head]).await.unwrap(), 2);
    // Ratings of somebody who was not there.
    let rate = |score: i32| {
        format!(
            "insert into events select log, \
                 (select max(position) + 1 from events where log = e.log), \
                 gen_random_uuid(), 'rating', gen_random_uuid(), 1, 'Rated', event_version, \
                 recorded_at, correlation, causation, traceparent, payload || \
                 '{{\"type\": \"Rated\", \"score\": {score}, {review}, {other}, \
                 \"review_id\": \"00000000-0000-4000-8000-000000000000\", \
                 \"booking_id\": \"{first}\", \"publishes_at\": \"2030-01-01T00:00:00Z\", \
                 \"text_id\": null}}'::jsonb \
             from events e where log = 'outings' and event_type = 'Announced' limit 1"
        )
    };
    for (scores, promise) in [
        (&[5][..], "only who was there rates"),
        (&[5, 5], "each rates the other once"),
        (&[0], "with 1 to 5"),
        (&[6], "with 1 to 5"),
    ] {
        for score in scores {
            sql.batch_execute(&rate(*score)).await.unwrap();
        }
        world.finds_wrong(promise).await;
        let undone = sql.execute(UNDO, &[&head]).await.unwrap();
        assert_eq!(undone, u64::try_from(scores.len()).unwrap());
        world.verify().await.unwrap();
    }
    world.system.ticketing.start().await.unwrap();
    world.system.stop().await.unwrap();
}

/// An earlier version looked at what host and guest said, and at nothing else.
#[tokio::test]
async fn control_a_rating_of_what_did_not_take_place_or_by_who_was_elsewhere_is_found() {
    let mut world = World::with_test_clock().await;
    let outing = world.given_short_outing(1).await;
    let (guest, _) = world.given_guest(&outing).await;
    world.move_clock_to(outing.short_end()).await;
    world.rate(&guest, &outing.id, &json!({ "score": 5 })).await.is(200);
    world.until_projected(OUTINGS_LOG).await;
    world.system.ticketing.stop().await.unwrap();
    world.verify().await.unwrap();
    let sql = world.sql().await;
    let promise = "only who was there rates";
    for (like, forged) in [("Accepted", "ClashFound"), ("Announced", "Cancelled")] {
        world.is_found(&sql, (like, forged, "{}"), promise).await;
    }
    let draft = "update events set event_type = $2, \
                     payload = payload || jsonb_build_object('type', $2::text) \
                 where log = 'outings' and event_type = $1";
    for (opened, otherwise, is_broken) in
        [("Opened", "Reopened", true), ("Reopened", "Opened", false)]
    {
        assert_eq!(sql.execute(draft, &[&opened, &otherwise]).await.unwrap(), 1);
        assert_eq!(world.is_wrong(promise).await, is_broken, "{otherwise}");
    }
    world.system.ticketing.start().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn control_a_row_of_the_outings_that_does_not_follow_from_history_is_found() {
    let world = World::start(&[]).await;
    let outing = world.given_outing(2, in_hours(30)).await;
    world.given_guest(&outing).await;
    world.until_projected(OUTINGS_LOG).await;
    world.verify().await.unwrap();
    for (table, change) in [("announcements", "taken = 2"), ("bookings", "host_says = false")] {
        let sql = world.sql().await;
        sql.batch_execute(&format!("update {table} set {change}")).await.unwrap();
        world.finds_wrong(table).await;
    }
    // The projection is built again from history.
    world.run(&["rebuild", "outings"]).await.unwrap();
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}
