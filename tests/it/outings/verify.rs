//! `ticketing verify` of the outings, with controls: each promise, broken behind the service's
//! back, is found; and the projection, built again.

use shared_events::topology::OUTINGS_LOG;

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
    let head = "select max(position) from events where log = 'outings'";
    let head: i64 = sql.query_one(head, &[]).await.unwrap().get(0);
    let other = "\"announcement_id\": \"00000000-0000-4000-8000-000000000000\"";
    let review = "\"side\": \"guest\", \"author_id\": \"1\", \"about_id\": \"2\"";
    for (like, forged, with, promise) in [
        ("Accepted", "Accepted", format!("{{\"booking_id\": \"{first}\"}}"), "more guests than"),
        ("Announced", "PlacesChanged", "{\"places\": 0}".to_owned(), "more guests than"),
        ("Engaged", "Engaged", format!("{{{other}}}"), "nobody is at two outings"),
    ] {
        let count = sql.execute(FORGE, &[&like, &forged, &with]).await.unwrap();
        assert_eq!(count, 1, "{promise}: nothing was forged");
        let found = world.verify().await.unwrap_err();
        let fails = |line: &str| line.starts_with("FAIL") && line.contains(promise);
        assert!(found.lines().any(fails), "{promise} is not found:\n{found}");
        // Each is forged on a history in which nothing else is wrong.
        let undo = "delete from events where log = 'outings' and position > $1";
        assert_eq!(sql.execute(undo, &[&head]).await.unwrap(), 1);
        world.verify().await.unwrap();
    }
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
        let found = world.verify().await.unwrap_err();
        let fails = |line: &str| line.starts_with("FAIL") && line.contains(promise);
        assert!(found.lines().any(fails), "{promise} is not found:\n{found}");
        let undo = "delete from events where log = 'outings' and position > $1";
        let undone = sql.execute(undo, &[&head]).await.unwrap();
        assert_eq!(undone, u64::try_from(scores.len()).unwrap());
        world.verify().await.unwrap();
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
        let found = world.verify().await.unwrap_err();
        assert!(found.contains("FAIL") && found.contains(table), "{found}");
    }
    // The projection is built again from history.
    world.run(&["rebuild", "outings"]).await.unwrap();
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}
