//! What administrators read, and what the two services may do at the broker. Not here: who is let
//! in on which route (`contracts/rights.rs`).

use lapin::options::{BasicPublishOptions, ExchangeDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use serde_json::Value;
use shared_events::topology::{LINK_REQUESTED, LINKS_EVENTS, RULES_VERDICTS, VERDICT};
use tests::secrets::BrokerUser;
use uuid::Uuid;

use crate::harness::{eventually, servers};
use crate::world::World;
use crate::world::answer::{Answer, Ask};

#[tokio::test]
async fn administrators_read_link_requests_page_by_page() {
    let gate = World::shared();
    let (user, admin) = (gate.given_user("standard").await, gate.given_user("standard").await);
    gate.run(&["grant", &admin.username, "admin"]).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(gate.given_request(Some(&user)).await.to_string());
    }
    let account = super::tokens::claims(&user.token)["sub"].as_str().unwrap().to_owned();
    let list = async |path: &str| gate.get(path).bearer_auth(&admin.token).ask().await;
    let all = format!("/admin/link_requests?account={account}");
    let seen = async || list(&all).await.json.as_array().is_some_and(|rows| rows.len() == 3);
    eventually("the requests are listed", seen).await;
    let read = |page: &Answer| -> Vec<String> {
        let rows = page.json.as_array().expect("a list").iter();
        rows.map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
    };
    let first = list(&format!("{all}&limit=2")).await.is(200);
    assert_eq!(read(&first), ids[..2]);
    let next = first.header("link").to_owned();
    let next =
        next.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap();
    let next = next.strip_prefix(&gate.system.wiring.public_url).unwrap_or(next);
    let second = list(next).await.is(200);
    assert_eq!(read(&second), ids[2..]);
    assert_eq!(second.header("link"), "");
    assert_eq!(list(&format!("{all}&tier=premium")).await.is(200).json, Value::Array(Vec::new()));
    let elsewhere = next.replace(&account, &Uuid::new_v4().to_string());
    list(&elsewhere).await.problem(400, "invalid_cursor");
}

/// A channel of this user, with its connection.
async fn channel(user: BrokerUser) -> (Connection, Channel) {
    let url = servers().amqp_url(user, &World::shared().system.place);
    let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

/// Whether this user of the broker may declare a topic exchange of this name.
async fn may_declare(user: BrokerUser, exchange: &str) -> bool {
    let (_connection, channel) = channel(user).await;
    let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
    let (kind, none) = (ExchangeKind::Topic, FieldTable::default());
    channel.exchange_declare(exchange.into(), kind, durable, none).await.is_ok()
}

/// Whether this user of the broker may publish there.
async fn may_publish(user: BrokerUser, exchange: &str, key: &str) -> bool {
    let (_connection, channel) = channel(user).await;
    channel.confirm_select(Default::default()).await.unwrap();
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let properties = BasicProperties::default();
    let sent = channel.basic_publish(exchange.into(), key.into(), options, b"{", properties).await;
    match sent {
        Ok(confirmation) => confirmation.await.is_ok(),
        Err(_) => false,
    }
}

#[tokio::test]
async fn neither_service_may_speak_for_the_other() {
    let (links, verdicts) = (LINKS_EVENTS.name, RULES_VERDICTS.name);
    assert!(!may_publish(BrokerUser::Rules, links, LINK_REQUESTED).await);
    assert!(!may_publish(BrokerUser::Ticketing, verdicts, VERDICT).await);
    // The control: what is theirs they may; under keys that lead nowhere.
    assert!(may_publish(BrokerUser::Rules, verdicts, "rules.nothing").await);
    assert!(may_publish(BrokerUser::Ticketing, links, "nothing.at.all").await);
}

#[tokio::test]
async fn a_new_log_of_ticketing_needs_no_new_right_and_gives_rules_none() {
    for exchange in ["market.events", "short_links.events"] {
        assert!(may_declare(BrokerUser::Ticketing, exchange).await, "{exchange}");
        assert!(may_publish(BrokerUser::Ticketing, exchange, "nothing.at.all").await, "{exchange}");
        assert!(!may_declare(BrokerUser::Rules, exchange).await, "{exchange}");
        assert!(!may_publish(BrokerUser::Rules, exchange, "nothing.at.all").await, "{exchange}");
    }
    for exchange in ["rules.events", "events", "market.events.more", "other.verdicts"] {
        assert!(!may_declare(BrokerUser::Ticketing, exchange).await, "{exchange}");
    }
}
