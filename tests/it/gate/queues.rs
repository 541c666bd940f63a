//! Queues that are deleted or unbound while everything runs: the broker tells nobody, and nothing
//! is lost.

use chrono::TimeDelta;
use serde_json::json;
use shared_events::topology::{
    EVALUATE_LINK_REQUESTS, GRANT_ACCESS_RIGHTS, LINKS_LOG, MARKET_LOG, PROJECT_LINK_NOTICES,
    PROJECT_LINKS, PROJECT_MARKET, PROJECT_MARKET_NOTICES, PROJECT_OUTING_NOTICES, PROJECT_OUTINGS,
    PROJECT_VENUE_NOTICES, PROJECT_VENUES, QUEUES, Queue, RECORD_VERDICTS, VENUES_LOG,
};

use crate::harness::eventually;
use crate::world::World;

/// What an operator may do to a queue by mistake.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    Deleted,
    Unbound,
}

/// After the mishap everything that is asked for is judged and projected, and a used link is a
/// right to buy.
async fn is_healed(queue: &Queue, mishap: Mishap) {
    let gate = World::with_test_clock().await;
    let user = gate.given_user("premium").await;
    let admin = gate.given_admin().await;
    // What is there before shows that everything was connected.
    gate.given_used_link().await;
    gate.list_ticket(&user, "Concert", 7.0).await.is(201);
    gate.given_price(&admin).await;
    let sale = gate.given_sale_behind_the_gate().await;
    let link = gate.given_open_link().await;
    gate.until_projected(MARKET_LOG).await;
    gate.until_projected(VENUES_LOG).await;
    let broker = gate.broker().await;
    match mishap {
        Mishap::Deleted => broker.delete(queue.name).await,
        Mishap::Unbound => broker.unbind(queue).await,
    }
    gate.buy(&link).await.is(200);
    for _ in 0..3 {
        gate.given_request(Some(&user)).await;
        gate.list_ticket(&user, "Concert", 7.0).await.is(201);
        gate.given_price(&admin).await;
    }
    let later = gate.now().await + TimeDelta::seconds(11);
    gate.move_clock_to(later).await;
    eventually("every request has its verdict", async || gate.waiting().await == 0).await;
    gate.until_projected(LINKS_LOG).await;
    gate.until_projected(MARKET_LOG).await;
    gate.until_projected(VENUES_LOG).await;
    let bound = async || gate.is_bound(queue).await;
    eventually("the queue is there again", bound).await;
    let buyer = link.owner.expect("an account's link");
    let behind = json!({ "quantity": 1, "request_id": link.id });
    gate.reserve_many(&buyer, &sale.id, &behind).await.is(200);
    gate.verify().await.unwrap();
    gate.system.stop().await.unwrap();
}

#[tokio::test]
async fn requests_survive_that_their_queue_is_deleted() {
    is_healed(&EVALUATE_LINK_REQUESTS, Mishap::Deleted).await;
}

#[tokio::test]
async fn requests_survive_that_their_queue_is_unbound() {
    is_healed(&EVALUATE_LINK_REQUESTS, Mishap::Unbound).await;
}

#[tokio::test]
async fn verdicts_survive_that_their_queue_is_deleted() {
    is_healed(&RECORD_VERDICTS, Mishap::Deleted).await;
}

#[tokio::test]
async fn verdicts_survive_that_their_queue_is_unbound() {
    is_healed(&RECORD_VERDICTS, Mishap::Unbound).await;
}

#[tokio::test]
async fn the_projection_survives_that_its_queue_is_deleted() {
    is_healed(&PROJECT_LINKS, Mishap::Deleted).await;
}

#[tokio::test]
async fn the_projection_survives_that_its_queue_is_unbound() {
    is_healed(&PROJECT_LINKS, Mishap::Unbound).await;
}

#[tokio::test]
async fn the_projection_of_the_market_survives_that_its_queue_is_deleted() {
    is_healed(&PROJECT_MARKET, Mishap::Deleted).await;
}

#[tokio::test]
async fn the_projection_of_the_market_survives_that_its_queue_is_unbound() {
    is_healed(&PROJECT_MARKET, Mishap::Unbound).await;
}

#[tokio::test]
async fn the_projection_of_the_venues_survives_that_its_queue_is_deleted() {
    is_healed(&PROJECT_VENUES, Mishap::Deleted).await;
}

#[tokio::test]
async fn the_projection_of_the_venues_survives_that_its_queue_is_unbound() {
    is_healed(&PROJECT_VENUES, Mishap::Unbound).await;
}

#[tokio::test]
async fn the_projection_of_the_outings_survives_that_its_queue_is_deleted() {
    is_healed(&PROJECT_OUTINGS, Mishap::Deleted).await;
}

#[tokio::test]
async fn the_notices_of_the_links_survive_that_their_queue_is_deleted() {
    is_healed(&PROJECT_LINK_NOTICES, Mishap::Deleted).await;
}

#[tokio::test]
async fn the_notices_of_the_market_survive_that_their_queue_is_deleted() {
    is_healed(&PROJECT_MARKET_NOTICES, Mishap::Deleted).await;
}

#[tokio::test]
async fn the_notices_of_the_venues_survive_that_their_queue_is_deleted() {
    is_healed(&PROJECT_VENUE_NOTICES, Mishap::Deleted).await;
}

#[tokio::test]
async fn the_notices_of_the_outings_survive_that_their_queue_is_deleted() {
    is_healed(&PROJECT_OUTING_NOTICES, Mishap::Deleted).await;
}

#[tokio::test]
async fn rights_to_buy_survive_that_their_queue_is_deleted() {
    is_healed(&GRANT_ACCESS_RIGHTS, Mishap::Deleted).await;
}

#[tokio::test]
async fn rights_to_buy_survive_that_their_queue_is_unbound() {
    is_healed(&GRANT_ACCESS_RIGHTS, Mishap::Unbound).await;
}

#[test]
fn no_queue_is_left_out_above() {
    let of_links = [EVALUATE_LINK_REQUESTS, RECORD_VERDICTS, PROJECT_LINKS];
    let of_notices = [
        PROJECT_LINK_NOTICES,
        PROJECT_MARKET_NOTICES,
        PROJECT_VENUE_NOTICES,
        PROJECT_OUTING_NOTICES,
    ];
    let of_others = [PROJECT_MARKET, PROJECT_VENUES, PROJECT_OUTINGS];
    let tested = [&of_links[..], &of_others, &of_notices, &[GRANT_ACCESS_RIGHTS]].concat();
    assert_eq!(QUEUES.to_vec(), tested);
}
