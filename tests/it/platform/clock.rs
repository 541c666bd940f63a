//! The clock while Postgres is slow to tell its time.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use tests::chaos::proxy::{Protocol, Proxy};
use ticketing::platform::clock::Clock;

use super::database::behind_proxy;
use crate::harness::Place;

/// What two readings of one clock may differ by on a busy machine; far less than what is held up.
const CLOSE: TimeDelta = TimeDelta::milliseconds(100);

#[tokio::test]
async fn a_postgres_that_freezes_for_a_second_does_not_push_the_clock_ahead() {
    let (place, _) = Place::migrated().await;
    let (database, proxy): (_, Proxy) = behind_proxy(&place, Protocol::Postgres).await;
    let clock = Clock::default();
    clock.measure(&database).await.unwrap();
    proxy.silence(true);
    let (measured, ()) = tokio::join!(clock.measure(&database), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        proxy.silence(false);
    });
    measured.unwrap();
    let ahead = clock.now() - Utc::now();
    assert!(ahead < CLOSE, "links would open {ahead} early");
}

#[tokio::test]
async fn a_postgres_that_stays_silent_is_not_waited_for() {
    let (place, _) = Place::migrated().await;
    let (database, proxy) = behind_proxy(&place, Protocol::Postgres).await;
    let clock = Clock::default();
    clock.measure(&database).await.unwrap();
    proxy.silence(true);
    let measured = tokio::time::timeout(Duration::from_secs(10), clock.measure(&database)).await;
    assert!(measured.expect("it gives up").is_err());
    assert!(clock.agrees_with_database());
}
