//! Appending: exact conflicts, atomic batches, and readers that miss nothing.

use std::time::Duration;

use chrono::Utc;
use ticketing::platform::append::{
    Append, AppendError, Attached, NewDeadline, NewEvent, NewSecret, Origin, ProcessedMessage,
    StreamAppend,
};
use ticketing::platform::append_queue::QUEUE_PLACES;
use ticketing::platform::database::Database;
use ticketing::platform::event_store::{EventStore, READ_LOG, head, read_log};
use ticketing::platform::idempotency::{IdempotencyKey, StoredAnswer};
use uuid::Uuid;

use crate::harness::{PATIENCE, Place};

pub(super) const LOG: &str = "links";

pub(super) fn event(payload: &str) -> NewEvent {
    NewEvent {
        id: Uuid::now_v7(),
        event_type: "Happened".into(),
        event_version: "1.0".into(),
        payload: payload.into(),
    }
}

pub(super) fn to(id: Uuid, expected: i64) -> StreamAppend {
    StreamAppend { aggregate: "thing", id, expected, events: vec![event(r#"{"a":1}"#)] }
}

pub(super) fn append(streams: Vec<StreamAppend>) -> Append {
    #[expect(clippy::disallowed_methods, reason = "the test is its own clock")]
    let recorded_at = Utc::now();
    Append { streams, origin: Origin::new(), recorded_at, attached: Attached::default() }
}

fn with(attached: Attached) -> Append {
    Append { attached, ..append(vec![to(Uuid::now_v7(), 0)]) }
}

async fn count(database: &Database, text: &str) -> i64 {
    let client = database.get().await.unwrap();
    client.query_one(text, &[]).await.unwrap().get(0)
}

/// Appends all of them so that they wait together and are written in one batch.
async fn together(store: &EventStore, appends: Vec<Append>) -> Vec<Result<(), AppendError>> {
    let lock = "select pg_advisory_lock(hashtextextended('append:links', 0))";
    let unlock = "select pg_advisory_unlock(hashtextextended('append:links', 0))";
    let client = store.database().connect("test").await.unwrap();
    client.execute(lock, &[]).await.unwrap();
    let first = {
        let store = store.clone();
        tokio::spawn(async move { store.append(append(vec![to(Uuid::now_v7(), 0)])).await })
    };
    // The writer holds the first append and waits for the lock; now the others queue up behind it.
    crate::harness::eventually("the writer waits for the lock", || async {
        count(
            store.database(),
            "select count(*) from pg_locks l join pg_stat_activity a using (pid) \
             where l.locktype = 'advisory' and not l.granted and a.datname = current_database()",
        )
        .await
            > 0
    })
    .await;
    let waiting: Vec<_> = appends
        .into_iter()
        .map(|append| {
            let store = store.clone();
            let depth = store.queue_depth();
            let task = tokio::spawn(async move { store.append(append).await.map(|_| ()) });
            (depth, task)
        })
        .collect();
    crate::harness::eventually("all wait", || async { store.queue_depth() >= waiting.len() }).await;
    client.execute(unlock, &[]).await.unwrap();
    first.await.unwrap().unwrap();
    let mut outcomes = Vec::new();
    for (_, task) in waiting {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

#[tokio::test]
async fn positions_and_sequences_count_from_one_without_holes() {
    let (_place, database) = Place::migrated().await;
    let store = EventStore::open(LOG, database.clone());
    let id = Uuid::now_v7();
    for expected in 0..3 {
        let appended = store.append(append(vec![to(id, expected)])).await.unwrap();
        assert_eq!(appended.first_position, expected + 1);
    }
    let client = database.get().await.unwrap();
    let statement = client.prepare(READ_LOG).await.unwrap();
    let events = read_log(&**client, &statement, LOG, 0, 10).await.unwrap();
    let places: Vec<_> = events.iter().map(|e| (e.position, e.previous, e.sequence)).collect();
    assert_eq!(places, [(1, 0, 1), (2, 1, 2), (3, 2, 3)]);
    assert_eq!(head(&**client, LOG).await.unwrap(), 3);
}

#[tokio::test]
async fn several_streams_in_one_append_are_all_or_nothing() {
    let (_place, database) = Place::migrated().await;
    let store = EventStore::open(LOG, database.clone());
    let (old, new) = (Uuid::now_v7(), Uuid::now_v7());
    store.append(append(vec![to(old, 0)])).await.unwrap();
    let refused = store.append(append(vec![to(new, 0), to(old, 0)])).await;
    assert_eq!(refused, Err(AppendError::Conflict));
    assert_eq!(count(&database, "select count(*) from events").await, 1);
    store.append(append(vec![to(new, 0), to(old, 1)])).await.unwrap();
    assert_eq!(count(&database, "select count(*) from events").await, 3);
}

#[tokio::test]
async fn in_a_batch_the_refused_leave_no_trace_and_the_others_commit() {
    let (_place, database) = Place::migrated().await;
    let store = EventStore::open(LOG, database.clone());
    let (fought_over, message) = (Uuid::now_v7(), Uuid::now_v7());
    let processed = Attached {
        message: Some(ProcessedMessage { consumer: "test", id: message }),
        ..Attached::default()
    };
    let key = IdempotencyKey::read(Some("key"), Some(message), "POST", "/", b"").unwrap().unwrap();
    let answer = StoredAnswer { status: 201, body: "{}".into() };
    let keyed = Attached { answer: Some((key, answer)), ..Attached::default() };
    let outcomes = together(
        &store,
        vec![
            append(vec![to(fought_over, 0)]),
            append(vec![to(fought_over, 0)]),
            append(vec![to(fought_over, 1)]),
            with(processed.clone()),
            with(processed),
            with(keyed.clone()),
            with(keyed),
            append(vec![to(Uuid::now_v7(), 5)]),
            append(vec![to(Uuid::now_v7(), 0)]),
        ],
    )
    .await;
    let expected = [
        Ok(()),
        Err(AppendError::Conflict),
        Ok(()),
        Ok(()),
        Err(AppendError::AlreadyProcessed),
        Ok(()),
        Err(AppendError::KeyTaken),
        Err(AppendError::Conflict),
        Ok(()),
    ];
    assert_eq!(outcomes, expected);
    let committed = 1 + expected.iter().filter(|outcome| outcome.is_ok()).count();
    let events = count(&database, "select count(*) from events").await;
    assert_eq!(events, i64::try_from(committed).unwrap());
    assert_eq!(count(&database, "select max(position) from events").await, events);
}

#[tokio::test]
async fn a_nul_in_one_append_does_not_harm_its_neighbours() {
    let (_place, database) = Place::migrated().await;
    let store = EventStore::open(LOG, database.clone());
    let mut bad = append(vec![to(Uuid::now_v7(), 0)]);
    bad.streams[0].events = vec![event(r#"{"a":"\u0000"}"#)];
    let good = || append(vec![to(Uuid::now_v7(), 0)]);
    let outcomes = together(&store, vec![good(), bad, good()]).await;
    assert_eq!(outcomes, [Ok(()), Err(AppendError::Invalid), Ok(())]);
    assert_eq!(count(&database, "select count(*) from events").await, 3);
}

#[tokio::test]
async fn what_is_attached_is_written_with_the_events_or_not_at_all() {
    let (_place, database) = Place::migrated().await;
    let store = EventStore::open(LOG, database.clone());
    let attached = |id| Attached {
        deadlines: vec![NewDeadline {
            kind: "test",
            subject: id,
            due_at: chrono::DateTime::UNIX_EPOCH,
        }],
        secrets: vec![NewSecret { id, name: "test", value: "secret".into(), expires_at: None }],
        ..Attached::default()
    };
    let id = Uuid::now_v7();
    store.append(Append { attached: attached(id), ..append(vec![to(id, 0)]) }).await.unwrap();
    let other = Uuid::now_v7();
    let refused = Append { attached: attached(other), ..append(vec![to(id, 0)]) };
    assert_eq!(store.append(refused).await, Err(AppendError::Conflict));
    for table in ["deadlines", "vault"] {
        assert_eq!(count(&database, &format!("select count(*) from {table}")).await, 1);
    }
}

#[tokio::test]
async fn the_service_may_not_change_history() {
    let (_place, database) = Place::migrated().await;
    let client = database.get().await.unwrap();
    for forbidden in ["update events set position = 1", "delete from events", "truncate events"] {
        let error = client.execute(forbidden, &[]).await.expect_err(forbidden);
        assert_eq!(error.code(), Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE));
    }
}

/// Four writers and two readers at once, each writer with a connection of its own, as four
/// processes have. `naive` readers and writers (positions from a sequence, no lock) lose events in
/// this test's control.
#[tokio::test(flavor = "multi_thread")]
async fn writers_of_several_processes_hide_no_event_from_any_reader() {
    const WRITERS: i64 = 4;
    const EACH: i64 = 250;
    let (place, database) = Place::migrated().await;
    let reader = tokio::spawn(read_all(database.clone(), WRITERS * EACH));
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        let store = EventStore::open(LOG, place.database());
        writers.push(tokio::spawn(async move {
            let appends = (0..EACH).map(|_| store.append(append(vec![to(Uuid::now_v7(), 0)])));
            for outcome in futures_util::future::join_all(appends).await {
                outcome.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let seen = tokio::time::timeout(PATIENCE, reader).await.expect("every event is seen").unwrap();
    assert_eq!(seen, (1..=WRITERS * EACH).collect::<Vec<_>>());
}

async fn read_all(database: Database, total: i64) -> Vec<i64> {
    let client = database.get().await.unwrap();
    let statement = client.prepare(READ_LOG).await.unwrap();
    let mut seen: Vec<i64> = Vec::new();
    while i64::try_from(seen.len()).unwrap() < total {
        let after = seen.last().copied().unwrap_or(0);
        let events = read_log(&**client, &statement, LOG, after, 100).await.unwrap();
        seen.extend(events.iter().map(|event| event.position));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    seen
}

/// The control of the test above: without the log's lock, a cursor over a sequence does skip
/// events.
#[tokio::test(flavor = "multi_thread")]
async fn control_without_the_lock_a_cursor_skips_events() {
    let (_place, database) = Place::migrated().await;
    let owner = database.connect_as_owner("test").await.unwrap();
    owner.batch_execute("create table naive (position bigserial primary key)").await.unwrap();
    let (slow, quick) = (
        database.connect_as_owner("a").await.unwrap(),
        database.connect_as_owner("b").await.unwrap(),
    );
    slow.batch_execute("begin; insert into naive default values").await.unwrap();
    quick.batch_execute("insert into naive default values").await.unwrap();
    let cursor: i64 = owner.query_one("select max(position) from naive", &[]).await.unwrap().get(0);
    slow.batch_execute("commit").await.unwrap();
    let missed = "select count(*) from naive where position <= $1";
    let there: i64 = owner.query_one(missed, &[&cursor]).await.unwrap().get(0);
    assert_eq!((cursor, there), (2, 2), "position 1 appeared behind a cursor that had passed it");
}

#[tokio::test]
async fn an_append_held_open_makes_later_ones_wait_or_fail_and_nothing_is_skipped() {
    let (_place, database) = Place::migrated().await;
    let store = EventStore::open(LOG, database.clone());
    let holder = database.connect_as_owner("holder").await.unwrap();
    let hold = "begin; select pg_advisory_xact_lock(hashtextextended('append:links', 0))";
    holder.batch_execute(hold).await.unwrap();
    // The statement's limit of 5 s ends the wait.
    let refused = store.append(append(vec![to(Uuid::now_v7(), 0)])).await;
    assert_eq!(refused, Err(AppendError::Unavailable));
    holder.batch_execute("commit").await.unwrap();
    let appended = store.append(append(vec![to(Uuid::now_v7(), 0)])).await.unwrap();
    assert_eq!(appended.first_position, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_too_many_wait_the_next_are_refused_at_once_and_the_others_are_written() {
    const MORE: usize = QUEUE_PLACES + 2_000;
    let (_place, database) = Place::migrated().await;
    let store = EventStore::open(LOG, database.clone());
    let holder = database.connect_as_owner("holder").await.unwrap();
    let hold = "begin; select pg_advisory_xact_lock(hashtextextended('append:links', 0))";
    holder.batch_execute(hold).await.unwrap();
    let appends: Vec<_> = (0..MORE).map(|_| append(vec![to(Uuid::now_v7(), 0)])).collect();
    // All are polled once, in order, before any is awaited: the queue fills up behind the lock.
    let mut rush: Vec<_> = appends.into_iter().map(|a| Box::pin(store.append(a))).collect();
    let mut refused_at_once = 0;
    let mut waiting = Vec::new();
    for mut append in rush.drain(..) {
        match futures_util::poll!(append.as_mut()) {
            std::task::Poll::Ready(outcome) => {
                assert_eq!(outcome, Err(AppendError::Overloaded));
                refused_at_once += 1;
            }
            std::task::Poll::Pending => waiting.push(append),
        }
    }
    assert!(refused_at_once > 0, "the queue has no end");
    holder.batch_execute("commit").await.unwrap();
    let outcomes = futures_util::future::join_all(waiting).await;
    let written = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let stored = count(&database, "select count(*) from events").await;
    assert_eq!(stored, i64::try_from(written).unwrap());
    assert!(written > QUEUE_PLACES / 2, "most of those that waited are written");
}
