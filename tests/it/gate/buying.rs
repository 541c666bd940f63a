//! Using a link: once and for good, with its own token, never ahead of its use; each refusal in its
//! order and words.

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use reqwest::Method;
use uuid::Uuid;

use crate::world::World;
use crate::world::answer::{Answer, Ask};

/// How browsers say that they fetch ahead.
const PREFETCHES: [(&str, &str); 4] = [
    ("Sec-Purpose", "prefetch"),
    ("Sec-Purpose", "prefetch;prerender"),
    ("Purpose", "prefetch"),
    ("X-Moz", "prefetch"),
];

#[tokio::test]
async fn a_link_works_once_and_no_check_arms_it_again() {
    let gate = World::shared();
    let link = gate.given_open_link().await;
    let owner = link.owner.as_ref();
    gate.check(link.id, owner).await.is(200).says("Link Generated Successfully");
    gate.check(link.id, owner).await.is(200).says("Link Generated Successfully");
    gate.buy(&link).await.is(200).says("Welcome to the Ticket Page");
    for _ in 0..3 {
        let gone = gate.check(link.id, owner).await.problem(410, "link_gone");
        gone.says("Your link was used; it works once");
        gate.buy(&link).await.problem(400, "link_used").says("Your link is Invalid");
    }
}

#[tokio::test]
async fn of_a_hundred_parallel_uses_exactly_one_succeeds() {
    let gate = World::shared();
    let link = gate.given_open_link().await;
    let uses = join_all((0..100).map(|_| gate.buy(&link))).await;
    let succeeded = uses.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(succeeded, 1, "{:?}", uses.iter().map(|a| a.status).collect::<Vec<_>>());
    for refused in uses.iter().filter(|answer| answer.status != 200) {
        assert!([400, 409].contains(&refused.status), "{}", refused.text);
    }
    let bought = gate.events_of(link.id).await.into_iter().filter(|event| event == "TicketBought");
    assert_eq!(bought.count(), 1);
}

#[tokio::test]
async fn looking_ahead_uses_no_link() {
    let gate = World::shared();
    let link = gate.given_open_link().await;
    let path = format!("/buy_ticket/{}?request_id={}", link.token, link.id);
    let head = gate.request(Method::HEAD, &path).ask().await.is(200);
    assert_eq!(head.text, "");
    for (name, value) in PREFETCHES {
        let refused = gate.get(&path).header(name, value).ask().await;
        let refused = refused.problem(503, "prefetch_refused");
        assert_eq!(refused.header("cache-control"), "no-store");
    }
    assert_eq!(gate.events_of(link.id).await.last().unwrap(), "LinkIssued");
    gate.buy(&link).await.is(200);
}

#[tokio::test]
async fn looking_ahead_creates_no_request() {
    let gate = World::shared();
    let user = gate.given_user("standard").await;
    let path = "/request_for_ticketing_link";
    let requests = async || {
        let query = "select count(*) from events e join accounts a on strpos(e.payload::text, a.id::text) > 0 \
                     where e.event_type = 'Requested' and a.username = $1";
        let row = gate.sql().await.query_one(query, &[&user.username]).await.unwrap();
        row.get::<_, i64>(0)
    };
    let head = gate.request(Method::HEAD, path).bearer_auth(&user.token).ask().await.is(200);
    assert_eq!(head.text, "");
    for (name, value) in PREFETCHES {
        let ahead = gate.get(path).bearer_auth(&user.token).header(name, value).ask().await;
        ahead.problem(503, "prefetch_refused");
    }
    assert_eq!(requests().await, 0);
    gate.given_request(Some(&user)).await;
    assert_eq!(requests().await, 1, "the question does not find requests");
}

#[tokio::test]
async fn the_token_names_its_request() {
    let gate = World::shared();
    let link = gate.given_open_link().await;
    let without_id = gate.get(&format!("/buy_ticket/{}", link.token)).ask().await;
    without_id.is(200).says("Welcome to the Ticket Page");
    let again = gate.get(&format!("/buy_ticket/{}?request_id=", link.token)).ask().await;
    again.problem(400, "link_used").says("Your link is Invalid");
}

#[tokio::test]
async fn an_unknown_request_is_told_before_anything_else() {
    let gate = World::shared();
    let link = gate.given_open_link().await;
    for token in [link.token.as_str(), "garbage"] {
        let refused = gate.buy_with(token, Uuid::now_v7()).await;
        refused.problem(404, "link_request_unknown").says("Your request_id is invalid");
    }
    gate.buy(&link).await.is(200);
}

#[tokio::test]
async fn a_token_of_another_request_or_not_ours_is_wrong() {
    let gate = World::shared();
    let (link, other) = (gate.given_open_link().await, gate.given_open_link().await);
    let user = link.owner.as_ref().unwrap();
    let (head, signature) = other.token.rsplit_once('.').unwrap();
    let (_, own_signature) = link.token.rsplit_once('.').unwrap();
    assert_ne!(signature, own_signature);
    let forged = format!("{head}.{own_signature}");
    for token in [other.token.as_str(), "garbage", "a.b.c", &forged, &user.token] {
        let refused = gate.buy_with(token, link.id).await;
        refused.problem(400, "link_wrong").says("Your link is Wrong");
    }
    for path in ["/buy_ticket/garbage", &format!("/buy_ticket/{}", user.token)] {
        gate.get(path).ask().await.problem(400, "link_wrong").says("Your link is Wrong");
    }
    gate.buy(&link).await.is(200);
    gate.buy(&other).await.is(200);
    // Wrong goes before used.
    let refused = gate.buy_with(&other.token, link.id).await;
    refused.problem(400, "link_wrong").says("Your link is Wrong");
}

/// When the link opens, as an answer has it.
fn time(answer: &Answer) -> DateTime<Utc> {
    answer.member("opens_at").parse().expect("a time")
}

#[tokio::test]
async fn before_it_opens_no_token_is_looked_at() {
    let gate = World::shared();
    let link = gate.given_issued_link("standard").await;
    let other = gate.given_open_link().await;
    let checked = gate.check(link.id, link.owner.as_ref()).await.is(200);
    for token in [link.token.as_str(), other.token.as_str(), "garbage"] {
        let early = gate.buy_with(token, link.id).await.problem(425, "link_not_yet_open");
        assert_eq!(time(&early), time(&checked));
        let seconds: u64 = early.header("retry-after").parse().unwrap();
        assert!((540..=600).contains(&seconds), "{seconds}");
        let words = early.member("message");
        let start = "Your link is not ready yet please wait: it opens in ";
        let wait = words.strip_prefix(start).unwrap_or_else(|| panic!("{words}"));
        assert!(wait.starts_with("9 min ") || wait == "10 min", "{words}");
    }
    assert_eq!(gate.events_of(link.id).await.last().unwrap(), "LinkIssued");
}

#[tokio::test]
async fn a_time_is_spelled_alike_in_every_answer() {
    let gate = World::shared();
    let link = gate.given_issued_link("standard").await;
    let checked = gate.check(link.id, link.owner.as_ref()).await.is(200);
    let early = gate.buy(&link).await.problem(425, "link_not_yet_open");
    assert_eq!(checked.member("opens_at"), early.member("opens_at"));
}

#[tokio::test]
async fn a_link_needs_no_login_and_minds_none() {
    let gate = World::shared();
    let link = gate.given_open_link().await;
    let path = format!("/buy_ticket/{}?request_id={}", link.token, link.id);
    gate.get(&path).bearer_auth("garbage").ask().await.is(200);
}
