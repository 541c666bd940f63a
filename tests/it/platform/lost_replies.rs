//! COMMIT's reply is lost: whoever asked is told the truth, or that it is not known; never a lie.

use std::net::{Ipv4Addr, SocketAddr};

use tests::chaos::proxy::{Fired, Protocol, Proxy};
use ticketing::platform::append::{AppendError, StreamAppend};
use ticketing::platform::event_store::EventStore;
use uuid::Uuid;

use super::append::{LOG, append, to};
use crate::harness::{Place, database, servers};

/// A store behind a proxy, and the place it is in.
async fn behind_proxy() -> (Place, EventStore, Proxy) {
    let (place, _) = Place::migrated().await;
    let port = servers().database_port;
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let proxy = Proxy::start(server, Protocol::Postgres).await.unwrap();
    let url =
        servers().database_url(&place.name).replace(&port.to_string(), &proxy.port().to_string());
    let store = EventStore::open(LOG, database(&url));
    (place, store, proxy)
}

async fn stored(place: &Place) -> Vec<Uuid> {
    let client = place.database().get().await.unwrap();
    let text = "select aggregate_id from events order by position";
    client.query(text, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_commit_whose_reply_is_lost_is_found_again() {
    let (place, store, proxy) = behind_proxy().await;
    store.append(append(vec![to(Uuid::now_v7(), 0)])).await.unwrap();
    proxy.lose_commit_replies(1);
    let found = store.append(append(vec![to(Uuid::now_v7(), 0)])).await.unwrap();
    assert_eq!((found.first_position, proxy.fired().commit_replies_lost), (2, 1));
    let next = store.append(append(vec![to(Uuid::now_v7(), 0)])).await.unwrap();
    assert_eq!(next.first_position, 3);
    assert_eq!(stored(&place).await.len(), 3);
}

#[tokio::test]
async fn after_lost_replies_no_answer_is_a_lie() {
    let (place, store, proxy) = behind_proxy().await;
    let (mut streams, mut lost) = (Vec::new(), 0);
    for round in 0..30_i64 {
        // None; that of the commit; that one and the answer to what became of it.
        let losing = usize::try_from(round % 3).unwrap();
        proxy.lose_commit_replies(losing);
        let id = Uuid::now_v7();
        let outcome = store.append(append(vec![to(id, 0)])).await;
        match losing {
            2 => assert_eq!(outcome, Err(AppendError::Unavailable)),
            _ => assert_eq!(outcome.unwrap().first_position, round + 1),
        }
        streams.push(id);
        lost += losing;
    }
    assert_eq!(proxy.fired(), Fired { commit_replies_lost: lost, ..Fired::default() });
    assert_eq!(stored(&place).await, streams, "each is committed, in order, once");
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
