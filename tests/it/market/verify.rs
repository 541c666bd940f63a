//! `ticketing verify` of the market, with controls: each promise, broken behind the service's back,
//! is found.

use shared_events::topology::MARKET_LOG;
use uuid::Uuid;

use crate::world::World;

/// Appends, behind the service's back, one more event to a stream: like its last event of this
/// type, but of another type, about another order.
const FORGE: &str = "insert into events \
    select log, (select max(position) + 1 from events where log = e.log), \
        gen_random_uuid(), aggregate, aggregate_id, \
        (select max(sequence) + 1 from events where aggregate_id = $1), \
        $3, event_version, recorded_at, correlation, causation, traceparent, \
        payload || jsonb_build_object('type', $3::text, 'order_id', $4::text, \
            'payment_id', $4::text, 'reason', 'requested', 'withdraw', false) \
    from events e where aggregate_id = $1 and event_type = $2 limit 1";

#[tokio::test]
async fn control_a_market_that_breaks_a_promise_is_found() {
    let mut world = World::start(&[]).await;
    let (paid, payment) = world.given_paid_order().await;
    let unpaid = world.given_order().await;
    world.pay(&unpaid.deal.buyer, &unpaid.order, "tok_chargeDeclined").await.is(402);
    let declined = world.order(&unpaid.deal.buyer, &unpaid.order).await;
    let declined = declined["paymentId"].as_str().unwrap().to_owned();
    world.until_projected(MARKET_LOG).await;
    // Nobody may act on what is forged.
    world.system.ticketing.stop().await.unwrap();
    world.verify().await.unwrap();
    let sql = world.sql().await;
    let head = "select max(position) from events where log = 'market'";
    let head: i64 = sql.query_one(head, &[]).await.unwrap().get(0);
    let id = |text: &str| text.parse::<Uuid>().unwrap();
    let other = Uuid::new_v4().to_string();
    for (stream, like, forged, order, promise) in [
        (&paid.deal.ticket, "Sold", "Sold", &other, "a listing has one holder at a time"),
        (&unpaid.deal.ticket, "Listed", "Sold", &other, "a ticket is sold only to the order that"),
        (&paid.deal.ticket, "Sold", "Released", &paid.order, "a sold ticket is released only with"),
        (&paid.order, "Completed", "Completed", &other, "an order is completed at most once"),
        (&unpaid.order, "Placed", "Completed", &other, "every completed order has its ticket"),
        (&payment, "Captured", "Captured", &other, "no payment is taken twice"),
        (&declined, "Declined", "Captured", &other, "money taken less money given back"),
    ] {
        let forged = sql.execute(FORGE, &[&id(stream), &like, &forged, order]).await.unwrap();
        assert_eq!(forged, 1, "{promise}: nothing was forged");
        world.finds_wrong(promise).await;
        // Each is forged on a history in which nothing else is wrong.
        let undo = "delete from events where log = 'market' and position > $1";
        assert_eq!(sql.execute(undo, &[&head]).await.unwrap(), 1);
        world.verify().await.unwrap();
    }
    world.system.ticketing.start().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn control_a_row_of_the_market_that_does_not_follow_from_history_is_found() {
    let world = World::start(&[]).await;
    world.given_paid_order().await;
    world.until_projected(MARKET_LOG).await;
    world.verify().await.unwrap();
    for table in ["listings", "orders", "payments"] {
        let sql = world.sql().await;
        sql.batch_execute(&format!("update {table} set price_minor = 1")).await.unwrap();
        world.finds_wrong(table).await;
    }
    // The projection is built again from history.
    world.run(&["rebuild", "market"]).await.unwrap();
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}
