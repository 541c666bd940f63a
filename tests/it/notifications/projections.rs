//! The tables of notices and of outings: each event once, whatever way the messages come. Built
//! again, notices are what they were, and what became of them stays; that their queues are lost
//! leaves nothing untold.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::json;
use shared_events::topology::{
    PROJECT_LINK_NOTICES, PROJECT_MARKET_NOTICES, PROJECT_OUTING_NOTICES, PROJECT_VENUE_NOTICES,
};
use ticketing::notifications::{LinkNotices, MarketNotices, OutingNotices, VenueNotices};
use ticketing::outings::projection::OutingsProjection;
use ticketing::platform::broker::Broker;
use ticketing::platform::clock::Clock;
use ticketing::platform::dead_letters::DeadLetters;
use ticketing::platform::event_store::{READ_LOG, read_log};
use ticketing::platform::projections::{Builder, Projection};

use super::given::WithMail;
use crate::harness::{database, eventually};
use crate::world::World;

#[tokio::test]
async fn what_was_sent_read_and_bounced_stays_so_when_its_notices_are_built_again() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let nobody = mail.given_told("nobody-").await;
    mail.until_delivery_is(&nobody, "bounced").await;
    let bounced = mail.deliveries(&nobody).await;
    let reader = world.given_reader("reader-").await;
    let expiring = world.given_expiring_order(&reader).await;
    world.move_clock_to(expiring.told_at).await;
    mail.until_mails(&reader, 1).await;
    let read = world.mark(&reader, &world.told(&reader).await[0]).await.is(200).json;
    assert!(read["read_at"].is_string(), "{read}");
    let outing = world.given_outing_in(TimeDelta::days(5)).await;
    let (guest, _) = world.given_guest(&outing).await;
    let sent = mail.until_mails(&guest, 2).await.len();
    for table in ["link_notices", "market_notices", "venue_notices", "outing_notices"] {
        world.run(&["rebuild", table]).await.unwrap();
    }
    let again = world.given_expiring_order(&reader).await;
    world.move_clock_to(again.told_at).await;
    mail.until_mails(&reader, 2).await;
    mail.until_mails(&guest, sent).await;
    assert_eq!(world.told(&reader).await[1..], [read], "the same notice, read when it was");
    mail.tell(&nobody).await;
    mail.until_delivery_is(&nobody, "off").await;
    let spared = ("off".to_owned(), Some("bounced_before".to_owned()));
    assert_eq!(mail.deliveries(&nobody).await, [bounced, vec![spared]].concat());
    mail.until_mails(&nobody, 0).await;
    world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn what_happens_while_the_queues_of_the_notices_are_gone_is_told_all_the_same() {
    let world = World::start(&[]).await;
    // What is told before shows that everything was connected.
    for (user, kinds) in world.given_news().await {
        world.until_told(&user, kinds).await;
    }
    let queues = [
        PROJECT_LINK_NOTICES,
        PROJECT_MARKET_NOTICES,
        PROJECT_VENUE_NOTICES,
        PROJECT_OUTING_NOTICES,
    ];
    let broker = world.broker().await;
    for queue in &queues {
        broker.delete(queue.name).await;
    }
    for (user, kinds) in world.given_news().await {
        world.until_told(&user, kinds).await;
    }
    for queue in &queues {
        let bound = async || world.is_bound(queue).await;
        eventually(&format!("{} is there again", queue.name), bound).await;
    }
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

/// A system in which something has happened of all that is projected here, and that takes nothing
/// more.
async fn given_past() -> World {
    let mut world = World::with_test_clock().await;
    let over = world.given_short_outing(1).await;
    let (rater, _) = world.given_guest(&over).await;
    world.move_clock_to(over.short_end()).await;
    world.rate(&rater, &over.id, &json!({ "score": 4 })).await.is(200);
    world.given_news().await;
    world.given_issued_link("standard").await;
    world.given_order().await;
    let outing = world.given_outing_in(TimeDelta::days(5)).await;
    world.given_guest(&outing).await;
    let moved = json!({ "title": "Moved", "event_time": outing.start + TimeDelta::days(1) });
    world.change(&outing.host, &outing.id, &moved).await.is(200);
    world.system.ticketing.stop().await.unwrap();
    world
}

/// What stands in the tables of a projection; in none of them nothing.
async fn rows(world: &World, projection: &dyn Projection) -> Vec<String> {
    let sql = world.sql().await;
    let mut all = Vec::new();
    for table in projection.tables() {
        let query = format!("select to_jsonb(t)::text from {table} t order by 1");
        let rows = sql.query(&query, &[]).await.unwrap();
        assert!(!rows.is_empty(), "{table} is empty");
        all.extend(rows.iter().map(|row| format!("{table} {}", row.get::<_, String>(0))));
    }
    all
}

#[tokio::test]
async fn whatever_way_the_messages_come_the_same_is_told() {
    let world = given_past().await;
    let database = database(&world.system.wiring.database_url);
    let projections: [Arc<dyn Projection>; 5] = [
        Arc::new(LinkNotices),
        Arc::new(MarketNotices),
        Arc::new(VenueNotices),
        Arc::new(OutingNotices),
        Arc::new(OutingsProjection),
    ];
    for projection in projections {
        let events = {
            let client = database.get().await.unwrap();
            let statement = client.prepare(READ_LOG).await.unwrap();
            read_log(&**client, &statement, projection.log(), 0, 1_000).await.unwrap()
        };
        let head = events.last().unwrap().position;
        let begin = || {
            let broker = Broker::new(&world.system.wiring.amqp_url).unwrap();
            let letters = Arc::new(DeadLetters::new(broker, Clock::default()));
            Builder::new(projection.clone(), database.clone(), letters)
        };
        // Whoever stopped may have left something.
        assert_eq!(begin().catch_up().await.unwrap(), head);
        let before = rows(&world, &*projection).await;
        let twice: Vec<_> = events.iter().flat_map(|event| [event, event]).collect();
        let holed: Vec<_> = events.iter().filter(|event| event.position % 3 == 0).collect();
        for way in [twice, events.iter().rev().collect(), holed] {
            let (tables, name) = (projection.tables().join(", "), projection.name());
            let forget =
                format!("truncate {tables}; delete from checkpoints where projection = '{name}'");
            world.sql().await.batch_execute(&forget).await.unwrap();
            let builder = begin();
            for event in way {
                builder.advance(std::slice::from_ref(event)).await.unwrap();
            }
            assert_eq!(builder.catch_up().await.unwrap(), head);
            assert_eq!(rows(&world, &*projection).await, before, "{name}");
        }
    }
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}
