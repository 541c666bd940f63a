//! What has lost its sense since it was due, or was due before anybody was told of anything: no
//! mail.

use chrono::TimeDelta;
use serde_json::json;

use super::given::WithMail;
use crate::harness::eventually;

const HOUR: TimeDelta = TimeDelta::hours(1);

#[tokio::test]
async fn a_mail_that_was_put_off_is_not_sent_after_the_order_was_paid() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let buyer = world.given_reader("busy-").await;
    let expiring = world.given_expiring_order(&buyer).await;
    world.until_all_projected().await;
    world.move_clock_to(expiring.told_at).await;
    mail.until_attempts(&buyer, 1).await;
    world.pay(&buyer, &expiring.id, "tok_visa").await.is(201);
    world.until_all_projected().await;
    mail.time_passes(TimeDelta::seconds(31)).await;
    mail.until_delivery_is(&buyer, "late").await;
    mail.until_mails(&buyer, 0).await;
    let told = world.told(&buyer).await;
    assert_eq!(told.len(), 1, "it stays listed");
    let until = (expiring.told_at + TimeDelta::minutes(5)).format("%Y-%m-%d %H:%M").to_string();
    assert!(told[0]["text"].as_str().unwrap().contains(&until), "{} {until}", told[0]);
    world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_reminder_that_was_put_off_is_not_sent_after_the_outing_was_moved() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let host = world.given_reader("busy-").await;
    let start = world.now().await + HOUR + TimeDelta::minutes(2);
    let outing = world.given_outing_by(host, 2, start).await;
    world.until_all_projected().await;
    world.move_clock_to(outing.start - HOUR).await;
    mail.until_attempts(&outing.host, 1).await;
    let later = outing.start + TimeDelta::days(3);
    world.change(&outing.host, &outing.id, &json!({ "event_time": later })).await.is(200);
    world.until_all_projected().await;
    mail.time_passes(TimeDelta::seconds(31)).await;
    mail.until_delivery_is(&outing.host, "late").await;
    mail.until_mails(&outing.host, 0).await;
    assert_eq!(world.kinds_told(&outing.host).await, ["reminder_hour"], "it stays listed");
    world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn that_it_is_full_is_not_sent_after_there_is_a_place_again() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let outing = world.given_outing_in(TimeDelta::days(5)).await;
    let waiting = world.given_reader("busy-").await;
    world.switch(&waiting, "booking_applied", "email", false).await.is(200);
    world.given_booking(&waiting, &outing).await;
    world.given_guest(&outing).await;
    let (guest, booking) = world.given_guest(&outing).await;
    mail.until_attempts(&waiting, 1).await;
    world.say(&guest, &booking, false).await.is(200);
    mail.until_idle().await;
    mail.time_passes(TimeDelta::seconds(31)).await;
    mail.until_delivery_is(&waiting, "late").await;
    let sent = mail.until_mails(&waiting, 1).await;
    assert!(sent[0].subject.starts_with("A place at"), "{}", sent[0].subject);
    // It stays listed.
    let told = ["booking_applied", "announcement_full", "announcement_reopened"];
    assert_eq!(world.kinds_told(&waiting).await, told);
    world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_mail_that_waits_is_not_sent_to_who_does_not_want_it_any_more() {
    let mail = WithMail::start().await;
    let reader = mail.given_told("busy-").await;
    mail.until_attempts(&reader, 1).await;
    mail.world.switch(&reader, "order_expiring", "email", false).await.is(200);
    mail.time_passes(TimeDelta::seconds(31)).await;
    mail.until_delivery_is(&reader, "off").await;
    let off = ("off".to_owned(), Some("switched_off".to_owned()));
    assert_eq!(mail.deliveries(&reader).await, [off]);
    mail.until_mails(&reader, 0).await;
    mail.world.system.stop().await.unwrap();
}

/// The projection does not know yet that the order was paid when it would be due to say that it
/// expires.
#[tokio::test]
async fn what_is_planned_is_held_back_while_its_projection_is_behind() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let buyer = world.given_reader("buyer-").await;
    let expiring = world.given_expiring_order(&buyer).await;
    let outing = world.given_outing_in(TimeDelta::days(5)).await;
    let other = world.given_reader("other-").await;
    world.until_all_projected().await;
    let holder = world.sql().await;
    let hold = "begin; select * from checkpoints where projection = 'market_notices' for update";
    holder.batch_execute(hold).await.unwrap();
    world.pay(&buyer, &expiring.id, "tok_visa").await.is(201);
    world.move_clock_to(expiring.told_at).await;
    // Others are told meanwhile.
    world.given_booking(&other, &outing).await;
    let told = async || mail.sink.mails_to(&other.email).len() == 1;
    eventually("others are told", told).await;
    assert_eq!(mail.deliveries(&buyer).await.len(), 0, "nothing is decided");
    holder.batch_execute("commit").await.unwrap();
    mail.until_mails(&buyer, 0).await;
    assert_eq!(world.kinds_told(&buyer).await, [""; 0], "the order is paid");
    world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}

/// Whoever upgrades has years of history, which the projections read from its beginning.
#[tokio::test]
async fn nobody_is_told_what_was_due_before_anybody_was_told_anything() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let (old, new) = (world.given_reader("old-").await, world.given_reader("new-").await);
    let past = world.given_expiring_order(&old).await;
    let begins = past.told_at + TimeDelta::minutes(1);
    let begin = "update notices_begin set listed_from = $1, mailed_from = $1";
    assert_eq!(world.sql().await.execute(begin, &[&begins]).await.unwrap(), 1);
    world.until_all_projected().await;
    world.move_clock_to(begins).await;
    let present = world.given_expiring_order(&new).await;
    world.move_clock_to(present.told_at).await;
    mail.until_mails(&new, 1).await;
    assert_eq!(world.kinds_told(&new).await, ["order_expiring"]);
    assert_eq!(world.kinds_told(&old).await, [""; 0]);
    assert_eq!(mail.deliveries(&old).await.len(), 0);
    assert_eq!(mail.sink.mails_to(&old.email).len(), 0);
    world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}
