//! `ticketing verify` of notifications, with controls: each promise, broken behind the service's
//! back, is found. And what stands in the tables of notices: nobody's name, nothing anybody wrote.

use chrono::TimeDelta;

use super::given::{NOTICES, WithMail};
use crate::world::World;

/// `ticketing verify` finds exactly this to be wrong, each on a line of its own.
async fn is_found(world: &World, wrong: &[&str]) {
    let found = world.wrong().await;
    assert_eq!(found.len(), wrong.len(), "not {wrong:?}: {found:#?}");
    for one in wrong {
        assert!(found.iter().any(|line| line.contains(one)), "{one} is not found: {found:#?}");
    }
}

#[tokio::test]
async fn control_a_notice_that_does_not_follow_from_history_is_found() {
    let world = World::start(&[]).await;
    world.given_news().await;
    world.until_all_projected().await;
    world.verify().await.unwrap();
    let later = "due_at = due_at + interval '1 hour'";
    for (projection, table, change) in [
        ("link_notices", "link_notices", later),
        ("market_notices", "market_notices", later),
        ("venue_notices", "venue_notices", later),
        ("venue_notices", "ticket_holders", "buyer = gen_random_uuid()"),
        ("outing_notices", "outing_notices", later),
        ("outing_notices", "outing_plans", "starts_at = starts_at + interval '1 hour'"),
        ("outing_notices", "outing_guests", "host_says = false"),
    ] {
        let spoil = format!("update {table} set {change}");
        assert!(world.sql().await.execute(&spoil, &[]).await.unwrap() > 0, "{table} is empty");
        is_found(&world, &[&format!("{table} equals its history")]).await;
        world.run(&["rebuild", projection]).await.unwrap();
        world.verify().await.unwrap();
    }
    world.system.stop().await.unwrap();
}

/// A delivery, but for where it comes from.
const DELIVER: &str = "insert into deliveries \
    (notice, channel, person, state, attempts, next_at, settled_at)";
/// Tells somebody once more of what they were told.
const TWICE: &str = "insert into market_notices \
    select gen_random_uuid(), person, kind, cause, about, due_at, until, withdrawn_at, details \
    from market_notices limit 1;";

#[tokio::test]
async fn control_a_delivery_that_breaks_a_promise_is_found() {
    let world = World::start(&[]).await;
    let (paid, payment) = world.given_paid_order().await;
    world.refund(&paid.deal.seller, &payment, "").await.is(200);
    world.until_all_projected().await;
    world.verify().await.unwrap();
    let nobodys = "select gen_random_uuid(), 'product', id, 'read', 0, now(), null \
                   from accounts limit 1";
    let others = "select n.id, 'product', a.id, 'read', 0, now(), null \
                  from market_notices n join accounts a on a.id <> n.person limit 1";
    let without_time = "select id, 'email', person, 'sent', 1, now(), null \
                        from market_notices limit 1";
    let too_early = "select id, 'email', person, 'waiting', 1, now(), now() \
                     from market_notices limit 1";
    let all = "select id, 'email', person, 'sent', 1, now(), now() from market_notices";
    let (table, once) = ("market_notices equals its history", "a person is told once");
    for (spoil, wrong) in [
        (format!("{DELIVER} {nobodys}"), &["nothing is delivered without its notice"][..]),
        (format!("{DELIVER} {others}"), &["nor to anybody else"]),
        (format!("{DELIVER} {without_time}"), &["what is settled has a time"]),
        (format!("{DELIVER} {too_early}"), &["and nothing else has"]),
        (TWICE.to_owned(), &[table, once]),
        (
            format!("{TWICE} {DELIVER} {all}"),
            &[table, once, "a notice has one delivery by each channel"],
        ),
    ] {
        let sql = world.sql().await;
        sql.batch_execute(&spoil).await.unwrap();
        is_found(&world, wrong).await;
        // Each is found in a system in which nothing else is wrong.
        sql.execute("delete from deliveries", &[]).await.unwrap();
        world.run(&["rebuild", "market_notices"]).await.unwrap();
        world.verify().await.unwrap();
    }
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
