//! Snapshots: whoever keeps one late leaves a newer one as it is.

use chrono::{DateTime, TimeDelta};
use shared_events::topology::OUTINGS_LOG;
use shared_events::{AccountId, AnnouncementId, EngagementsEvent};
use ticketing::outings::engagements::Engagements;
use ticketing::platform::append::{Append, Attached, NewEvent, Origin, StreamAppend};
use ticketing::platform::database::Database;
use ticketing::platform::event_store::EventStore;
use ticketing::platform::snapshots::{self, EVERY};
use uuid::Uuid;

use crate::harness::{Place, eventually};

/// Somebody who was at as many outings as make a snapshot.
async fn given_long_stream(store: &EventStore) -> Uuid {
    let id = Uuid::now_v7();
    let engaged = |n: i64| {
        let starts_at = DateTime::UNIX_EPOCH + TimeDelta::hours(n);
        NewEvent::of(&EngagementsEvent::Engaged {
            account: AccountId(id),
            announcement: AnnouncementId(Uuid::now_v7()),
            starts_at,
            ends_at: starts_at + TimeDelta::hours(1),
            over: Vec::new(),
        })
    };
    let append = Append {
        streams: vec![StreamAppend {
            aggregate: "engagements",
            id,
            expected: 0,
            events: (0..EVERY).map(|n| engaged(n).unwrap()).collect(),
        }],
        origin: Origin::new(),
        recorded_at: DateTime::UNIX_EPOCH,
        attached: Attached::default(),
    };
    store.append(append).await.unwrap();
    id
}

const OTHER: &str = "insert into snapshots (aggregate, aggregate_id, sequence, shape, state) \
                     values ('engagements', $1, $2, 'another', '{}')";

/// Of which sequence and shape the snapshot is.
async fn kept(database: &Database, id: Uuid) -> (i64, String) {
    let client = database.connect_as_owner("test").await.unwrap();
    let text = "select sequence, shape from snapshots where aggregate_id = $1";
    let row = client.query_one(text, &[&id]).await.unwrap();
    (row.get(0), row.get(1))
}

/// An earlier version took it for one that can not be used, because the ids in the two differ.
#[tokio::test]
async fn an_older_one_never_replaces_a_newer_one() {
    let (_place, database) = Place::migrated().await;
    let store = EventStore::open(OUTINGS_LOG, database.clone());
    let id = given_long_stream(&store).await;
    let mut holder = database.connect_as_owner("holder").await.unwrap();
    let hold = holder.transaction().await.unwrap();
    // It can be read and not written: a reader has found none, and waits to keep its own.
    hold.batch_execute("lock table snapshots in share row exclusive mode").await.unwrap();
    let late = tokio::spawn(async move {
        let loaded = snapshots::load::<Engagements>(&store, id).await;
        loaded.unwrap().sequence
    });
    let asker = database.connect_as_owner("asker").await.unwrap();
    let waits = "select exists (select from pg_locks l join pg_database d on d.oid = l.database \
                 where d.datname = current_database() and l.relation = 'snapshots'::regclass \
                 and not l.granted)";
    let waits = async || asker.query_one(waits, &[]).await.unwrap().get::<_, bool>(0);
    eventually("the reader waits", waits).await;
    let newer = EVERY + 1;
    hold.execute(OTHER, &[&id, &newer]).await.unwrap();
    hold.commit().await.unwrap();
    assert_eq!(late.await.unwrap(), EVERY);
    assert_eq!(kept(&database, id).await, (newer, "another".to_owned()));
}

#[tokio::test]
async fn one_that_can_not_be_used_is_replaced() {
    let (_place, database) = Place::migrated().await;
    let store = EventStore::open(OUTINGS_LOG, database.clone());
    let id = given_long_stream(&store).await;
    let owner = database.connect_as_owner("test").await.unwrap();
    owner.execute(OTHER, &[&id, &EVERY]).await.unwrap();
    let loaded = snapshots::load::<Engagements>(&store, id).await.unwrap();
    assert_eq!(loaded.sequence, EVERY);
    let (sequence, shape) = kept(&database, id).await;
    assert!(sequence == EVERY && shape != "another", "{sequence} {shape}");
}
