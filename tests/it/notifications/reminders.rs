//! Reminders of outings, by the test clock: they were promised by an earlier system and never sent.

use chrono::TimeDelta;
use serde_json::json;

use super::given::WithMail;
use crate::outings::given::Outing;
use crate::world::World;
use crate::world::people::User;

/// The reminders somebody was given, oldest first.
async fn reminders(world: &World, user: &User) -> Vec<String> {
    world.until_all_projected().await;
    let told = world.kinds_told(user).await;
    told.into_iter().filter(|kind| kind.starts_with("reminder_")).collect()
}

async fn wait_until(world: &World, outing: &Outing, before: TimeDelta) {
    world.until_all_projected().await;
    world.move_clock_to(outing.start - before).await;
}

const DAY: TimeDelta = TimeDelta::hours(24);
const HOUR: TimeDelta = TimeDelta::hours(1);

/// Known fault of earlier implementations: reminders were promised and never sent.
#[tokio::test]
async fn host_and_accepted_guests_are_reminded_a_day_and_an_hour_before() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    // Within the life of a login.
    let outing = world.given_outing_in(DAY + TimeDelta::minutes(2)).await;
    let title = json!({ "title": "Metropolis & friends" });
    world.change(&outing.host, &outing.id, &title).await.is(200);
    let (guest, _) = world.given_guest(&outing).await;
    let applicant = world.given_reader("applicant-").await;
    world.given_booking(&applicant, &outing).await;
    assert_eq!(reminders(world, &guest).await, [""; 0]);
    wait_until(world, &outing, DAY).await;
    for user in [&outing.host, &guest] {
        assert_eq!(reminders(world, user).await, ["reminder_day"]);
    }
    assert_eq!(reminders(world, &applicant).await, [""; 0], "who has no place is not reminded");
    mail.until_idle().await;
    let sent = mail.sink.mails_to(&guest.email);
    let sent: Vec<_> = sent.iter().filter(|mail| mail.subject.contains("24 hours")).collect();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].html.contains("Metropolis &amp; friends"), "{}", sent[0].html);
    wait_until(world, &outing, HOUR).await;
    mail.until_idle().await;
    for user in [&outing.host, &guest] {
        let sent = mail.sink.mails_to(&user.email);
        let sent = sent.iter().filter(|mail| mail.subject.contains("begins in")).count();
        assert_eq!(sent, 2, "a day and an hour before");
    }
    world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn reminders_move_with_the_outing_and_none_is_given_of_what_is_past() {
    let world = World::with_test_clock().await;
    let outing = world.given_outing_in(HOUR + TimeDelta::minutes(2)).await;
    let (guest, _) = world.given_guest(&outing).await;
    world.until_all_projected().await;
    assert_eq!(reminders(&world, &guest).await, [""; 0], "a day before is past");
    let later = Outing { start: outing.start + HOUR, ..outing };
    world.change(&later.host, &later.id, &json!({ "event_time": later.start })).await.is(200);
    wait_until(&world, &later, HOUR + TimeDelta::minutes(1)).await;
    assert_eq!(reminders(&world, &guest).await, [""; 0], "the old time does not count");
    wait_until(&world, &later, HOUR).await;
    for user in [&later.host, &guest] {
        assert_eq!(reminders(&world, user).await, ["reminder_hour"]);
    }
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn nobody_is_reminded_of_what_was_called_off_nor_who_does_not_come() {
    let world = World::with_test_clock().await;
    let off = world.given_outing_in(HOUR + TimeDelta::minutes(2)).await;
    let (disappointed, _) = world.given_guest(&off).await;
    let on = world.given_outing_in(HOUR + TimeDelta::minutes(3)).await;
    let (out, booking) = world.given_guest(&on).await;
    let (back, again) = world.given_guest(&on).await;
    world.call_off(&off.host, &off.id).await.is(200);
    world.say(&out, &booking, false).await.is(200);
    world.say(&back, &again, false).await.is(200);
    world.say(&back, &again, true).await.is(200);
    wait_until(&world, &on, TimeDelta::minutes(30)).await;
    for user in [&off.host, &disappointed, &out] {
        assert_eq!(reminders(&world, user).await, [""; 0]);
    }
    assert_eq!(reminders(&world, &back).await, ["reminder_hour"], "who comes after all");
    assert_eq!(reminders(&world, &on.host).await, ["reminder_hour"]);
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_reminder_has_the_title_that_the_outing_has_then() {
    let world = World::with_test_clock().await;
    let outing = world.given_outing_in(HOUR + TimeDelta::minutes(2)).await;
    let title = json!({ "title": "Metropolis, restored" });
    world.change(&outing.host, &outing.id, &title).await.is(200);
    wait_until(&world, &outing, HOUR).await;
    let told = &world.told(&outing.host).await[0];
    assert_eq!(told["kind"], "reminder_hour");
    assert!(told.to_string().contains("Metropolis, restored"), "{told}");
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}
