//! `ticketing verify` of the venues, with controls: each promise, broken behind the service's back,
//! is found.

use shared_events::topology::VENUES_LOG;
use uuid::Uuid;

use crate::world::World;

/// Appends, behind the service's back, one more event to a stream: like its last event of this
/// type, but of another type, with some members changed.
const FORGE: &str = "insert into events select log, (select max(position) + 1 from events where log = e.log), \
    gen_random_uuid(), aggregate, aggregate_id, \
    (select max(sequence) + 1 from events where aggregate_id = $1 and aggregate = e.aggregate), $3, \
    event_version, recorded_at, correlation, causation, traceparent, \
    payload || jsonb_build_object('type', $3::text) || $4::text::jsonb \
    from events e where aggregate_id = $1 and event_type = $2 order by sequence desc limit 1";

#[tokio::test]
async fn control_venues_that_break_a_promise_are_found() {
    let world = World::start(&[]).await;
    let sale = world.given_sale(&[("A", 1, 6)]).await;
    let (bought, other) =
        (world.given_purchase(&sale, 1).await, world.given_purchase(&sale, 2).await);
    let held = world.given_user("standard").await;
    let given = world.given_money(&held, 7).await;
    world.reserve(&held, &sale.ticket("A", 1, 3)).await.is(200);
    world.reserve(&held, &sale.ticket("A", 1, 4)).await.is(200);
    world.until_projected(VENUES_LOG).await;
    world.verify().await.unwrap();
    let sql = world.sql().await;
    let hold = format!(r#"{{"hold_id": "{}", "buyer_id": "{}"}}"#, Uuid::new_v4(), Uuid::new_v4());
    let past = r#"{"until": "2020-01-01T00:00:00Z"}"#;
    let other_top_up = format!(r#"{{"top_up_id": "{}"}}"#, Uuid::new_v4());
    let other_buyer = format!(r#"{{"buyer_id": "{}"}}"#, Uuid::new_v4());
    let spent = r#"{"from": "wallet", "to": "sales", "amount_minor": 1000000, "cause": "none"}"#;
    for (stream, like, forged, more, promise) in [
        (sale.ticket("A", 1, 3), "Held", "Held", hold.as_str(), "a seat has one holder"),
        (bought.ticket.clone(), "Sold", "Sold", "{}", "a seat has one holder"),
        (sale.ticket("A", 1, 4), "Held", "Sold", past, "a seat is sold within the time"),
        (bought.wallet.clone(), "Posted", "Posted", spent, "no wallet was ever below zero"),
        (
            other.wallet.clone(),
            "Posted",
            "Posted",
            r#"{"to": "wallet", "from": "wallet"}"#,
            "a posting moves",
        ),
        (given.clone(), "Posted", "Posted", other_top_up.as_str(), "each top-up that was taken"),
        (
            other.purchase.clone(),
            "Made",
            "Made",
            other_buyer.as_str(),
            "a purchase is paid with its buyer's wallet",
        ),
        (other.purchase.clone(), "Made", "Refunded", "{}", "each refund has given back"),
        (
            other.purchase.clone(),
            "Made",
            "Made",
            r#"{"price_minor": 1}"#,
            "each purchase has its seats",
        ),
    ] {
        let id: Uuid = stream.parse().unwrap();
        let count = sql.execute(FORGE, &[&id, &like, &forged, &more]).await.unwrap();
        assert!(count > 0, "{promise}: nothing was forged");
        world.finds_wrong(promise).await;
    }
    world.system.stop().await.unwrap();
}

/// The same for what the read tables and the log as a whole have to fulfil.
#[tokio::test]
async fn control_sales_that_break_a_promise_are_found() {
    let world = World::start(&[]).await;
    let sale = world.given_sale(&[("A", 1, 2)]).await;
    world.given_purchase(&sale, 1).await;
    world.until_projected(VENUES_LOG).await;
    world.verify().await.unwrap();
    let sql = world.sql().await;
    let used = "insert into events select log, (select max(position) + 1 from events where log = e.log), \
        gen_random_uuid(), 'access_right', '00000000-0000-0000-0000-000000000001', \
        (select count(*) + 1 from events where aggregate = 'access_right'), 'Used', event_version, \
        recorded_at, correlation, causation, traceparent, payload from events e \
        where log = 'venues' order by position limit 1";
    let sold_again = "insert into tickets \
        select (jsonb_populate_record(t, jsonb_build_object('ticket_id', gen_random_uuid()))).* \
        from tickets t where status = 'confirmed'";
    let overlapping = "insert into fixtures \
        select (jsonb_populate_record(f, jsonb_build_object('fixture_id', gen_random_uuid()))).* \
        from fixtures f";
    let apart = "delete from fixtures where fixture_id not in (select fixture_id from tickets)";
    let reversed = "update fixtures set ends_at = starts_at - interval '1 hour'";
    let forwards = "update fixtures set ends_at = starts_at + interval '1 hour'";
    let sold_once = "delete from tickets t using tickets other where t.ticket_id < other.ticket_id \
        and t.seat_id = other.seat_id";
    let off_sale = "update tickets set on_sale = false";
    for (broken, mended, promise) in [
        (reversed, forwards, "each ends after it has begun"),
        (overlapping, apart, "matches of one stadium follow each other"),
        (sold_again, sold_once, "no place of a match is sold twice"),
        (off_sale, "select", "what is sold is on sale"),
    ] {
        sql.batch_execute(broken).await.unwrap();
        world.finds_wrong(promise).await;
        sql.batch_execute(mended).await.unwrap();
    }
    let promise = "an access link is bought with once";
    for times in [1, 2] {
        sql.batch_execute(used).await.unwrap();
        assert_eq!(world.is_wrong(promise).await, times == 2, "used {times} times");
    }
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn control_a_row_of_the_venues_that_does_not_follow_from_history_is_found() {
    let world = World::start(&[]).await;
    let sale = world.given_sale(&[("A", 1, 6)]).await;
    world.given_purchase(&sale, 1).await;
    world.until_projected(VENUES_LOG).await;
    world.verify().await.unwrap();
    for (table, change) in [
        ("stadiums", "name = 'x'"),
        ("stadium_seats", "section = 'x'"),
        ("tariffs", "price_minor = 1"),
        ("fixtures", "title = 'x'"),
        ("tickets", "price_minor = 1"),
        ("wallets", "balance_minor = 1"),
        ("ledger", "amount_minor = 1"),
        ("purchases", "total_minor = 1"),
    ] {
        let sql = world.sql().await;
        sql.batch_execute(&format!("update {table} set {change}")).await.unwrap();
        world.finds_wrong(table).await;
    }
    // The projection is built again from history.
    world.run(&["rebuild", "venues"]).await.unwrap();
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}
