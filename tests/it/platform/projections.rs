//! Projections: each event once, whatever the messages do.

use std::sync::Arc;

use shared_events::TokenId;
use ticketing::links::link_request::LinkRequest;
use ticketing::links::status::LinkStatusProjection;
use ticketing::platform::append::Attached;
use ticketing::platform::broker::Broker;
use ticketing::platform::clock::Clock;
use ticketing::platform::commands::Commands;
use ticketing::platform::database::Database;
use ticketing::platform::dead_letters::DeadLetters;
use ticketing::platform::event_store::{EventStore, READ_LOG, StoredEvent, read_log};
use ticketing::platform::projection_copy::{compare, rebuild, snapshot};
use ticketing::platform::projections::Builder;
use uuid::Uuid;

use super::append::LOG;
use super::commands::{grant, now, request};
use crate::harness::Place;

struct Projected {
    _place: Place,
    database: Database,
    builder: Builder,
    events: Vec<StoredEvent>,
}

/// Ten requests, each with a verdict: thirty events that no builder has seen.
async fn given_thirty_events() -> Projected {
    let (place, database) = Place::migrated().await;
    let commands = Commands::<LinkRequest>::new(EventStore::open(LOG, database.clone()));
    for n in 0..10_u128 {
        let id = Uuid::now_v7();
        commands.create(id, request(), now(), |_| Attached::default()).await.unwrap();
        let verdict = grant(TokenId(Uuid::from_u128(n)));
        commands.execute(id, verdict, now(), |_| Attached::default()).await.unwrap();
    }
    let client = database.get().await.unwrap();
    let statement = client.prepare(READ_LOG).await.unwrap();
    let events = read_log(&**client, &statement, LOG, 0, 100).await.unwrap();
    assert_eq!(events.len(), 30);
    drop(client);
    let letters = DeadLetters::new(Broker::new(&place.amqp_url()).unwrap(), Clock::default());
    let builder = Builder::new(Arc::new(LinkStatusProjection), database.clone(), Arc::new(letters));
    Projected { _place: place, database, builder, events }
}

impl Projected {
    async fn differences(&self) -> (i64, i64) {
        let mut owner = self.database.connect_as_owner("test").await.unwrap();
        let transaction = snapshot(&mut owner).await.unwrap();
        let compared = compare(&transaction, &LinkStatusProjection).await.unwrap();
        (compared[0].unexplained + compared[0].missing, compared[0].rows)
    }
}

#[tokio::test]
async fn messages_in_order_are_applied() {
    let given = given_thirty_events().await;
    for batch in given.events.chunks(7) {
        given.builder.advance(batch).await.unwrap();
    }
    assert_eq!(given.builder.advance(&[]).await.unwrap(), 30);
    assert_eq!(given.differences().await, (0, 10));
}

#[tokio::test]
async fn messages_fed_twice_change_nothing() {
    let given = given_thirty_events().await;
    for _ in 0..2 {
        for event in &given.events {
            given.builder.advance(std::slice::from_ref(event)).await.unwrap();
            given.builder.advance(std::slice::from_ref(event)).await.unwrap();
        }
    }
    assert_eq!(given.differences().await, (0, 10));
}

#[tokio::test]
async fn messages_in_reverse_are_completed_from_the_store() {
    let given = given_thirty_events().await;
    for event in given.events.iter().rev() {
        given.builder.advance(std::slice::from_ref(event)).await.unwrap();
    }
    assert_eq!(given.builder.advance(&[]).await.unwrap(), 30);
    assert_eq!(given.differences().await, (0, 10));
}

#[tokio::test]
async fn holes_are_filled_from_the_store() {
    let given = given_thirty_events().await;
    let holed: Vec<_> = given.events.iter().filter(|e| e.position % 4 == 0).cloned().collect();
    given.builder.advance(&holed).await.unwrap();
    assert_eq!(given.builder.advance(&[]).await.unwrap(), 28);
    assert_eq!(given.builder.catch_up().await.unwrap(), 30);
    assert_eq!(given.differences().await, (0, 10));
}

#[tokio::test]
async fn a_lost_tail_heals_without_a_next_message() {
    let given = given_thirty_events().await;
    given.builder.advance(&given.events[..20]).await.unwrap();
    assert_eq!(given.builder.catch_up().await.unwrap(), 30);
    assert_eq!(given.differences().await, (0, 10));
}

#[tokio::test]
async fn messages_of_another_history_are_dropped() {
    let given = given_thirty_events().await;
    let mut foreign = given.events.clone();
    for event in &mut foreign {
        event.history = Uuid::new_v4();
    }
    assert_eq!(given.builder.advance(&foreign).await.unwrap(), 0);
}

#[tokio::test]
async fn a_builder_that_was_overtaken_does_nothing() {
    let given = given_thirty_events().await;
    let letters = DeadLetters::new(Broker::new("amqp://nowhere").unwrap(), Clock::default());
    let other =
        Builder::new(Arc::new(LinkStatusProjection), given.database.clone(), Arc::new(letters));
    let (one, two) =
        tokio::join!(given.builder.advance(&given.events), other.advance(&given.events));
    assert_eq!((one.unwrap(), two.unwrap()), (30, 30));
    assert_eq!(given.differences().await, (0, 10));
}

#[tokio::test]
async fn a_stored_event_that_cannot_be_read_stops_the_projection_before_it() {
    let given = given_thirty_events().await;
    let owner = given.database.connect_as_owner("test").await.unwrap();
    let damage = "update events set event_version = '9.0' where position = 15";
    assert_eq!(owner.execute(damage, &[]).await.unwrap(), 1);
    given.builder.advance(&given.events[..10]).await.unwrap();
    assert!(given.builder.catch_up().await.is_err());
    assert!(given.builder.progress().has_stopped());
    assert_eq!(given.builder.advance(&[]).await.unwrap(), 10, "nothing was skipped");
}

/// Postgres will refuse it as often as it is tried.
#[tokio::test]
async fn a_statement_that_can_never_succeed_stops_the_projection() {
    let given = given_thirty_events().await;
    let owner = given.database.connect_as_owner("test").await.unwrap();
    owner.execute("alter table link_status add check (tier <> 'premium')", &[]).await.unwrap();
    assert!(given.builder.catch_up().await.is_err());
    assert!(given.builder.progress().has_stopped());
    assert_eq!(given.builder.advance(&[]).await.unwrap(), 0, "nothing was skipped");
}

#[tokio::test]
async fn a_postgres_that_is_away_does_not_stop_the_projection() {
    let given = given_thirty_events().await;
    let lock = "begin; lock table link_status in access exclusive mode";
    let owner = given.database.connect_as_owner("test").await.unwrap();
    owner.batch_execute(lock).await.unwrap();
    assert!(given.builder.catch_up().await.is_err(), "the statement ran into its time limit");
    assert!(!given.builder.progress().has_stopped());
    owner.batch_execute("rollback").await.unwrap();
    assert_eq!(given.builder.catch_up().await.unwrap(), 30);
}

#[tokio::test]
async fn a_rebuilt_projection_equals_the_live_one_and_lives_on() {
    let given = given_thirty_events().await;
    given.builder.advance(&given.events[..20]).await.unwrap();
    let mut owner = given.database.connect_as_owner("test").await.unwrap();
    assert_eq!(rebuild(&mut owner, &LinkStatusProjection).await.unwrap(), 30);
    assert_eq!(given.differences().await, (0, 10));
    // The builder goes on with the new tables, under the service's own role.
    assert_eq!(given.builder.advance(&given.events).await.unwrap(), 30);
    assert_eq!(given.builder.catch_up().await.unwrap(), 30);
}

/// The control of `differences`: a row that history does not explain turns it red.
#[tokio::test]
async fn control_a_changed_row_is_found() {
    let given = given_thirty_events().await;
    given.builder.catch_up().await.unwrap();
    let client = given.database.get().await.unwrap();
    let change = "update link_status set tier = 'standard' where request_id = \
                  (select request_id from link_status limit 1)";
    client.execute(change, &[]).await.unwrap();
    assert_eq!(given.differences().await, (2, 10), "one row too many, one missing");
}
