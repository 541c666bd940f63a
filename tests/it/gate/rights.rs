//! Who may do what: every route that is documented, asked by everybody; and the two services at the
//! broker.

use std::collections::BTreeSet;

use lapin::options::{BasicPublishOptions, ExchangeDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use reqwest::Method;
use serde_json::Value;
use shared_events::topology::{LINK_REQUESTED, LINKS_EVENTS, RULES_VERDICTS, VERDICT};
use tests::secrets::BrokerUser;
use uuid::Uuid;

use super::answer::{Answer, Ask};
use super::given::User;
use super::world::Gate;
use crate::harness::{eventually, servers};

/// Who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    /// Everybody, as what it shows or does belongs to nobody yet.
    Everybody,
    /// Whoever holds the token in the path.
    Bearer,
    /// The account whose request it is.
    Owner,
    /// Administrators.
    Administrators,
}

/// Every operation of the document. One that is missing here fails the test until somebody has said
/// who it is for.
const OPERATIONS: [(&str, &str, For); 18] = [
    ("get", "/.well-known/jwks.json", For::Everybody),
    ("get", "/admin/accounts", For::Administrators),
    ("get", "/admin/accounts/{id}", For::Administrators),
    ("get", "/admin/link_requests", For::Administrators),
    ("get", "/admin/link_requests/{id}", For::Administrators),
    ("get", "/buy_ticket/{token}", For::Bearer),
    ("post", "/buy_ticket/{token}", For::Bearer),
    ("get", "/check_ticketing_link", For::Owner),
    ("get", "/link_requests/{id}/events", For::Owner),
    ("get", "/livez", For::Everybody),
    ("post", "/login", For::Everybody),
    ("get", "/problems/{code}", For::Everybody),
    ("get", "/readyz", For::Everybody),
    ("post", "/register", For::Everybody),
    ("get", "/request_for_ticketing_link", For::Everybody),
    ("post", "/request_for_ticketing_link", For::Everybody),
    // In the document only of a service with the test clock.
    ("get", "/test/clock", For::Everybody),
    ("put", "/test/clock", For::Everybody),
];

#[tokio::test]
async fn it_is_said_of_every_documented_route_who_it_is_for() {
    let document = Gate::shared().get("/openapi.json").ask().await.is(200).json;
    let paths = document["paths"].as_object().unwrap().iter();
    let documented: BTreeSet<(String, String)> = paths
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(|method| (method.clone(), path.clone())).collect::<Vec<_>>()
        })
        .collect();
    let said = OPERATIONS.iter().filter(|(_, path, _)| *path != "/test/clock");
    let said = said.map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()));
    assert_eq!(documented, said.collect());
}

async fn ask(gate: &Gate, method: &str, path: &str, user: Option<&User>) -> Answer {
    let request = gate.request(method.to_uppercase().parse::<Method>().expect("a method"), path);
    match user {
        Some(user) => request.bearer_auth(&user.token).ask().await,
        None => request.ask().await,
    }
}

#[tokio::test]
async fn every_route_lets_in_only_those_it_is_for() {
    let gate = Gate::shared();
    let (other, admin) = (gate.given_user("premium").await, gate.given_user("standard").await);
    gate.run(&["grant", &admin.username, "admin"]).await.unwrap();
    let is_in = async || ask(gate, "get", "/admin/accounts", Some(&admin)).await.status == 200;
    eventually("the administrator is let in", is_in).await;
    let link = gate.given_issued_link("standard").await;
    let owner = link.owner.as_ref().unwrap();
    let find = format!("/admin/accounts?q={}", owner.username);
    let account = ask(gate, "get", &find, Some(&admin)).await.is(200).json[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for (method, path, who) in OPERATIONS {
        let id = if path.contains("accounts") { account.clone() } else { link.id.to_string() };
        let mut path = path.replace("{id}", &id).replace("{token}", &link.token);
        if path == "/check_ticketing_link" {
            path.push_str(&format!("?request_id={id}"));
        }
        let status = async |user| ask(gate, method, &path, user).await.status;
        match who {
            For::Everybody => {}
            // It is not open yet, for anybody: no login makes a difference.
            For::Bearer => {
                for user in [None, Some(&other), Some(owner), Some(&admin)] {
                    assert_eq!(status(user).await, 425, "{method} {path}");
                }
            }
            For::Owner => {
                assert_eq!(status(Some(owner)).await, 200, "{method} {path}");
                for user in [None, Some(&other), Some(&admin)] {
                    assert_eq!(status(user).await, 404, "{method} {path}");
                }
            }
            For::Administrators => {
                assert_eq!(status(Some(&admin)).await, 200, "{method} {path}");
                assert_eq!(status(None).await, 401, "{method} {path}");
                for user in [owner, &other] {
                    assert_eq!(status(Some(user)).await, 403, "{method} {path}");
                }
            }
        }
    }
}

#[tokio::test]
async fn administrators_read_link_requests_page_by_page() {
    let gate = Gate::shared();
    let (user, admin) = (gate.given_user("standard").await, gate.given_user("standard").await);
    gate.run(&["grant", &admin.username, "admin"]).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(gate.given_request(Some(&user)).await.to_string());
    }
    let account = super::tokens::claims(&user.token)["sub"].as_str().unwrap().to_owned();
    let list = async |path: &str| ask(gate, "get", path, Some(&admin)).await;
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
    let url = servers().amqp_url(user, &Gate::shared().system.place);
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
