//! Messages that can not be processed become dead letters with their reason and without their
//! secrets; their neighbours pass, and the consumer lives on.

use chrono::{TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use shared_events::topology::{
    LINKS_EVENTS, PROJECT_LINKS, RECORD_VERDICTS, RULES_VERDICTS, header as name,
};
use shared_events::verdict::{LINK_TOKEN_AUDIENCE, LINK_TOKEN_ISSUER, LINK_TOKEN_TYPE};
use std::sync::Mutex;
use uuid::Uuid;

use super::tokens::foreign_key;
use crate::harness::eventually;
use crate::world::World;
use crate::world::inside::{Broker, header};

/// A complete verdict on this request, its token signed by a key that `ticketing` does not know.
fn forged(id: Uuid, key: &EncodingKey) -> Value {
    let header = Header {
        typ: Some(LINK_TOKEN_TYPE.to_owned()),
        kid: Some("forged".to_owned()),
        ..Header::new(Algorithm::ES256)
    };
    let claims = json!({
        "iss": LINK_TOKEN_ISSUER, "aud": LINK_TOKEN_AUDIENCE, "sub": id, "jti": Uuid::new_v4(),
        "nbf": 0, "exp": 4_000_000_000_i64,
    });
    let opens_at = chrono::DateTime::<Utc>::UNIX_EPOCH;
    json!({
        "request_id": id, "tier": "premium", "rule": "instant", "rule_set_version": "forged",
        "opens_at": opens_at, "closes_at": opens_at + TimeDelta::days(40_000),
        "access_token": encode(&header, &claims, key).expect("a token"),
    })
}

/// The next dead letter of the verdicts: its reason and its body.
async fn dead_letter(broker: &Broker) -> (String, String) {
    let found = Mutex::new(None);
    let look = async || {
        let letter = broker.take(RECORD_VERDICTS.dead_letters.queue).await;
        let there = letter.is_some();
        if there {
            *found.lock().expect("not poisoned") = letter;
        }
        there
    };
    eventually("a dead letter", look).await;
    let letter = found.into_inner().expect("not poisoned").expect("a dead letter");
    let body = String::from_utf8_lossy(&letter.data).into_owned();
    assert!(!header(&letter, name::DEAD_AT).is_empty(), "when it died");
    assert!(!header(&letter, name::DEAD_EXCHANGE).is_empty(), "where it came from");
    (header(&letter, name::DEAD_REASON), body)
}

#[tokio::test]
async fn what_is_no_verdict_is_put_away_with_its_reason_and_its_neighbours_pass() {
    let gate = World::start(&[]).await;
    let broker = gate.broker().await;
    let user = gate.given_user("premium").await;
    let many = "x".repeat(100_000);
    for (body, reason) in [
        (b"{".as_slice(), "not a verdict: "),
        (b"{}", "not a verdict: missing field"),
        (b"\xff\xfe", "the body is not UTF-8"),
        (br#"{"token":"eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln"}"#, "not a verdict: "),
        (many.as_bytes(), "a body of 100000 bytes"),
    ] {
        let before = gate.given_request(Some(&user)).await;
        broker.publish_verdict(Uuid::new_v4(), body).await;
        let after = gate.given_request(Some(&user)).await;
        let (told, letter) = dead_letter(&broker).await;
        assert!(told.starts_with(reason), "{told}");
        assert!(!letter.contains("eyJ"), "a token in a dead letter: {letter}");
        for id in [before, after] {
            gate.issued(id, Some(user.clone())).await;
        }
    }
    let nameless = lapin::BasicProperties::default();
    broker.publish(RULES_VERDICTS.name, shared_events::topology::VERDICT, nameless, b"{}").await;
    assert_eq!(dead_letter(&broker).await.0, "no message_id");
    gate.verify().await.unwrap();
    gate.system.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_no_event_is_put_away_and_the_projection_goes_on() {
    let gate = World::start(&[]).await;
    let broker = gate.broker().await;
    let before = gate.given_request(None).await;
    let nameless = lapin::BasicProperties::default();
    broker.publish(LINKS_EVENTS.name, "links.nonsense", nameless, b"{\"position\": 1}").await;
    let after = gate.given_request(None).await;
    eventually("the nonsense is put away", async || {
        broker.take(PROJECT_LINKS.dead_letters.queue).await.is_some()
    })
    .await;
    for id in [before, after] {
        let projected = format!(
            "select count(*) from link_status where request_id = '{id}' and rule is not null"
        );
        eventually("the projection goes on", async || gate.count(&projected).await == 1).await;
    }
    gate.verify().await.unwrap();
    gate.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_verdict_that_is_refused_again_and_again_is_put_away() {
    let gate = World::with_test_clock().await;
    let broker = gate.broker().await;
    let link = gate.given_issued_link("standard").await;
    let key = foreign_key();
    for (id, reason) in [
        (link.id, "the access token can not be verified"),
        (Uuid::now_v7(), "the access token can not be verified"),
    ] {
        let verdict = forged(id, &key).to_string();
        broker.publish_verdict(Uuid::new_v4(), verdict.as_bytes()).await;
        let (told, letter) = with_time_passing(&gate, &broker).await;
        assert_eq!(told, reason);
        assert!(letter.contains("\"forged\"") && !letter.contains("eyJ"), "{letter}");
    }
    // A verdict that can be trusted, on a request nobody made.
    let unknown = json!({
        "request_id": Uuid::now_v7(), "tier": "premium", "rule": "never", "rule_set_version": "v1",
        "refused": "never",
    });
    broker.publish_verdict(Uuid::new_v4(), unknown.to_string().as_bytes()).await;
    assert_eq!(with_time_passing(&gate, &broker).await.0, "there is no such request");
    let still_waiting = gate.count("select count(*) from retries").await;
    assert_eq!(still_waiting, 0);
    let check = gate.check(link.id, link.owner.as_ref()).await.is(200);
    check.says("Your link is not ready yet please wait");
    gate.verify().await.unwrap();
    gate.system.stop().await.unwrap();
}

/// The dead letter of a message that is tried five times, the pauses between passing at once.
async fn with_time_passing(gate: &World, broker: &Broker) -> (String, String) {
    let refused = async || gate.count("select count(*) from retries").await == 1;
    eventually("the message was refused", refused).await;
    for attempts in 1..5 {
        let query = format!("select count(*) from retries where attempts >= {attempts}");
        let tried = async || {
            gate.count(&query).await == 1 || gate.count("select count(*) from retries").await == 0
        };
        eventually("the next attempt", tried).await;
        let later = gate.now().await + TimeDelta::seconds(20);
        gate.move_clock_to(later).await;
    }
    let letter = dead_letter(broker).await;
    let settled = async || gate.count("select count(*) from retries").await == 0;
    eventually("the message waits no longer", settled).await;
    letter
}

/// The rule consumer of an earlier system died for good of a repeated message.
#[tokio::test]
async fn a_repeated_verdict_changes_nothing() {
    let gate = World::start(&[]).await;
    let broker = gate.broker().await;
    let verdicts = broker.listen(RULES_VERDICTS.name).await;
    let link = gate.given_used_link().await;
    let verdict = broker.take(&verdicts).await.expect("the verdict");
    for id in [None, Some(Uuid::new_v4()), None] {
        // The same message again, and the same answer as another message.
        let properties = match id {
            None => verdict.properties.clone(),
            Some(id) => verdict.properties.clone().with_message_id(id.to_string().into()),
        };
        broker
            .publish(
                RULES_VERDICTS.name,
                shared_events::topology::VERDICT,
                properties,
                &verdict.data,
            )
            .await;
    }
    let next = gate.given_used_link().await;
    let expected = ["Requested", "RuleEvaluated", "LinkIssued", "TicketBought"];
    for link in [&link, &next] {
        assert_eq!(gate.events_of(link.id).await, expected);
    }
    gate.buy(&link).await.problem(400, "link_used");
    assert!(
        broker.take(RECORD_VERDICTS.dead_letters.queue).await.is_none(),
        "a repeat is no poison"
    );
    gate.verify().await.unwrap();
    gate.system.stop().await.unwrap();
}

/// Mended by the operator: what was put away is processed after all.
#[tokio::test]
async fn dead_letters_can_be_sent_back() {
    let gate = World::start(&[]).await;
    let broker = gate.broker().await;
    broker.publish_verdict(Uuid::new_v4(), b"{").await;
    eventually("the message is put away", async || {
        gate.logs().contains("put with the dead letters")
    })
    .await;
    let redriven = gate.run(&["redrive", RECORD_VERDICTS.name]).await.unwrap();
    assert!(redriven.contains("sent 1 messages back"), "{redriven}");
    // It is still no verdict, so it comes back, and says so as before.
    assert!(dead_letter(&broker).await.0.starts_with("not a verdict: "));
    gate.system.stop().await.unwrap();
}
