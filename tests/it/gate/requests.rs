//! Asking for a link, checking it and reading its history: who may, and what is answered.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::{Answer, Ask};

const UNKNOWN: &str = "Your request_id is invalid";
const NOT_READY: &str = "Your link is not ready yet please wait";

#[tokio::test]
async fn a_request_is_created_under_an_id_of_its_own() {
    let gate = World::shared();
    let user = gate.given_user("standard").await;
    let mut ids = Vec::new();
    for user in [Some(&user), Some(&user), None, None] {
        let made = gate.ask_for_link(user).await.is(201);
        let id = made.member("request_id");
        assert!(id.parse::<Uuid>().is_ok(), "{id}");
        let expected =
            json!({ "message": "Your request is created successfully", "request_id": id });
        assert_eq!(made.json, expected);
        ids.push(id);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4, "requests share an id");
}

#[tokio::test]
async fn post_asks_for_a_link_as_get_does() {
    let gate = World::shared();
    let user = gate.given_user("premium").await;
    let post = gate.post("/request_for_ticketing_link").bearer_auth(&user.token);
    let made = post.ask().await.is(201).says("Your request is created successfully");
    let id = made.member("request_id").parse().unwrap();
    let link = gate.issued(id, Some(user)).await;
    let path = format!("/buy_ticket/{}?request_id={id}", link.token);
    gate.post(&path).ask().await.is(200).says("Welcome to the Ticket Page");
    gate.buy(&link).await.problem(400, "link_used");
}

#[tokio::test]
async fn an_id_chosen_by_the_client_is_ignored() {
    let gate = World::shared();
    let mine = Uuid::new_v4();
    let made = gate.get(&format!("/request_for_ticketing_link?request_id={mine}")).ask().await;
    assert_ne!(made.is(201).member("request_id"), mine.to_string());
    gate.check(mine, None).await.problem(404, "link_request_unknown");
}

/// How it is judged, once it is: the answer of the history's second event.
async fn verdict(gate: &World, id: Uuid, user: Option<&crate::world::people::User>) -> Value {
    let history = async || gate.history(id, user).await.is(200).json;
    eventually("the request is judged", async || history().await.get(1).is_some()).await;
    history().await[1].clone()
}

#[tokio::test]
async fn the_tier_is_what_the_server_knows_of_the_account() {
    let gate = World::shared();
    for (role, rule) in
        [("premium", "instant"), ("standard", "10 minutes"), ("default", "start of the next day")]
    {
        let user = gate.given_user(role).await;
        let id = gate.given_request(Some(&user)).await;
        assert_eq!(verdict(gate, id, Some(&user)).await["rule"], rule, "{role}");
        // Asking as a guest does not inherit anything, nor does naming a tier.
        let guest = gate.get("/request_for_ticketing_link?role=premium&tier=premium").ask().await;
        let guest = guest.is(201).member("request_id").parse().unwrap();
        assert_eq!(verdict(gate, guest, None).await["rule"], "start of the next day");
    }
}

/// What stands for the time between the request and its verdict. In ten tries at least one has to
/// be waited for: without the wait none would be, because the answer of the rule service takes
/// longer than the next call.
#[tokio::test]
async fn who_checks_at_once_gets_a_premium_link_at_once() {
    let gate = World::shared();
    let user = gate.given_user("premium").await;
    let mut ready = 0;
    for _ in 0..10 {
        let id = gate.given_request(Some(&user)).await;
        let checked = gate.check(id, Some(&user)).await.is(200);
        ready += usize::from(checked.json["message"] == "Link Generated Successfully");
    }
    assert!(ready > 0, "nobody got a link with the first check");
}

#[tokio::test]
async fn an_open_link_leads_to_the_ticket_page_of_its_request() {
    let gate = World::shared();
    let link = gate.given_open_link().await;
    let checked = gate.check(link.id, link.owner.as_ref()).await.is(200);
    let (public, id) = (&gate.system.wiring.public_url, link.id);
    let url = format!("{public}/buy_ticket/{}?request_id={id}", link.token);
    assert_eq!(checked.json, json!({ "message": "Link Generated Successfully", "link": url }));
    assert_eq!(checked.header("cache-control"), "no-store");
    gate.http().get(url).ask().await.is(200).says("Welcome to the Ticket Page");
}

#[tokio::test]
async fn a_link_that_is_not_open_yet_says_when_it_will_be() {
    let gate = World::shared();
    let link = gate.given_issued_link("standard").await;
    let checked = gate.check(link.id, link.owner.as_ref()).await.is(200).says(NOT_READY);
    assert!(checked.json.get("link").is_none(), "{}", checked.text);
    let seconds = checked.json["retry_after_seconds"].as_u64().unwrap();
    assert!((540..=600).contains(&seconds), "{seconds}");
    assert_eq!(checked.header("retry-after"), seconds.to_string());
    let verdict = verdict(gate, link.id, link.owner.as_ref()).await;
    assert_eq!(checked.json["opens_at"], verdict["opens_at"]);
    assert!(!checked.text.contains(&link.token), "the token was given out too early");
}

#[tokio::test]
async fn an_accounts_request_is_unknown_to_everybody_else() {
    let gate = World::shared();
    let (owner, other) = (gate.given_user("standard").await, gate.given_user("standard").await);
    let id = gate.given_request(Some(&owner)).await;
    let nobodys = Uuid::now_v7();
    let unknown = gate.check(nobodys, Some(&other)).await;
    let unknown = unknown.problem(404, "link_request_unknown").says(UNKNOWN);
    for caller in [Some(&other), None] {
        assert_eq!(gate.check(id, caller).await.is(404).json, unknown.json);
        assert_eq!(gate.check(nobodys, caller).await.is(404).json, unknown.json);
        assert_eq!(gate.history(id, caller).await.is(404).json, unknown.json);
        assert_eq!(gate.history(nobodys, caller).await.is(404).json, unknown.json);
    }
    // Having been asked by others changed nothing: it is still judged as its owner's.
    assert_eq!(verdict(gate, id, Some(&owner)).await["rule"], "10 minutes");
    gate.check(id, Some(&owner)).await.is(200).says(NOT_READY);
}

#[tokio::test]
async fn a_guests_request_is_known_by_its_id_alone() {
    let gate = World::shared();
    let (one, another) = (gate.given_request(None).await, gate.given_request(None).await);
    let user = gate.given_user("premium").await;
    for caller in [None, Some(&user)] {
        for id in [one, another] {
            gate.check(id, caller).await.is(200).says(NOT_READY);
            gate.history(id, caller).await.is(200);
        }
    }
}

#[tokio::test]
async fn an_id_that_is_missing_or_none_is_refused() {
    let gate = World::shared();
    for path in ["/check_ticketing_link", "/check_ticketing_link?request_id="] {
        let refused = gate.get(path).ask().await.problem(400, "request_id_missing");
        refused.says("request_id is missing");
    }
    let refused = gate.get("/check_ticketing_link?request_id=7").ask().await;
    refused.problem(400, "malformed_parameter").says(UNKNOWN);
    gate.get("/link_requests/7/events").ask().await.problem(400, "malformed_parameter");
}

fn meanings(history: &Answer) -> Vec<String> {
    let entries = history.json.as_array().unwrap().iter();
    entries.map(|entry| entry["meaning"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_history_tells_what_happened_and_what_it_means_now() {
    let gate = World::shared();
    let link = gate.given_used_link().await;
    let history = gate.history(link.id, link.owner.as_ref()).await.is(200);
    let entries = history.json.as_array().unwrap();
    let events: Vec<_> = entries.iter().map(|entry| entry["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["Requested", "RuleEvaluated", "LinkIssued", "TicketBought"]);
    assert_eq!(history.header("etag"), "\"4\"");
    for (index, entry) in entries.iter().enumerate() {
        assert_eq!(entry["sequence"], index + 1);
        let recorded_at = entry["recorded_at"].as_str().unwrap();
        assert!(recorded_at.parse::<DateTime<Utc>>().is_ok(), "{entry}");
    }
    assert_eq!(entries[1]["rule"], "instant");
    assert!(entries[1]["rule_set_version"].as_str().unwrap().len() >= 8);
    assert!(entries[1]["opens_at"].is_string() && entries[1]["closes_at"].is_string());
    let meanings = meanings(&history);
    assert!(meanings[0].ends_with(" ago as premium"), "{meanings:?}");
    assert!(meanings[1].starts_with("open, closes in "), "{meanings:?}");
    assert!(meanings[3].ends_with(" ago, for good"), "{meanings:?}");
    assert!(!history.text.contains(&link.token), "a token in the history");
}

#[tokio::test]
async fn the_history_tells_in_words_how_long_to_wait() {
    let gate = World::shared();
    let link = gate.given_issued_link("standard").await;
    let history = gate.history(link.id, link.owner.as_ref()).await.is(200);
    assert_eq!(history.header("etag"), "\"3\"");
    let wait = &meanings(&history)[1];
    assert!(wait.starts_with("opens in 9 min ") || wait == "opens in 10 min", "{wait}");
}
