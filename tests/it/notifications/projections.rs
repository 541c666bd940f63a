//! The tables of notices: each event once, whatever way the messages come; built again, nothing is
//! sent again; and they survive the loss of their queues.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::json;
use shared_events::topology::{MARKET_LOG, OUTINGS_LOG};
use ticketing::notifications::{MarketNotices, OutingNotices};
use ticketing::platform::broker::Broker;
use ticketing::platform::clock::Clock;
use ticketing::platform::dead_letters::DeadLetters;
use ticketing::platform::event_store::{READ_LOG, read_log};
use ticketing::platform::projections::{Builder, Projection};

use super::given::WithMail;
use crate::harness::database;

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
async fn whatever_way_the_messages_come_the_same_is_told() {
    let mut mail = WithMail::start().await;
    let world = &mut mail.world;
    let (paid, payment) = world.given_paid_order().await;
    world.refund(&paid.deal.seller, &payment, "").await.is(200);
    world.given_order().await;
    let outing = world.given_outing_in(TimeDelta::days(5)).await;
    world.given_guest(&outing).await;
    let moved = json!({ "title": "Moved", "event_time": outing.start + TimeDelta::days(1) });
    world.change(&outing.host, &outing.id, &moved).await.is(200);
    world.until_all_projected().await;
    world.system.ticketing.stop().await.unwrap();
    let database = database(&world.system.wiring.database_url);
    let projections: [(Arc<dyn Projection>, &str, &str); 2] = [
        (Arc::new(MarketNotices), MARKET_LOG, "market_notices"),
        (Arc::new(OutingNotices), OUTINGS_LOG, "outing_notices, outing_plans, outing_guests"),
    ];
    for (projection, log, tables) in projections {
        let events = {
            let client = database.get().await.unwrap();
            let statement = client.prepare(READ_LOG).await.unwrap();
            read_log(&**client, &statement, log, 0, 1_000).await.unwrap()
        };
        let name = projection.name();
        let rows = format!("select string_agg(to_jsonb(t)::text, '|' order by id) from {name} t");
        let read =
            async || -> String { world.sql().await.query_one(&rows, &[]).await.unwrap().get(0) };
        let before = read().await;
        let twice: Vec<_> = events.iter().flat_map(|event| [event, event]).collect();
        let holed: Vec<_> = events.iter().filter(|event| event.position % 3 == 0).collect();
        for way in [twice, events.iter().rev().collect(), holed] {
            let forget =
                format!("truncate {tables}; delete from checkpoints where projection = '{name}'");
            world.sql().await.batch_execute(&forget).await.unwrap();
            let broker = Broker::new(&world.system.wiring.amqp_url).unwrap();
            let letters = Arc::new(DeadLetters::new(broker, Clock::default()));
            let builder = Builder::new(projection.clone(), database.clone(), letters);
            for event in way {
                builder.advance(std::slice::from_ref(event)).await.unwrap();
            }
            builder.catch_up().await.unwrap();
            assert_eq!(read().await, before);
        }
    }
    world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}
