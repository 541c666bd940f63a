//! Queues that are deleted or unbound while everything runs: the broker tells nobody, and nothing
//! is lost.

use chrono::TimeDelta;
use serde_json::json;
use shared_events::topology::{
    EVALUATE_LINK_REQUESTS, LINKS_LOG, MARKET_LOG, OUTINGS_LOG, QUEUES, Queue, VENUES_LOG,
};

use crate::harness::eventually;
use crate::outings::given::{announcement, in_hours};
use crate::world::World;

/// What an operator may do to a queue by mistake.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    Deleted,
    Unbound,
}

/// After the mishap everything that is asked for is judged and projected, and a used link is a
/// right to buy. All of `queues` at once, so they must not wait for each other: what one is for
/// still happens while the others are away.
async fn are_healed(queues: &[Queue], mishap: Mishap) {
    let gate = World::with_test_clock().await;
    let user = gate.given_user("premium").await;
    let admin = gate.given_admin().await;
    // What is there before shows that everything was connected.
    gate.given_used_link().await;
    gate.list_ticket(&user, "Concert", 7.0).await.is(201);
    gate.given_price(&admin).await;
    let sale = gate.given_sale_behind_the_gate().await;
    let link = gate.given_open_link().await;
    // Each at a time of its own: nobody is at two outings at once.
    let apply = async |hours: i64| {
        let outing = gate.announce(&admin, &announcement(in_hours(hours), 1)).await.is(200);
        gate.book(&user, &outing.member("id")).await.is(200);
    };
    apply(24).await;
    gate.until_projected(MARKET_LOG).await;
    gate.until_projected(VENUES_LOG).await;
    gate.until_projected(OUTINGS_LOG).await;
    let broker = gate.broker().await;
    let mishaps = async {
        for queue in queues {
            match mishap {
                Mishap::Deleted => broker.delete(queue.name).await,
                Mishap::Unbound => broker.unbind(queue).await,
            }
        }
    };
    let used = async |hours: [i64; 3]| {
        for hours in hours {
            gate.given_request(Some(&user)).await;
            gate.list_ticket(&user, "Concert", 7.0).await.is(201);
            gate.given_price(&admin).await;
            apply(hours).await;
        }
    };
    // Also meanwhile: what was deleted first may be there again when the last one is gone.
    tokio::join!(mishaps, used([30, 36, 42]));
    gate.buy(&link).await.is(200);
    used([48, 54, 60]).await;
    let later = gate.now().await + TimeDelta::seconds(11);
    gate.move_clock_to(later).await;
    eventually("every request has its verdict", async || gate.waiting().await == 0).await;
    for log in [LINKS_LOG, MARKET_LOG, VENUES_LOG, OUTINGS_LOG] {
        gate.until_projected(log).await;
    }
    let announced = "select count(*) from announcements";
    eventually("all seven outings are listed", async || gate.count(announced).await == 7).await;
    let told = "select count(*) from outing_notices where kind = 'booking_applied'";
    let both = async || gate.count(told).await == 14;
    eventually("host and guest are told of every application", both).await;
    for queue in queues {
        let bound = async || gate.is_bound(queue).await;
        eventually(&format!("{} is there again", queue.name), bound).await;
    }
    let buyer = link.owner.expect("an account's link");
    let behind = json!({ "quantity": 1, "request_id": link.id });
    gate.reserve_many(&buyer, &sale.id, &behind).await.is(200);
    gate.verify().await.unwrap();
    gate.system.stop().await.unwrap();
}

/// All but that of the requests, without which nothing would be judged.
fn others() -> Vec<Queue> {
    let others = QUEUES.iter().filter(|queue| queue.name != EVALUATE_LINK_REQUESTS.name);
    others.cloned().collect()
}

#[tokio::test]
async fn requests_survive_that_their_queue_is_deleted() {
    are_healed(&[EVALUATE_LINK_REQUESTS], Mishap::Deleted).await;
}

#[tokio::test]
async fn requests_survive_that_their_queue_is_unbound() {
    are_healed(&[EVALUATE_LINK_REQUESTS], Mishap::Unbound).await;
}

#[tokio::test]
async fn verdicts_projections_and_rights_to_buy_survive_that_their_queues_are_deleted() {
    are_healed(&others(), Mishap::Deleted).await;
}

#[tokio::test]
async fn verdicts_projections_and_rights_to_buy_survive_that_their_queues_are_unbound() {
    are_healed(&others(), Mishap::Unbound).await;
}
