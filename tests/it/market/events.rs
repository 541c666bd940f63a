//! What others hear of the market: every event, under its routing key, in the order of the log.

use std::collections::BTreeMap;

use serde_json::Value;
use shared_events::topology::{MARKET_EVENTS, MARKET_LOG, routing_key};

use crate::harness::eventually;
use crate::world::World;

/// What a purchase that is given back tells, by the original topics.
const TOLD: [&str; 11] = [
    "market.listing.listed",
    "market.listing.reserved",
    "market.listing.sold",
    "market.listing.released",
    "market.order.placed",
    "market.order.payment_started",
    "market.order.completed",
    "market.order.refunded",
    "market.payment.started",
    "market.payment.captured",
    "market.payment.refunded",
];

/// Earlier systems published without an outbox: what was acknowledged was sometimes never heard of,
/// or in another order.
#[tokio::test]
async fn others_hear_every_event_in_its_order_also_when_the_service_dies_after_its_answer() {
    let mut world = World::start(&[]).await;
    let broker = world.broker().await;
    let heard = broker.listen(MARKET_EVENTS.name).await;
    let (paid, payment) = world.given_paid_order().await;
    world.refund(&paid.deal.seller, &payment, "").await.is(200);
    world.order_ticket(&paid.deal.buyer, &paid.deal.ticket).await.is(201);
    world.system.ticketing.kill().await.unwrap();
    world.system.ticketing.start().await.unwrap();
    let left = "select (select max(position) from events where log = 'market') \
                - (select position from relay_cursors where log = 'market')";
    eventually("all is relayed", async || world.count(left).await == 0).await;

    let (mut keys, mut last) = (BTreeMap::new(), 0);
    while let Some(message) = broker.take(&heard).await {
        let event: Value = serde_json::from_slice(&message.data).unwrap();
        let position = event["position"].as_i64().unwrap();
        let key = message.routing_key.as_str().to_owned();
        if position > last {
            assert_eq!(position, last + 1, "an event was left out");
            last = position;
            keys.insert(position, key);
        } else {
            // Published just before its end, and again because nobody could know.
            assert_eq!(keys.get(&position), Some(&key));
        }
    }
    let sql = world.sql().await;
    let history = "select position, aggregate, event_type from events where log = 'market'";
    let rows = sql.query(history, &[]).await.unwrap();
    let key = |row: &tokio_postgres::Row| routing_key(MARKET_LOG, row.get(1), row.get(2));
    let history: BTreeMap<i64, String> = rows.iter().map(|row| (row.get(0), key(row))).collect();
    assert_eq!(keys, history);
    for told in TOLD {
        assert!(keys.values().any(|key| key == told), "{told} was not told: {keys:?}");
    }
    world.system.stop().await.unwrap();
}
