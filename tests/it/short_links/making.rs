//! Making short links: by whom, to where, and what their maker learns of them.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use ticketing::platform::clock::Clock;
use ticketing::short_links::ShortLinks;
use uuid::Uuid;

use crate::harness::Place;
use crate::market::given::now;
use crate::world::World;
use crate::world::answer::Ask;

#[tokio::test]
async fn a_short_link_leads_where_its_maker_wanted() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    let target = format!("{}/docs?a=b#c", world.system.url());
    let made = world.shorten(&user, &json!({ "url": target })).await.is(201);
    let short = made.member("url");
    let (begin, code) = short.rsplit_once("/s/").unwrap();
    assert!(code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{short}");
    assert!(begin.starts_with("http://localhost:"), "{short}");
    let there = world.visit(code).await.is(302);
    assert_eq!((there.header("location"), there.header("cache-control")), (&*target, "no-store"));
    let followed = reqwest::get(&short).await.unwrap();
    let (there, _) = target.split_once('#').unwrap();
    assert_eq!((followed.status().as_u16(), followed.url().as_str()), (200, there));
}

#[tokio::test]
async fn only_who_is_signed_in_makes_one() {
    let world = World::shared();
    let link = json!({ "url": world.system.url() });
    let refused = world.post("/api/v1/shortener").json(&link).ask().await;
    refused.problem(401, "unauthenticated");
}

/// Known fault of earlier implementations: any target was allowed.
#[tokio::test]
async fn known_fault_any_target_was_allowed() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    for (target, rule) in [
        ("https://evil.example/", "url: must lead to a host that is allowed here"),
        ("http://localhost.evil.example/", "url: must lead to a host that is allowed here"),
        ("http://localhost@evil.example/", "url: must not hold a username or a password"),
        ("http://localhost:80@evil.example/", "url: must not hold a username or a password"),
        ("http://evil.example\\@localhost/", "url: must be an http or https address"),
        ("javascript:alert(1)", "url: must be an http or https address"),
        ("//evil.example/", "url: must be an http or https address"),
        ("ftp://localhost/", "url: must be an http or https address"),
        ("", "url: must be an http or https address"),
    ] {
        let refused = world.shorten(&user, &json!({ "url": target })).await;
        assert_eq!(refused.problem(422, "invalid_fields").field_errors(), [rule], "{target}");
    }
    let missing = world.shorten(&user, &json!({})).await.problem(422, "invalid_fields");
    assert_eq!(missing.field_errors(), ["url: is required"]);
}

#[tokio::test]
async fn bounds_are_judged_together() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    let ends = ["expires_at: must be in the future, and within ten years"];
    for end in [now() - TimeDelta::seconds(1), now() + TimeDelta::days(4_000)] {
        let link = json!({ "url": "http://localhost/", "expires_at": end });
        let refused = world.shorten(&user, &link).await.problem(422, "invalid_fields");
        assert_eq!(refused.field_errors(), ends);
    }
    for visits in [0, -1, 1_000_000_001_i64] {
        let link = json!({ "url": "http://evil.example/", "visits": visits });
        let refused = world.shorten(&user, &link).await.problem(422, "invalid_fields");
        let rules =
            ["url: must lead to a host that is allowed here", "visits: must be 1 to 1000000000"];
        assert_eq!(refused.field_errors(), rules);
    }
}

#[tokio::test]
async fn an_account_has_a_thousand_links_and_one_more_when_it_deletes_one() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    let link = json!({ "url": "http://localhost/" });
    let code = world.given_short_link(&user, &link).await;
    let as_many = "insert into short_links (code, account_id, url, visits, created_at) \
                   select 'most' || lpad(n::text, 4, '0'), l.account_id, l.url, 0, l.created_at \
                   from short_links l, generate_series(1, 999) n where l.code = $1";
    assert_eq!(world.sql().await.execute(as_many, &[&code]).await.unwrap(), 999);
    world.shorten(&user, &link).await.problem(409, "too_many_links");
    let path = format!("/api/v1/shortener/{code}");
    world.by(&user, Method::DELETE, &path).ask().await.is(204);
    world.shorten(&user, &link).await.is(201);
    world.shorten(&user, &link).await.problem(409, "too_many_links");
}

#[tokio::test]
async fn a_repeat_with_the_same_key_is_the_same_link() {
    let world = World::shared();
    let (user, other) = (world.given_user("standard").await, world.given_user("standard").await);
    let key = Uuid::new_v4().to_string();
    let make = async |user, url: &str| {
        let request = world.by(user, Method::POST, "/api/v1/shortener");
        request.header("Idempotency-Key", &key).json(&json!({ "url": url })).ask().await
    };
    let first = make(&user, "http://localhost/a").await.is(201);
    let (again, at_once) =
        tokio::join!(make(&user, "http://localhost/a"), make(&user, "http://localhost/a"),);
    for repeat in [again, at_once] {
        // One of two at once may be told that the other is being worked on.
        assert!(repeat.status == 409 || repeat.json == first.json, "{}", repeat.text);
    }
    assert_eq!(make(&user, "http://localhost/a").await.is(201).json, first.json);
    make(&user, "http://localhost/b").await.problem(422, "idempotency_key_reused");
    assert_ne!(make(&other, "http://localhost/a").await.is(201).json, first.json);
}

#[tokio::test]
async fn its_maker_reads_the_visits_and_deletes_it_and_nobody_else_learns_of_it() {
    let world = World::shared();
    let (user, other) = (world.given_user("standard").await, world.given_user("standard").await);
    let end = (now() + TimeDelta::hours(1)).trunc_subsecs(6);
    let link = json!({ "url": "http://127.0.0.1:8000/x", "expires_at": end, "visits": 5 });
    let code = world.given_short_link(&user, &link).await;
    for _ in 0..2 {
        world.visit(&code).await.is(302);
    }
    let path = format!("/api/v1/shortener/{code}");
    let seen = world.by(&user, Method::GET, &path).ask().await.is(200);
    assert_eq!(
        (seen.member("code"), seen.member("url")),
        (code.clone(), "http://127.0.0.1:8000/x".into())
    );
    assert_eq!((&seen.json["visits"], &seen.json["visit_limit"]), (&json!(2), &json!(5)));
    assert_eq!(seen.member("expires_at").parse::<DateTime<Utc>>().unwrap(), end);
    assert!(seen.member("short_url").ends_with(&format!("/s/{code}")));
    for method in [Method::GET, Method::DELETE] {
        world.by(&other, method.clone(), &path).ask().await.problem(404, "not_found");
        world.request(method, &path).ask().await.problem(401, "unauthenticated");
    }
    world.by(&user, Method::DELETE, &path).ask().await.is(204);
    world.by(&user, Method::GET, &path).ask().await.problem(404, "not_found");
    world.visit(&code).await.problem(404, "not_found");
}

#[tokio::test]
async fn hosts_are_a_setting_and_making_is_limited() {
    let world = World::start(&[
        ("RATE_LIMITS", "on"),
        ("SHORT_LINKS_PER_MINUTE", "4"),
        ("SHORT_LINK_VISITS_PER_MINUTE", "2"),
        ("ALLOWED_LINK_HOSTS", "films.example,tickets.example:8443"),
    ])
    .await;
    let user = world.given_user("standard").await;
    let code = world.given_short_link(&user, &json!({ "url": "https://films.example/a" })).await;
    world
        .shorten(&user, &json!({ "url": "http://127.0.0.1/" }))
        .await
        .problem(422, "invalid_fields");
    // Its own host is always among them.
    let own = json!({ "url": "http://localhost:1/" });
    world.shorten(&user, &own).await.is(201);
    let limited = json!({ "url": "https://tickets.example:8443/" });
    world.shorten(&user, &limited).await.is(201);
    world.shorten(&user, &limited).await.problem(429, "rate_limited");
    for _ in 0..2 {
        world.visit(&code).await.is(302);
    }
    world.visit(&code).await.problem(429, "rate_limited");
    world.system.stop().await.unwrap();
}

/// What notices carry.
#[tokio::test]
async fn the_service_has_one_short_link_for_each_thing_as_long_as_it_asks_for_it() {
    let (_place, database) = Place::migrated().await;
    let clock = Clock::default();
    let links = ShortLinks::new(database.clone(), clock, "https://t.example", &[]).unwrap();
    let [seven, evil] = [Uuid::from_u128(7), Uuid::from_u128(8)];
    let long = "https://t.example/app/v1/booking/7".to_owned();
    let things = [(seven, long.clone()), (evil, "https://evil.example/".to_owned())];
    let lasts = TimeDelta::days(90);
    let asked = (0..8).map(|_| links.shorten_each(&things, lasts));
    let all = join_all(asked).await.into_iter().map(Result::unwrap).collect::<Vec<_>>();
    assert!(all.iter().all(|made| *made == all[0]), "{all:?}");
    assert_eq!(all[0].len(), 1, "by the same rules as for everybody");
    let code = all[0][&seven].strip_prefix("https://t.example/s/").unwrap().to_owned();
    let client = database.get().await.unwrap();
    let find = "select url, expires_at, xmin::text from short_links \
                where account_id is null and made_for = $1 and code = $2";
    let row = async || client.query_one(find, &[&seven, &code]).await.unwrap();
    let first = row().await;
    assert_eq!(first.get::<_, String>(0), long);
    // While it lasts nothing is written.
    links.shorten_each(&things, lasts).await.unwrap();
    assert_eq!(row().await.get::<_, String>(2), first.get::<_, String>(2));
    let soon = "update short_links set expires_at = now() + interval '1 day', \
                dead_from = now() + interval '1 day'";
    client.execute(soon, &[]).await.unwrap();
    assert_eq!(links.shorten_each(&things, lasts).await.unwrap(), all[0], "it goes on");
    assert!(row().await.get::<_, DateTime<Utc>>(1) > now() + TimeDelta::days(89));
}

#[tokio::test]
async fn a_link_is_deleted_only_as_its_maker_has_seen_it() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    let link = json!({ "url": "http://127.0.0.1:8000/x" });
    let code = world.given_short_link(&user, &link).await;
    let path = format!("/api/v1/shortener/{code}");
    let seen = async || {
        let read = world.by(&user, Method::GET, &path).ask().await.is(200);
        read.header("etag").to_owned()
    };
    let delete = async |tag: &str| {
        world.by(&user, Method::DELETE, &path).header("If-Match", tag).ask().await
    };
    let before = seen().await;
    world.visit(&code).await.is(302);
    for tag in [before.as_str(), "x"] {
        delete(tag).await.problem(412, "precondition_failed");
    }
    let now = seen().await;
    assert_ne!(now, before, "a visit changes it");
    delete(&now).await.is(204);
    delete(&now).await.problem(404, "not_found");
}
