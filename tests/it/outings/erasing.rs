//! Leaving the outings: what becomes of bookings and of what was written, and what others were
//! answered.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use super::given::in_hours;
use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::User;

impl World {
    /// A change that may be repeated: its path is its key too.
    async fn put_keyed(&self, by: &User, path: &str, body: &Value) -> Answer {
        self.keyed((by, Method::PUT, path), path, body).await
    }

    /// How many answers that are kept for repeats have this text.
    pub(crate) async fn kept(&self, text: &str) -> i64 {
        let kept = "select count(*) from idempotency_keys where body like";
        self.count(&format!("{kept} '%{text}%'")).await
    }
}

/// An earlier version left a declined booking, which the host could accept otherwise.
#[tokio::test]
async fn who_was_declined_and_left_is_not_accepted_any_more() {
    let world = World::start(&[]).await;
    let outing = world.given_outing(2, in_hours(30)).await;
    let (guest, declined) = world.given_applicant(&outing).await;
    world.say(&outing.host, &declined, false).await.is(200);
    let (other, withdrawn) = world.given_applicant(&outing).await;
    world.say(&other, &withdrawn, false).await.is(200);
    world.until_projected("outings").await;
    for person in [&guest, &other] {
        world.leave(person).await.is(204);
    }
    for booking in [&declined, &withdrawn] {
        world.booking(&outing.host, booking).await.problem(404, "not_found");
        world.say(&outing.host, booking, true).await.problem(404, "not_found");
    }
    let seen = world.announcement(&outing.host, &outing.id).await.is(200).json;
    assert_eq!((&seen["tickets_left"], &seen["guest_list"]), (&json!(2), &json!([])));
    world.until_projected("outings").await;
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

/// Nobody is kept from leaving by a projection that lags: what it tells later is ended then.
#[tokio::test]
async fn a_declined_booking_that_was_not_found_is_removed_by_the_next_round() {
    let world = World::with_test_clock().await;
    let outing = world.given_short_outing(2).await;
    let (guest, declined) = world.given_applicant(&outing).await;
    world.say(&outing.host, &declined, false).await.is(200);
    world.until_projected("outings").await;
    let mut holder = world.sql().await;
    let hold = holder.transaction().await.unwrap();
    let lock = "select from checkpoints where projection = 'outings' for update";
    hold.execute(lock, &[]).await.unwrap();
    // As the projection has it, it has begun when the guest leaves.
    let later = json!({ "event_time": outing.start + TimeDelta::minutes(30) });
    world.change(&outing.host, &outing.id, &later).await.is(200);
    world.move_clock_to(outing.start).await;
    world.leave(&guest).await.is(204);
    let id = outing.id.parse().unwrap();
    let removed = async || world.events_of(id).await.iter().any(|event| event == "Removed");
    assert!(!removed().await, "the control: nobody knew of it");
    hold.rollback().await.unwrap();
    world.until_projected("outings").await;
    world.time_passes(TimeDelta::minutes(2)).await;
    eventually("the booking is removed", removed).await;
    world.until_projected("outings").await;
    world.say(&outing.host, &declined, true).await.problem(404, "not_found");
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

/// An earlier version kept names for a day, and answered repeats with them.
#[tokio::test]
async fn what_others_were_answered_does_not_name_who_left() {
    let world = World::shared();
    let outing = world.given_outing(2, in_hours(30)).await;
    let (host, id) = (&outing.host, &outing.id);
    let (guest, booking) = world.given_applicant(&outing).await;
    let friend = world.given_user("standard").await;
    let book = async || {
        let request = world.by(&friend, Method::POST, &format!("/app/v1/booking/{id}"));
        request.header("Idempotency-Key", id).ask().await.is(200).json
    };
    let (of_booking, of_outing) =
        (format!("/app/v1/booking/{booking}"), format!("/app/v1/announcement/{id}"));
    let yes = json!({ "my_status": true });
    let accept = async || world.put_keyed(host, &of_booking, &yes).await.is(200).json;
    let title = json!({ "title": "Other" });
    let change = async || world.put_keyed(host, &of_outing, &title).await.is(200).json;
    let (accepted, booked, changed) = (accept().await, book().await, change().await);
    assert_eq!(accepted["guest_name"], guest.username);
    assert_eq!(booked["author_name"], host.username);
    assert_eq!(changed["guest_list"][0]["guest_name"], guest.username);
    assert_eq!((accept().await, book().await, change().await), (accepted, booked, changed));
    for person in [host, &guest, &friend] {
        assert_eq!(world.kept(&person.username).await, 0);
    }
    assert_eq!(world.kept(&booking).await, 2, "the control: the answers are kept");

    world.leave(&guest).await.is(204);
    let (accepted, changed) = (accept().await, change().await);
    assert_eq!((&accepted["guest_name"], &accepted["author_status"]), (&json!(""), &json!(true)));
    assert_eq!(accepted["author_name"], host.username);
    assert_eq!(changed["guest_list"][0]["guest_name"], "");
    assert_eq!(changed["guest_list"][1]["guest_name"], friend.username);
    world.leave(host).await.is(204);
    let booked = book().await;
    assert_eq!(
        (&booked["author_name"], &booked["guest_name"]),
        (&json!(""), &json!(friend.username))
    );
}

#[tokio::test]
async fn what_somebody_wrote_of_others_goes_with_them() {
    let world = World::with_test_clock().await;
    let outing = world.given_short_outing(2).await;
    let (guest, _) = world.given_guest(&outing).await;
    let guest_id = world.id_of(&guest).await;
    world.move_clock_to(outing.short_end()).await;
    for text in ["Canary's first draft", "Canary's review"] {
        let review = json!({ "score": 4, "review_text": text });
        world.rate(&guest, &outing.id, &review).await.is(200);
    }
    let of_guest = json!({ "score": 2, "review_text": "Late", "about": guest_id });
    world.rate(&outing.host, &outing.id, &of_guest).await.is(200);
    world.until_projected("outings").await;
    let written = "select count(*) from vault where value like 'Canary''s %'";
    assert_eq!(world.count(written).await, 2, "the control: it is there");

    world.leave(&guest).await.is(204);
    assert_eq!(world.count(written).await, 0);
    let path = format!("/app/v1/reviews/{}", outing.id);
    let reviews = world.get_as(&outing.host, &path).await.is(200).json;
    let said = |n: usize| {
        let said = &reviews[n];
        (said["author_name"].clone(), said["review_text"].clone(), said["score"].clone())
    };
    assert_eq!(said(0), (json!(""), json!(""), json!(4)));
    assert_eq!(said(1), (json!(outing.host.username), json!("Late"), json!(2)));
    assert_eq!(reviews[1]["about_name"], "");
    world.until_projected("outings").await;
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}
