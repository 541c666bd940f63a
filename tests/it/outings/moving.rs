//! Outings that move or are called off, and the guests who follow.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;

use super::given::{Outing, announcement, in_hours};
use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::Ask;
use crate::world::people::User;

impl Outing {
    /// How many processes have its guests follow: at most one.
    fn guests_who_follow(&self) -> String {
        format!(
            "select count(*) from deadlines where kind = 'outings.guests_move' \
             and subject = '{}' and done_at is null",
            self.id
        )
    }
}

#[tokio::test]
async fn guests_follow_an_outing_that_moves_and_are_free_at_the_old_time() {
    let world = World::shared();
    let start = in_hours(80);
    let outing = world.given_outing(2, start).await;
    let (guest, booking) = world.given_guest(&outing).await;
    let later = start + TimeDelta::hours(5);
    let moved = world.change(&outing.host, &outing.id, &json!({ "event_time": later })).await;
    assert_eq!(moved.is(200).member("event_time"), later.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    // The host is free at the old time at once.
    world.announce(&outing.host, &announcement(start, 1)).await.is(200);
    let at_old_time = world.given_outing(2, start).await;
    let applied = async || world.book(&guest, &at_old_time.id).await.status == 200;
    eventually("the guest is free at the old time", applied).await;
    let at_new_time = world.given_outing(2, later).await;
    world.book(&guest, &at_new_time.id).await.problem(409, "time_taken");
    assert_eq!(world.booking(&guest, &booking).await.json["clashes"], false);
}

#[tokio::test]
async fn a_host_does_not_move_into_another_engagement() {
    let world = World::shared();
    let start = in_hours(80);
    let outing = world.given_outing(2, start).await;
    let later = start + TimeDelta::hours(5);
    world.announce(&outing.host, &announcement(later, 1)).await.is(200);
    let moved = world.change(&outing.host, &outing.id, &json!({ "event_time": later })).await;
    moved.problem(409, "time_taken");
    let past = json!({ "event_time": in_hours(-1) });
    world.change(&outing.host, &outing.id, &past).await.problem(422, "invalid_fields");
}

#[tokio::test]
async fn a_guest_who_is_elsewhere_then_is_marked_until_the_clash_is_gone() {
    let world = World::shared();
    let start = in_hours(90);
    let later = start + TimeDelta::hours(5);
    let (outing, other) = (world.given_outing(3, start).await, world.given_outing(2, later).await);
    let (guest, booking) = world.given_guest(&outing).await;
    let elsewhere = world.book(&guest, &other.id).await.is(200).member("id");
    let move_to = json!({ "event_time": later });
    world.change(&outing.host, &outing.id, &move_to).await.is(200);
    let clashes = async || world.booking(&guest, &booking).await.json["clashes"] == true;
    eventually("the guest is marked", clashes).await;
    let (companion, _) = world.given_guest(&outing).await;
    let (stranger, admin) = (world.given_user("standard").await, world.given_admin().await);
    let seen = async |by: &User| {
        let seen = world.announcement(by, &outing.id).await.is(200).json;
        seen["guest_list"][0].get("clashes").cloned()
    };
    for by in [&guest, &outing.host, &admin] {
        assert_eq!(seen(by).await, Some(json!(true)));
    }
    for by in [&companion, &stranger] {
        assert_eq!(seen(by).await, None, "it is no concern of others");
    }
    // Still accepted: whom to disappoint is theirs to say.
    assert_eq!(world.announcement(&guest, &outing.id).await.json["tickets_left"], 1);
    world.say(&guest, &booking, true).await.problem(409, "time_taken");
    world.say(&guest, &elsewhere, false).await.is(200);
    let said = world.say(&guest, &booking, true).await.is(200);
    assert_eq!(said.json["clashes"], false);
    world.say(&guest, &elsewhere, true).await.problem(409, "time_taken");
}

/// However the other outing goes away, who was marked is taken along again, and only there.
#[tokio::test]
async fn a_guest_follows_what_waited_for_their_time_when_that_is_free_again() {
    let world = World::shared();
    let start = in_hours(110);
    let later = start + TimeDelta::hours(5);
    for gone in ["called off", "moved", "declined", "withdrawn", "removed"] {
        let outing = world.given_outing(2, start).await;
        let other = world.given_outing(2, later).await;
        let (guest, booking) = world.given_guest(&outing).await;
        let elsewhere = world.book(&guest, &other.id).await.is(200).member("id");
        world.say(&other.host, &elsewhere, true).await.is(200);
        world.change(&outing.host, &outing.id, &json!({ "event_time": later })).await.is(200);
        let clashes = async || world.booking(&guest, &booking).await.json["clashes"] == true;
        eventually("the guest is marked", clashes).await;
        match gone {
            "called off" => world.call_off(&other.host, &other.id).await,
            "moved" => {
                let away = json!({ "event_time": later + TimeDelta::hours(5) });
                world.change(&other.host, &other.id, &away).await
            }
            "declined" => world.say(&other.host, &elsewhere, false).await,
            "withdrawn" => world.say(&guest, &elsewhere, false).await,
            _ => {
                let path = format!("/app/v1/booking/{elsewhere}");
                world.by(&guest, Method::DELETE, &path).ask().await
            }
        }
        .is(200);
        eventually(&format!("the mark is cleared: it was {gone}"), async || !clashes().await).await;
        let seen = world.booking(&guest, &booking).await.is(200).json;
        assert_eq!((&seen["author_status"], &seen["guest_status"]), (&json!(true), &json!(true)));
        let third = world.given_outing(2, later).await;
        world.book(&guest, &third.id).await.problem(409, "time_taken");
    }
}

/// A process that dies half-way is begun again: what was done is known.
#[tokio::test]
async fn the_process_that_moves_guests_may_run_twice() {
    let world = World::shared();
    let start = in_hours(95);
    let outing = world.given_outing(2, start).await;
    let (guest, _) = world.given_guest(&outing).await;
    let later = start + TimeDelta::hours(5);
    world.change(&outing.host, &outing.id, &json!({ "event_time": later })).await.is(200);
    let open = outing.guests_who_follow();
    let done = async || world.count(&open).await == 0;
    eventually("the guests have followed", done).await;
    let engaged = format!(
        "select count(*) from events where aggregate = 'engagements' \
         and payload->>'announcement_id' = '{}'",
        outing.id
    );
    let before = world.count(&engaged).await;
    let again = format!(
        "update deadlines set done_at = null, claimed_until = null \
         where kind = 'outings.guests_move' and subject = '{}'",
        outing.id
    );
    world.sql().await.batch_execute(&again).await.unwrap();
    eventually("it ran again", done).await;
    assert_eq!(world.count(&engaged).await, before, "nothing happened twice");
    world.announcement(&guest, &outing.id).await.is(200);
}

#[tokio::test]
async fn guests_of_what_is_called_off_are_free() {
    let world = World::shared();
    let start = in_hours(85);
    let outing = world.given_outing(2, start).await;
    let (guest, _) = world.given_guest(&outing).await;
    world.call_off(&outing.host, &outing.id).await.is(200);
    let other = world.given_outing(2, start).await;
    let applied = async || world.book(&guest, &other.id).await.status == 200;
    eventually("the guest is free", applied).await;
}

#[tokio::test]
async fn what_has_begun_stays_as_it_is_and_is_done_at_its_end() {
    let world = World::with_test_clock().await;
    let outing = world.given_short_outing(2).await;
    let (guest, booking) = world.given_guest(&outing).await;
    world.move_clock_to(outing.start).await;
    world.say(&guest, &booking, false).await.problem(409, "outing_begun");
    let change = json!({ "title": "Late" });
    world.change(&outing.host, &outing.id, &change).await.problem(409, "outing_begun");
    world.call_off(&outing.host, &outing.id).await.problem(409, "outing_begun");
    let delete = world.by(&guest, Method::DELETE, &format!("/app/v1/booking/{booking}"));
    delete.ask().await.problem(409, "outing_begun");
    let status = async || world.announcement(&guest, &outing.id).await.json["status"].clone();
    assert_eq!(status().await, "Alive");
    world.move_clock_to(outing.short_end()).await;
    assert_eq!(status().await, "Done");
    let id = outing.id.parse().unwrap();
    let recorded = async || world.events_of(id).await.last().is_some_and(|last| last == "Ended");
    eventually("its end is recorded", recorded).await;
    assert_eq!(status().await, "Done");
    world.system.stop().await.unwrap();
}

/// An earlier version marked them as elsewhere, after they had rated.
#[tokio::test]
async fn who_follows_after_the_end_was_there() {
    let world = World::with_test_clock().await;
    // Whatever follows is late, as after an outage: within the hour that login tokens live.
    let late = "create function late() returns trigger language plpgsql as $$ begin \
                    new.due_at := new.due_at + interval '35 minutes'; return new; end $$; \
                create trigger late before insert on deadlines for each row \
                    when (new.kind = 'outings.guests_move') execute function late()";
    let (outing, other) =
        (world.given_short_outing(2).await, world.given_outing(2, in_hours(30)).await);
    let (guest, booking) = world.given_guest(&outing).await;
    let later = outing.start + TimeDelta::minutes(10);
    let elsewhere = json!({ "event_time": later, "duration": 10 });
    world.change(&other.host, &other.id, &elsewhere).await.is(200);
    world.book(&guest, &other.id).await.is(200);
    world.sql().await.batch_execute(late).await.unwrap();
    world.change(&outing.host, &outing.id, &json!({ "event_time": later })).await.is(200);
    world.move_clock_to(later + TimeDelta::minutes(10)).await;
    world.rate(&guest, &outing.id, &json!({ "score": 4 })).await.is(200);
    let id = outing.id.parse().unwrap();
    let ended = async || world.events_of(id).await.last().is_some_and(|last| last == "Ended");
    eventually("its end is recorded", ended).await;
    let open = outing.guests_who_follow();
    assert_eq!(world.count(&open).await, 1, "the control: the guest has not followed");
    world.time_passes(TimeDelta::minutes(10)).await;
    eventually("the guest has followed", async || world.count(&open).await == 0).await;
    let events = world.events_of(id).await;
    assert_eq!(events.last().map(String::as_str), Some("Ended"), "{events:?}");
    assert_eq!(world.booking(&guest, &booking).await.is(200).json["clashes"], false);
    let deferred = "select count(*) from events where event_type = 'Deferred'";
    assert_eq!(world.count(deferred).await, 1);
    world.until_projected("outings").await;
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}
