//! Deadlines: recorded when due, once, even if a worker dies over it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use ticketing::platform::append::{Append, Attached, NewDeadline};
use ticketing::platform::clock::Clock;
use ticketing::platform::database::Database;
use ticketing::platform::deadlines::{DeadlineHandler, DeadlineWorker, Due, Handled, Step};
use ticketing::platform::event_store::EventStore;
use ticketing::platform::{housekeeping, idempotency, vault};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::append::{LOG, append, to};
use crate::harness::{PATIENCE, Place};

#[derive(Default)]
struct Counter {
    calls: Arc<AtomicUsize>,
    fails: Arc<AtomicBool>,
}

#[async_trait]
impl DeadlineHandler for Counter {
    fn kind(&self) -> &'static str {
        "test"
    }

    async fn handle(&self, _due: Due) -> Handled {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.fails.load(Ordering::Relaxed) { Handled::Failed } else { Handled::Recorded }
    }
}

async fn with_deadline(database: &Database, due_at: DateTime<chrono::Utc>) {
    let store = EventStore::open(LOG, database.clone());
    let subject = Uuid::now_v7();
    let deadlines = vec![NewDeadline { kind: "test", subject, due_at }];
    let attached = Attached { deadlines, ..Attached::default() };
    store.append(Append { attached, ..append(vec![to(subject, 0)]) }).await.unwrap();
}

#[tokio::test]
async fn a_deadline_is_recorded_once_when_it_is_due() {
    let (_place, database) = Place::migrated().await;
    let clock = Clock::default();
    with_deadline(&database, clock.now() + TimeDelta::minutes(15)).await;
    let handler = Counter::default();
    let calls = Arc::clone(&handler.calls);
    let worker = DeadlineWorker::new(database.clone(), clock.clone(), Box::new(handler));
    assert_eq!(worker.step().await.unwrap(), Step::Idle);
    clock.move_test_clock(&database, clock.now() + TimeDelta::minutes(15)).await.unwrap();
    assert_eq!(worker.step().await.unwrap(), Step::Did(1));
    assert_eq!(worker.step().await.unwrap(), Step::Idle);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_deadline_whose_worker_failed_is_taken_again_after_its_lease() {
    let (_place, database) = Place::migrated().await;
    let clock = Clock::default();
    with_deadline(&database, clock.now()).await;
    let handler = Counter::default();
    handler.fails.store(true, Ordering::Relaxed);
    let (calls, fails) = (Arc::clone(&handler.calls), Arc::clone(&handler.fails));
    let worker = DeadlineWorker::new(database.clone(), clock.clone(), Box::new(handler));
    assert_eq!(worker.step().await.unwrap(), Step::Idle);
    assert_eq!(worker.step().await.unwrap(), Step::Idle);
    assert_eq!(calls.load(Ordering::Relaxed), 1, "the lease keeps others away");
    fails.store(false, Ordering::Relaxed);
    clock.move_test_clock(&database, clock.now() + TimeDelta::seconds(31)).await.unwrap();
    assert_eq!(worker.step().await.unwrap(), Step::Did(1));
}

/// Puts a deadline off once, then records it.
struct Patient {
    until: DateTime<chrono::Utc>,
    put_off: AtomicBool,
}

#[async_trait]
impl DeadlineHandler for Patient {
    fn kind(&self) -> &'static str {
        "test"
    }

    async fn handle(&self, _due: Due) -> Handled {
        match self.put_off.swap(true, Ordering::Relaxed) {
            false => Handled::NotBefore(self.until),
            true => Handled::Recorded,
        }
    }
}

#[tokio::test]
async fn a_deadline_with_nothing_left_to_record_for_now_is_due_when_there_will_be() {
    let (_place, database) = Place::migrated().await;
    let clock = Clock::default();
    with_deadline(&database, clock.now()).await;
    let until = clock.now() + TimeDelta::minutes(5);
    let handler = Patient { until, put_off: AtomicBool::default() };
    let worker = DeadlineWorker::new(database.clone(), clock.clone(), Box::new(handler));
    assert_eq!(worker.step().await.unwrap(), Step::Did(1));
    assert_eq!(worker.step().await.unwrap(), Step::Idle);
    clock.move_test_clock(&database, until - TimeDelta::seconds(1)).await.unwrap();
    assert_eq!(worker.step().await.unwrap(), Step::Idle);
    clock.move_test_clock(&database, until).await.unwrap();
    assert_eq!(worker.step().await.unwrap(), Step::Did(1));
    assert_eq!(worker.step().await.unwrap(), Step::Idle);
}

#[tokio::test]
async fn a_deadline_that_keeps_failing_is_tried_less_and_less_often() {
    let (_place, database) = Place::migrated().await;
    let clock = Clock::default();
    with_deadline(&database, clock.now()).await;
    let handler = Counter::default();
    handler.fails.store(true, Ordering::Relaxed);
    let calls = Arc::clone(&handler.calls);
    let worker = DeadlineWorker::new(database.clone(), clock.clone(), Box::new(handler));
    for _ in 0..60 {
        assert_eq!(worker.step().await.unwrap(), Step::Idle);
        let later = clock.now() + TimeDelta::minutes(1);
        clock.move_test_clock(&database, later).await.unwrap();
    }
    let calls = calls.load(Ordering::Relaxed);
    assert!((10..25).contains(&calls), "{calls} attempts within the hour");
}

/// Never comes to an end.
struct Stuck;

#[async_trait]
impl DeadlineHandler for Stuck {
    fn kind(&self) -> &'static str {
        "test"
    }

    async fn handle(&self, _due: Due) -> Handled {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_handler_that_is_stuck_does_not_hold_the_worker() {
    let (_place, database) = Place::migrated().await;
    let clock = Clock::default();
    for _ in 0..3 {
        with_deadline(&database, clock.now()).await;
    }
    let worker = DeadlineWorker::new(database.clone(), clock.clone(), Box::new(Stuck));
    let step = tokio::time::timeout(Duration::from_secs(15), worker.step()).await;
    assert_eq!(step.expect("it goes on").unwrap(), Step::Idle);
}

#[tokio::test]
async fn a_worker_with_nothing_to_do_waits_to_be_stopped() {
    let (_place, database) = Place::migrated().await;
    let worker = DeadlineWorker::new(database, Clock::default(), Box::new(Counter::default()));
    let stop = CancellationToken::new();
    let mut running = tokio::spawn(worker.run(Arc::new(Notify::new()), stop.clone()));
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut running).await.is_err());
    stop.cancel();
    tokio::time::timeout(PATIENCE, running).await.expect("it stops").unwrap();
}

#[tokio::test]
async fn the_test_clock_only_moves_forward_and_every_process_follows() {
    let (place, database) = Place::migrated().await;
    let (mine, theirs) = (Clock::default(), Clock::default());
    let start = mine.now();
    let moved = mine.move_test_clock(&database, start + TimeDelta::days(1)).await.unwrap();
    assert!(moved >= start + TimeDelta::days(1));
    let back = mine.move_test_clock(&database, start).await.unwrap();
    assert!(back >= moved, "the past can not be reached");
    theirs.follow_test_clock(&place.database()).await.unwrap();
    assert!(theirs.now() >= start + TimeDelta::days(1));
}

#[tokio::test]
async fn housekeeping_deletes_what_has_served_its_time_and_never_history() {
    let (_place, database) = Place::migrated().await;
    let clock = Clock::default();
    let store = EventStore::open(LOG, database.clone());
    let id = Uuid::now_v7();
    let key =
        idempotency::IdempotencyKey::read(Some("k"), Some(id), "POST", "/", b"").unwrap().unwrap();
    let answer = idempotency::StoredAnswer { status: 201, body: "{}".into() };
    let secret = ticketing::platform::append::NewSecret {
        id,
        name: "test",
        value: "secret".into(),
        expires_at: Some(clock.now() + TimeDelta::hours(1)),
    };
    let attached = Attached {
        answer: Some((key, answer.clone())),
        secrets: vec![secret],
        ..Attached::default()
    };
    let mut kept = append(vec![to(id, 0)]);
    kept.attached = attached;
    store.append(kept).await.unwrap();
    assert_eq!(housekeeping::sweep(&database, &clock, &[]).await.unwrap(), 0);
    let idempotency = idempotency::Idempotency::new(database.clone());
    assert!(matches!(
        idempotency.find(&key).await.unwrap(),
        Some(idempotency::Begun::Replay(kept)) if kept == answer
    ));
    clock.move_test_clock(&database, clock.now() + TimeDelta::hours(25)).await.unwrap();
    assert_eq!(housekeeping::sweep(&database, &clock, &[]).await.unwrap(), 2);
    assert!(idempotency.find(&key).await.unwrap().is_none());
    assert!(vault::Vault::new(database.clone()).find(&[id], "test").await.unwrap().is_empty());
    let client = database.get().await.unwrap();
    let events: i64 = client.query_one("select count(*) from events", &[]).await.unwrap().get(0);
    assert_eq!(events, 1);
}
