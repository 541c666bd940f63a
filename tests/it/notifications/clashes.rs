//! An outing that moves to when a guest is elsewhere: host and guest are told, and again when the
//! guest has time for it.

use chrono::TimeDelta;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn host_and_guest_are_told_of_a_clash_and_of_its_end() {
    let world = World::with_test_clock().await;
    let outing = world.given_outing_in(TimeDelta::days(5)).await;
    let other = world.given_outing_in(TimeDelta::days(6)).await;
    let guest = world.given_reader("guest-").await;
    let booking = world.given_booking(&guest, &outing).await;
    let elsewhere = world.given_booking(&guest, &other).await;
    world.change(&outing.host, &outing.id, &json!({ "event_time": other.start })).await.is(200);
    let moved = ["booking_applied", "booking_applied", "announcement_moved", "booking_clashes"];
    world.until_told(&guest, &moved).await;
    world.until_told(&outing.host, &["booking_applied", "booking_clashes"]).await;
    world.until_told(&other.host, &["booking_applied"]).await;
    let path = format!("/app/v1/booking/{booking}");
    let elsewhere_then = format!("{} is elsewhere during “On a big screen”", guest.username);
    let clashes = "“On a big screen” clashes with another outing of yours".to_owned();
    for (user, title) in [(&guest, clashes), (&outing.host, elsewhere_then)] {
        let told = &world.told(user).await[0];
        assert_eq!(told["title"], title);
        assert!(world.leads_to(told).await.ends_with(&path), "{told}");
    }
    assert_eq!(world.get_as(&guest, &path).await.is(200).json["clashes"], true);

    world.say(&guest, &elsewhere, false).await.is(200);
    let cleared = ["booking_withdrawn", "booking_clash_cleared"];
    world.until_told(&guest, &[&moved[..], &cleared[..]].concat()).await;
    let to_host = ["booking_applied", "booking_clashes", "booking_clash_cleared"];
    world.until_told(&outing.host, &to_host).await;
    world.until_told(&other.host, &["booking_applied", "booking_withdrawn"]).await;
    for user in [&guest, &outing.host] {
        let told = &world.told(user).await[0];
        assert!(world.leads_to(told).await.ends_with(&path), "{told}");
    }
    assert_eq!(world.get_as(&guest, &path).await.is(200).json["clashes"], false);
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}
