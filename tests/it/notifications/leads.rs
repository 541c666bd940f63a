//! Where the notices of outings lead: to something that their reader can see.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::Value;

use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::User;

impl World {
    /// What somebody sees who follows the link of what they were told last.
    async fn follow_last(&self, reader: &User, kind: &str) -> Answer {
        let told: Value = self.told(reader).await.swap_remove(0);
        assert_eq!(told["kind"], kind);
        let location = self.leads_to(&told).await;
        let path = location.find("/app/v1/").map(|at| &location[at..]);
        self.get_as(reader, path.expect("an address of the product")).await.is(200)
    }
}

/// An earlier version led to the announcement, which is not there any more.
#[tokio::test]
async fn that_an_outing_is_called_off_leads_to_ones_booking() {
    let world = World::with_test_clock().await;
    let outing = world.given_outing_in(TimeDelta::days(5)).await;
    let (guest, accepted) = world.given_guest(&outing).await;
    let applicant = world.given_reader("applicant-").await;
    let applied = world.given_booking(&applicant, &outing).await;
    world.call_off(&outing.host, &outing.id).await.is(200);
    let kind = "announcement_cancelled";
    world.until_told(&guest, &["booking_applied", "booking_accepted", kind]).await;
    world.until_told(&applicant, &["booking_applied", kind]).await;
    for (reader, booking) in [(&guest, &accepted), (&applicant, &applied)] {
        world.announcement(reader, &outing.id).await.is(404);
        let seen = world.follow_last(reader, kind).await;
        assert_eq!(seen.member("id"), *booking);
        assert_eq!(seen.json["author_status"], false, "it takes nobody along");
    }
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

/// An earlier version led to the booking, which is not there any more.
#[tokio::test]
async fn that_a_booking_is_no_more_leads_to_what_it_was_for() {
    let world = World::with_test_clock().await;
    let outing = world.given_outing_in(TimeDelta::days(5)).await;
    let (guest, booking) = world.given_guest(&outing).await;
    let path = format!("/app/v1/booking/{booking}");
    world.by(&guest, Method::DELETE, &path).ask().await.is(200);
    for reader in [&outing.host, &guest] {
        let told = ["booking_applied", "booking_accepted", "booking_removed"];
        world.until_told(reader, &told).await;
        let seen = world.follow_last(reader, "booking_removed").await;
        assert_eq!(seen.member("id"), outing.id);
    }
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn guests_of_a_host_who_leaves_are_told_that_it_does_not_take_place() {
    let world = World::with_test_clock().await;
    let outing = world.given_outing_in(TimeDelta::days(5)).await;
    let (guest, booking) = world.given_guest(&outing).await;
    world.leave(&outing.host).await.is(204);
    let kind = "announcement_cancelled";
    world.until_told(&guest, &["booking_applied", "booking_accepted", kind]).await;
    let told = &world.told(&guest).await[0];
    assert!(!told.to_string().contains("On a big screen"), "the host wrote that: {told}");
    let seen = world.follow_last(&guest, kind).await;
    assert_eq!((seen.member("id"), seen.member("author_name")), (booking, String::new()));
    assert_eq!(seen.json["author_status"], false);
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}
