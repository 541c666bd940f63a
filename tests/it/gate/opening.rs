//! When a link opens and closes, with a clock that the test moves: exactly as the tier says,
//! because time passed and not because somebody asked.

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};

use super::given::Link;
use crate::world::World;
use crate::world::answer::Answer;

/// So shortly before a moment that nothing else lies between; long enough for the calls of a slow
/// machine.
const SHORTLY: TimeDelta = TimeDelta::seconds(5);
const READY: &str = "Link Generated Successfully";
const NOT_READY: &str = "Your link is not ready yet please wait";

/// A time of an entry of a request's history.
async fn times(gate: &World, link: &Link) -> (DateTime<Utc>, DateTime<Utc>, DateTime<Utc>) {
    let history = gate.history(link.id, link.owner.as_ref()).await.is(200).json;
    let time = |entry: usize, name: &str| -> DateTime<Utc> {
        history[entry][name].as_str().expect("a time").parse().expect("a time")
    };
    (time(0, "recorded_at"), time(1, "opens_at"), time(1, "closes_at"))
}

/// The same link, its owner logged in again: an hour ends a login.
async fn logged_in_again(gate: &World, link: &Link) -> Link {
    let mut link = link.clone();
    if let Some(owner) = &mut link.owner {
        *owner = gate.logged_in_again(owner).await;
    }
    link
}

async fn check(gate: &World, link: &Link) -> Answer {
    gate.check(link.id, link.owner.as_ref()).await
}

async fn is_closed(gate: &World, link: &Link) {
    let link = logged_in_again(gate, link).await;
    check(gate, &link).await.problem(410, "link_gone").says("Your link has expired");
    let expired = gate.buy(&link).await.problem(401, "link_expired");
    expired.says("Your link is Expired");
    let history = gate.history(link.id, link.owner.as_ref()).await.is(200).json;
    let meaning = history[1]["meaning"].as_str().unwrap();
    assert!(meaning.starts_with("closed "), "{meaning}");
    assert_eq!(gate.events_of(link.id).await.len(), 3, "expiry is no event");
}

#[tokio::test]
async fn a_standard_link_opens_after_ten_minutes_and_stays_open_for_an_hour() {
    let gate = World::with_test_clock().await;
    let link = gate.given_issued_link("standard").await;
    let untouched = gate.given_issued_link("standard").await;
    let last = gate.given_issued_link("standard").await;
    let (requested_at, opens_at, closes_at) = times(&gate, &link).await;
    assert_eq!(opens_at, requested_at + TimeDelta::minutes(10));
    assert_eq!(closes_at, opens_at + TimeDelta::hours(1));

    gate.move_clock_to(opens_at - SHORTLY).await;
    let early = check(&gate, &link).await.is(200).says(NOT_READY);
    let seconds = early.json["retry_after_seconds"].as_i64().unwrap();
    assert!((1..=SHORTLY.num_seconds()).contains(&seconds), "{seconds}");
    gate.buy(&link).await.problem(425, "link_not_yet_open");

    gate.move_clock_to(opens_at).await;
    check(&gate, &link).await.is(200).says(READY);
    gate.buy(&link).await.is(200).says("Welcome to the Ticket Page");

    // Nobody ever asked for this one: it opened because its time came.
    let (_, opens_at, _) = times(&gate, &untouched).await;
    gate.move_clock_to(opens_at).await;
    gate.buy(&untouched).await.is(200);

    let (_, _, closes_at) = times(&gate, &last).await;
    gate.move_clock_to(closes_at - SHORTLY).await;
    let again = logged_in_again(&gate, &last).await;
    check(&gate, &again).await.is(200).says(READY);
    gate.move_clock_to(closes_at).await;
    is_closed(&gate, &last).await;
    let used = logged_in_again(&gate, &link).await;
    gate.buy(&used).await.problem(400, "link_used").says("Your link is Invalid");
    check(&gate, &used).await.problem(410, "link_gone");
    gate.system.stop().await.unwrap();
}

/// In a place whose own midnight is another than that of UTC.
#[tokio::test]
async fn a_default_link_opens_at_the_next_midnight_utc_and_stays_open_for_two_hours() {
    let gate = World::start(&[("TEST_CLOCK", "1"), ("TZ", "Asia/Kathmandu")]).await;
    let guest = gate.given_issued_link("guest").await;
    let account = gate.given_issued_link("default").await;
    for link in [&guest, &account] {
        let (requested_at, opens_at, closes_at) = times(&gate, link).await;
        let next_day = requested_at.date_naive().checked_add_days(Days::new(1)).unwrap();
        assert_eq!(opens_at, next_day.and_time(NaiveTime::MIN).and_utc());
        assert_eq!(closes_at, opens_at + TimeDelta::hours(2));
    }
    let (_, opens_at, closes_at) = times(&gate, &guest).await;
    gate.move_clock_to(opens_at - SHORTLY).await;
    check(&gate, &guest).await.is(200).says(NOT_READY);
    gate.buy(&guest).await.problem(425, "link_not_yet_open");
    // Asked for in the last seconds of a day, or by a clock that has passed them: still the next
    // midnight after it.
    let late = gate.given_issued_link("guest").await;
    let (requested_at, late_opens_at, _) = times(&gate, &late).await;
    assert!(late_opens_at > requested_at && late_opens_at - requested_at <= TimeDelta::days(1));

    gate.move_clock_to(opens_at).await;
    check(&gate, &guest).await.is(200).says(READY);
    gate.buy(&guest).await.is(200).says("Welcome to the Ticket Page");
    gate.move_clock_to(closes_at - SHORTLY).await;
    let again = logged_in_again(&gate, &account).await;
    check(&gate, &again).await.is(200).says(READY);
    gate.move_clock_to(closes_at).await;
    is_closed(&gate, &account).await;
    gate.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_premium_link_opens_at_once_and_stays_open_for_an_hour() {
    let gate = World::with_test_clock().await;
    let link = gate.given_issued_link("premium").await;
    let (requested_at, opens_at, closes_at) = times(&gate, &link).await;
    assert_eq!(opens_at, requested_at);
    assert!(closes_at - opens_at >= TimeDelta::hours(1));
    check(&gate, &link).await.is(200).says(READY);
    gate.move_clock_to(closes_at - SHORTLY).await;
    let again = logged_in_again(&gate, &link).await;
    check(&gate, &again).await.is(200).says(READY);
    gate.move_clock_to(closes_at).await;
    is_closed(&gate, &link).await;
    gate.system.stop().await.unwrap();
}
