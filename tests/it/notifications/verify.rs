//! `ticketing verify` of notifications, with controls: each promise, broken behind the service's
//! back, is found. And what stands in the tables of notices: nobody's name, nothing anybody wrote.

use chrono::TimeDelta;
use uuid::Uuid;

use super::given::{NOTICES, WithMail};
use crate::world::World;

#[tokio::test]
async fn control_a_notice_that_does_not_follow_from_history_is_found() {
    let world = World::start(&[]).await;
    let (paid, payment) = world.given_paid_order().await;
    world.refund(&paid.deal.seller, &payment, "").await.is(200);
    world.given_open_link().await;
    world.until_all_projected().await;
    world.verify().await.unwrap();
    for table in ["link_notices", "market_notices"] {
        let sql = world.sql().await;
        let spoil = format!("update {table} set due_at = due_at + interval '1 hour'");
        assert!(sql.execute(&spoil, &[]).await.unwrap() > 0);
        let found = world.verify().await.unwrap_err();
        let fails = |line: &str| line.starts_with("FAIL") && line.contains(table);
        assert!(found.lines().any(fails), "{found}");
        world.run(&["rebuild", table]).await.unwrap();
        world.verify().await.unwrap();
    }
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn control_a_delivery_that_breaks_a_promise_is_found() {
    let world = World::start(&[]).await;
    let (paid, payment) = world.given_paid_order().await;
    world.refund(&paid.deal.seller, &payment, "").await.is(200);
    world.until_all_projected().await;
    world.verify().await.unwrap();
    let sql = world.sql().await;
    let fails = async |promise: &str| {
        let found = world.verify().await.unwrap_err();
        let fails = |line: &str| line.starts_with("FAIL") && line.contains(promise);
        assert!(found.lines().any(fails), "{promise} is not found:\n{found}");
    };
    let nobodys = "insert into deliveries (notice, channel, person, state, attempts, next_at) \
                   select $1, 'product', id, 'read', 0, now() from accounts limit 1";
    sql.execute(nobodys, &[&Uuid::new_v4()]).await.unwrap();
    fails("nothing is delivered without its notice").await;
    sql.execute("delete from deliveries", &[]).await.unwrap();
    let unsettled = "insert into deliveries (notice, channel, person, state, attempts, next_at) \
                     select id, 'email', person, 'sent', 1, now() from market_notices limit 1";
    sql.execute(unsettled, &[]).await.unwrap();
    fails("what is settled has a time").await;
    sql.execute("delete from deliveries", &[]).await.unwrap();
    let twice = "insert into market_notices \
                 select gen_random_uuid(), person, kind, cause, about, due_at, until, withdrawn_at, \
                     details from market_notices limit 1";
    sql.execute(twice, &[]).await.unwrap();
    fails("a person is told once").await;
    let both = "insert into deliveries \
                    (notice, channel, person, state, attempts, next_at, settled_at) \
                select id, 'email', person, 'sent', 1, now(), now() from market_notices";
    sql.execute(both, &[]).await.unwrap();
    fails("a notice has one delivery by each channel").await;
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn no_name_and_nothing_that_people_wrote_stands_in_the_tables_of_notices() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let reader = world.given_reader("canary-").await;
    let expiring = world.given_expiring_order(&reader).await;
    world.move_clock_to(expiring.told_at).await;
    mail.until_mails(&reader, 1).await;
    let outing = world.given_outing_in(TimeDelta::days(3)).await;
    world.given_guest(&outing).await;
    world.until_all_projected().await;
    let sql = world.sql().await;
    let mut tables = String::new();
    for table in [NOTICES, "outing_plans", "outing_guests", "ticket_holders", "deliveries"] {
        let query = format!("select coalesce(string_agg(t::text, ' '), '') from {table} t");
        tables.push_str(sql.query_one(&query, &[]).await.unwrap().get(0));
    }
    assert!(tables.contains(&expiring.id), "the tables were not read");
    for canary in [
        &reader.email,
        &reader.username,
        &outing.host.email,
        &outing.host.username,
        "Concert, row 7",
        "On a big screen",
        "We meet at the box",
        "Cinema Mir",
    ] {
        assert!(!tables.contains(canary), "{canary} stands in the tables");
    }
    assert!(!world.logs().contains("canary-"), "an address stands in the logs");
    mail.world.system.stop().await.unwrap();
}
