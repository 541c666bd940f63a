//! Visiting short links: each visit counts once, never more than are allowed, none that is none.

use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::Ask;

/// Known fault of earlier implementations: an unknown id was a 500.
#[tokio::test]
async fn known_fault_an_unknown_short_link_was_a_500() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    for code in ["00000000", "short", "longer-than-a-code", "%00", "1234567é", "'%20or%201=1"] {
        world.visit(code).await.problem(404, "not_found");
        for method in [Method::GET, Method::DELETE] {
            let path = format!("/api/v1/shortener/{code}");
            world.by(&user, method, &path).ask().await.problem(404, "not_found");
        }
    }
}

#[tokio::test]
async fn a_limit_of_visits_is_never_passed_by_many_at_once() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    let link = json!({ "url": "http://localhost/", "visits": 5 });
    let code = world.given_short_link(&user, &link).await;
    let visits = join_all((0..40).map(|_| world.visit(&code))).await;
    assert_eq!(visits.iter().filter(|visit| visit.status == 302).count(), 5);
    for late in visits.into_iter().filter(|visit| visit.status != 302) {
        late.problem(410, "short_link_gone");
    }
    world.visit(&code).await.problem(410, "short_link_gone");
    let path = format!("/api/v1/shortener/{code}");
    assert_eq!(world.by(&user, Method::GET, &path).ask().await.is(200).json["visits"], 5);
}

#[tokio::test]
async fn what_only_looks_ahead_is_no_visit() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    let link = json!({ "url": "http://localhost/", "visits": 1 });
    let code = world.given_short_link(&user, &link).await;
    let path = format!("/s/{code}");
    for _ in 0..3 {
        world.request(Method::HEAD, &path).ask().await.is(200);
        let ahead = world.get(&path).header("sec-purpose", "prefetch").ask().await;
        ahead.problem(503, "prefetch_refused");
    }
    world.visit(&code).await.is(302);
    world.visit(&code).await.problem(410, "short_link_gone");
}

/// From the instant of its expiry on, and for thirty days; then nobody knows it any more.
#[tokio::test]
async fn an_expired_link_is_gone_and_later_forgotten() {
    let mut world = World::with_test_clock().await;
    let user = world.given_user("standard").await;
    let end = world.now().await + TimeDelta::hours(1);
    let link = json!({ "url": "http://localhost/", "expires_at": end });
    let (expiring, endless) = (
        world.given_short_link(&user, &link).await,
        world.given_short_link(&user, &json!({ "url": "http://localhost/" })).await,
    );
    let once = json!({ "url": "http://localhost/", "visits": 1 });
    let once = world.given_short_link(&user, &once).await;
    world.visit(&expiring).await.is(302);
    world.visit(&once).await.is(302);
    world.move_clock_to(end).await;
    for dead in [&expiring, &once] {
        world.visit(dead).await.problem(410, "short_link_gone");
    }
    world.move_clock_to(end + TimeDelta::days(29)).await;
    world.visit(&expiring).await.problem(410, "short_link_gone");
    world.move_clock_to(end + TimeDelta::days(30) + TimeDelta::seconds(1)).await;
    // Housekeeping begins with the service.
    world.system.ticketing.kill().await.unwrap();
    world.system.ticketing.start().await.unwrap();
    for dead in [&expiring, &once] {
        let forgotten = async || world.visit(dead).await.status == 404;
        eventually("it is forgotten", forgotten).await;
    }
    world.visit(&endless).await.is(302);
    world.system.stop().await.unwrap();
}
