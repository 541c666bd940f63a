//! The market's read tables: each event once, whatever the messages do.

use std::sync::Arc;

use shared_events::topology::MARKET_LOG;
use ticketing::market::projection::MarketProjection;
use ticketing::platform::broker::Broker;
use ticketing::platform::clock::Clock;
use ticketing::platform::database::Database;
use ticketing::platform::dead_letters::DeadLetters;
use ticketing::platform::event_store::{READ_LOG, StoredEvent, read_log};
use ticketing::platform::projections::Builder;

use crate::harness::database;
use crate::world::World;

/// A market in which all kinds of things have happened, and that nobody runs any more.
struct Past {
    world: World,
    database: Database,
    events: Vec<StoredEvent>,
    /// What was projected while it happened.
    rows: Vec<String>,
}

const ROWS: &str = "select to_jsonb(t)::text from listings t \
    union all select to_jsonb(t)::text from orders t \
    union all select to_jsonb(t)::text from payments t order by 1";
const FORGET: &str = "delete from listings; delete from orders; delete from payments; \
    delete from checkpoints where projection = 'market'";

async fn given_past() -> Past {
    let mut world = World::start(&[]).await;
    let (paid, payment) = world.given_paid_order().await;
    world.refund(&paid.deal.seller, &payment, "").await.is(200);
    let again = world.order_ticket(&paid.deal.buyer, &paid.deal.ticket).await.is(201);
    world.cancel_order(&paid.deal.buyer, &again.member("id")).await.is(200);
    let declined = world.given_order().await;
    world.pay(&declined.deal.buyer, &declined.order, "tok_chargeDeclined").await.is(402);
    world.given_paid_order().await;
    world.until_projected(MARKET_LOG).await;
    world.system.ticketing.stop().await.unwrap();
    let database = database(&world.system.wiring.database_url);
    let client = database.get().await.unwrap();
    let statement = client.prepare(READ_LOG).await.unwrap();
    let events = read_log(&**client, &statement, MARKET_LOG, 0, 1_000).await.unwrap();
    assert!(events.len() > 30, "{} events", events.len());
    drop(client);
    let mut past = Past { world, database, events, rows: Vec::new() };
    past.rows = past.rows().await;
    past
}

impl Past {
    async fn rows(&self) -> Vec<String> {
        let rows = self.world.sql().await.query(ROWS, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// A builder that has seen nothing, in front of tables in which nothing stands.
    async fn begin_again(&self) -> Builder {
        self.world.sql().await.batch_execute(FORGET).await.unwrap();
        let broker = Broker::new(&self.world.system.wiring.amqp_url).unwrap();
        let letters = Arc::new(DeadLetters::new(broker, Clock::default()));
        Builder::new(Arc::new(MarketProjection), self.database.clone(), letters)
    }

    /// Everything stands there as it did.
    async fn is_as_before(&self, builder: &Builder) {
        let all = i64::try_from(self.events.len()).unwrap();
        assert_eq!(builder.catch_up().await.unwrap(), all);
        assert_eq!(self.rows().await, self.rows);
        self.world.verify().await.unwrap();
    }
}

#[tokio::test]
async fn whatever_way_the_messages_come_the_same_is_read() {
    let past = given_past().await;
    let events = || past.events.iter();
    let twice: Vec<_> = events().flat_map(|event| [event, event]).collect();
    let holed: Vec<_> = events().filter(|event| event.position % 4 == 0).collect();
    let all_again: Vec<_> = events().chain(events()).collect();
    for way in [twice, all_again, events().rev().collect(), holed] {
        let builder = past.begin_again().await;
        for event in way {
            builder.advance(std::slice::from_ref(event)).await.unwrap();
        }
        past.is_as_before(&builder).await;
    }
    past.world.system.stop().await.unwrap();
}
