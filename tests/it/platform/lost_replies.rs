//! COMMIT's reply is lost: whoever asked is told the truth, or that it is not known; never a lie.

use std::net::{Ipv4Addr, SocketAddr};

use ticketing::platform::append::{AppendError, StreamAppend};
use ticketing::platform::event_store::EventStore;
use uuid::Uuid;

use super::append::{LOG, append, to};
use super::proxy::Proxy;
use crate::harness::{Place, database, servers};

/// A store behind a proxy, and the place it is in.
async fn behind_proxy() -> (Place, EventStore, Proxy) {
    let (place, _) = Place::migrated().await;
    let port = servers().database_port;
    let proxy = Proxy::before(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await;
    let url =
        servers().database_url(&place.name).replace(&port.to_string(), &proxy.port.to_string());
    let store = EventStore::open(LOG, database(&url));
    (place, store, proxy)
}

#[tokio::test]
async fn a_commit_whose_reply_is_lost_is_found_again() {
    let (place, store, proxy) = behind_proxy().await;
    store.append(append(vec![to(Uuid::now_v7(), 0)])).await.unwrap();
    proxy.lose_answers(true);
    let appending = {
        let store = store.clone();
        tokio::spawn(async move { store.append(append(vec![to(Uuid::now_v7(), 0)])).await })
    };
    crate::harness::eventually("the reply is lost", || async { proxy.lost() > 0 }).await;
    proxy.lose_answers(false);
    let outcome = appending.await.unwrap();
    let client = place.database().get().await.unwrap();
    let events: i64 = client.query_one("select count(*) from events", &[]).await.unwrap().get(0);
    assert_eq!(events, 2, "Postgres had committed");
    match outcome {
        // Found: the true position.
        Ok(appended) => assert_eq!(appended.first_position, 2),
        // Not to be known in time (the proxy was still deaf while the writer looked): said so.
        Err(error) => assert_eq!(error, AppendError::Unavailable),
    }
    let next = store.append(append(vec![to(Uuid::now_v7(), 0)])).await.unwrap();
    assert_eq!(next.first_position, 3);
}

#[tokio::test]
async fn after_lost_replies_every_acknowledged_append_is_there_and_none_twice() {
    let (place, store, proxy) = behind_proxy().await;
    let (mut acknowledged, mut streams) = (Vec::new(), Vec::new());
    for round in 0..30 {
        proxy.lose_answers(round % 3 == 1);
        let id = Uuid::now_v7();
        streams.push(id);
        if store.append(append(vec![to(id, 0)])).await.is_ok() {
            acknowledged.push(id);
        }
    }
    assert!(proxy.lost() > 0, "the fault was never there");
    let client = place.database().get().await.unwrap();
    let stored: Vec<Uuid> = client
        .query("select aggregate_id from events order by position", &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    for id in acknowledged {
        assert_eq!(stored.iter().filter(|stored| **stored == id).count(), 1);
    }
    assert!(stored.iter().all(|id| streams.contains(id)));
}

#[tokio::test]
async fn while_postgres_is_away_appends_are_refused_and_not_kept_waiting() {
    let (_place, database) = Place::migrated().await;
    drop(database);
    let store =
        EventStore::open(LOG, crate::harness::database("postgres://nobody@127.0.0.1:1/none"));
    let streams: Vec<StreamAppend> = vec![to(Uuid::now_v7(), 0)];
    let refused =
        tokio::time::timeout(crate::harness::PATIENCE, store.append(append(streams))).await;
    assert_eq!(refused.expect("in time"), Err(AppendError::Unavailable));
}
