//! The relay: at least once, in order, whatever is cut off in the middle.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::BasicAckOptions;
use shared_events::topology::{LINKS_EVENTS, PROJECT_LINKS, Queue};
use ticketing::platform::broker::Broker;
use ticketing::platform::database::Database;
use ticketing::platform::event_store::{EventStore, StoredEvent};
use ticketing::platform::inbox::consume;
use ticketing::platform::relay::{Relay, Route};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::append::{LOG, append, to};
use super::fault_proxy::before_broker;
use crate::harness::{PATIENCE, Place, eventually};
use crate::world::inside;

const FED: [Queue; 1] = [PROJECT_LINKS];
const ROUTE: Route = Route { exchange: LINKS_EVENTS, queues: &FED, answers: &[] };

/// A relay of a process of its own, to be killed.
fn start(place: &Place, amqp_url: &str) -> (JoinHandle<()>, Relay) {
    let store = EventStore::open(LOG, place.database());
    let (relay, worker) = Relay::new(store, Broker::new(amqp_url).unwrap(), ROUTE);
    (tokio::spawn(worker.run(CancellationToken::new())), relay)
}

async fn append_some(store: &EventStore, count: usize) {
    let appends = (0..count).map(|_| store.append(append(vec![to(Uuid::now_v7(), 0)])));
    for outcome in futures_util::future::join_all(appends).await {
        outcome.unwrap();
    }
}

async fn cursor(database: &Database) -> i64 {
    let client = database.get().await.unwrap();
    let text = "select coalesce(max(position), 0) from relay_cursors";
    client.query_one(text, &[]).await.unwrap().get(0)
}

/// Appends ten events and waits until they are relayed.
async fn relay_ten(store: &EventStore, database: &Database) {
    let head = cursor(database).await + 10;
    append_some(store, 10).await;
    eventually("they are relayed", || async { cursor(database).await == head }).await;
}

/// Takes messages from the queue until every position up to `last` was seen; the order of first
/// sight.
async fn receive(place: &Place, last: i64) -> Vec<i64> {
    let connection = Broker::new(&place.amqp_url()).unwrap().connect("test").await.unwrap();
    let (_channel, mut consumer) = consume(&connection, &PROJECT_LINKS, 500).await.unwrap();
    let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
    let all = async {
        while i64::try_from(seen.len()).unwrap() < last {
            let delivery = consumer.next().await.unwrap().unwrap();
            let event: StoredEvent = serde_json::from_slice(&delivery.data).unwrap();
            assert_eq!(event.previous, event.position - 1);
            if seen.insert(event.position) {
                order.push(event.position);
            }
            delivery.ack(BasicAckOptions::default()).await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("every event arrives");
    order
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_published_in_order_and_the_cursor_follows() {
    let (place, database) = Place::migrated().await;
    let store = EventStore::open(LOG, database.clone());
    append_some(&store, 300).await;
    let (_task, _relay) = start(&place, &place.amqp_url());
    append_some(&store, 300).await;
    assert_eq!(receive(&place, 600).await, (1..=600).collect::<Vec<_>>());
    eventually("the cursor is at the head", || async { cursor(&database).await == 600 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_killed_at_any_moment_loses_nothing() {
    let (place, database) = Place::migrated().await;
    let store = EventStore::open(LOG, database.clone());
    let mut appended = 0;
    for round in 0..8_u64 {
        let (task, relay) = start(&place, &place.amqp_url());
        eventually("it leads", || async { relay.is_leading() }).await;
        append_some(&store, 200).await;
        appended += 200;
        // Somewhere between publish, confirm and cursor; aborting drops both connections as a kill
        // would.
        tokio::time::sleep(Duration::from_millis(3 * round)).await;
        task.abort();
        assert!(task.await.is_err());
    }
    let (_task, _relay) = start(&place, &place.amqp_url());
    let order = receive(&place, appended).await;
    assert_eq!(order, (1..=appended).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn confirms_that_are_lost_are_not_taken_for_confirmed() {
    let (place, database) = Place::migrated().await;
    let store = EventStore::open(LOG, database.clone());
    let (proxy, url) = before_broker(&place).await;
    let (_task, relay) = start(&place, &url);
    eventually("it leads", || async { relay.is_leading() }).await;
    relay_ten(&store, &database).await;
    proxy.lose_confirms(usize::MAX);
    append_some(&store, 10).await;
    eventually("a confirm is lost", || async { proxy.fired().confirms_lost > 0 }).await;
    assert_eq!(cursor(&database).await, 10, "nothing unconfirmed is passed");
    proxy.clear();
    eventually("all is relayed again", || async { cursor(&database).await == 20 }).await;
    assert_eq!(receive(&place, 20).await, (1..=20).collect::<Vec<_>>());
}

/// The relay binds what it feeds when it connects, and has to find out when that is lost later.
#[tokio::test(flavor = "multi_thread")]
async fn what_reaches_no_queue_is_published_again() {
    let (place, database) = Place::migrated().await;
    let store = EventStore::open(LOG, database.clone());
    let (_task, relay) = start(&place, &place.amqp_url());
    eventually("it leads", || async { relay.is_leading() }).await;
    relay_ten(&store, &database).await;
    inside::Broker::of(&place.name).await.unbind(&PROJECT_LINKS).await;
    append_some(&store, 10).await;
    assert_eq!(receive(&place, 20).await, (1..=20).collect::<Vec<_>>());
    eventually("the cursor is at the head", || async { cursor(&database).await == 20 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_relays_one_leads_and_the_other_takes_over() {
    let (place, database) = Place::migrated().await;
    let store = EventStore::open(LOG, database.clone());
    let (first_task, first) = start(&place, &place.amqp_url());
    eventually("the first leads", || async { first.is_leading() }).await;
    let (_second_task, second) = start(&place, &place.amqp_url());
    relay_ten(&store, &database).await;
    assert!(!second.is_leading());
    first_task.abort();
    eventually("the second leads", || async { second.is_leading() }).await;
    relay_ten(&store, &database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_session_was_taken_away_moves_no_cursor() {
    let (place, database) = Place::migrated().await;
    let store = EventStore::open(LOG, database.clone());
    let (_task, relay) = start(&place, &place.amqp_url());
    eventually("it leads", || async { relay.is_leading() }).await;
    let owner = database.connect_as_owner("test").await.unwrap();
    // What Postgres does to a frozen leader after three seconds, and what the next leader does
    // first.
    let take = "select pg_terminate_backend(pid) from pg_stat_activity \
                where application_name = 'ticketing relay links' and datname = current_database()";
    owner.execute(take, &[]).await.unwrap();
    append_some(&store, 10).await;
    eventually("it is relayed by a new term", || async { cursor(&database).await == 10 }).await;
    let epoch: i64 = owner.query_one("select epoch from relay_cursors", &[]).await.unwrap().get(0);
    assert!(epoch >= 2, "a new term has a new epoch");
}
