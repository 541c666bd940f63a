//! `shared-events/asyncapi.yaml` names every exchange, queue, binding, argument, header and event
//! that the code has, and no other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared_events::topology::{self, Argument, Exchange, ExchangeKind, Queue};

const DOCUMENT: &str = include_str!("../../../shared-events/asyncapi.yaml");

fn document() -> Value {
    serde_yaml_ng::from_str(DOCUMENT).expect("YAML")
}

/// Every channel that is a `kind` (`queue` or `routingKey`).
fn channels(kind: &str) -> Vec<Value> {
    let document = document();
    let channels = document["channels"].as_object().expect("channels").values();
    channels.filter(|channel| channel["bindings"]["amqp"]["is"] == kind).cloned().collect()
}

fn arguments(arguments: Vec<(&'static str, Argument)>) -> Value {
    let value = |argument| match argument {
        Argument::Text(text) => json!(text),
        Argument::Number(number) => json!(number),
        Argument::Flag(flag) => json!(flag),
    };
    arguments.into_iter().map(|(key, argument)| (key.to_owned(), value(argument))).collect()
}

fn kind(exchange: Exchange) -> &'static str {
    match exchange.kind {
        ExchangeKind::Direct => "direct",
        ExchangeKind::Topic => "topic",
    }
}

#[test]
fn every_exchange_is_documented_with_its_kind() {
    let documented: BTreeSet<(String, String)> = channels("routingKey")
        .iter()
        .map(|channel| {
            let exchange = &channel["bindings"]["amqp"]["exchange"];
            let text = |key: &str| exchange[key].as_str().expect(key).to_owned();
            assert_eq!(exchange["durable"], true);
            (text("name"), text("type"))
        })
        .collect();
    let declared: BTreeSet<_> =
        topology::EXCHANGES.iter().map(|e| (e.name.to_owned(), kind(*e).to_owned())).collect();
    assert_eq!(documented, declared);
}

#[test]
fn every_queue_is_documented_as_it_is_declared() {
    let documented = channels("queue");
    let find = |name: &str| {
        let found = documented.iter().find(|channel| channel["address"] == name);
        found.unwrap_or_else(|| panic!("{name} is not documented"))
    };
    for queue in topology::QUEUES {
        assert_queue(find(queue.name), &queue);
        let dead = find(queue.dead_letters.queue);
        let exchange = queue.dead_letters.exchange.name;
        assert_eq!(dead["x-binding"], json!({"exchange": exchange, "routing_key": queue.name}));
        assert_eq!(dead["x-arguments"], arguments(topology::dead_letter_arguments()));
    }
    assert_eq!(documented.len(), topology::QUEUES.len() * 2, "each with its dead letters");
}

fn assert_queue(channel: &Value, queue: &Queue) {
    assert_eq!(channel["bindings"]["amqp"]["queue"]["name"], queue.name);
    assert_eq!(channel["x-arguments"], arguments(queue.arguments()), "{}", queue.name);
    let binding = queue.binding;
    let expected = json!({"exchange": binding.exchange.name, "routing_key": binding.routing_key});
    assert_eq!(channel["x-binding"], expected, "{}", queue.name);
    let dead = queue.dead_letters;
    let expected = json!({"exchange": dead.exchange.name, "queue": dead.queue});
    assert_eq!(channel["x-dead-letters"], expected, "{}", queue.name);
}

#[test]
fn every_header_is_documented() {
    use topology::header as h;
    let document = document();
    let documented: BTreeSet<String> = ["EventHeaders", "VerdictHeaders", "DeadLetterHeaders"]
        .iter()
        .flat_map(|name| {
            let schema = &document["components"]["schemas"][name]["properties"];
            schema.as_object().expect(name).keys().cloned()
        })
        .collect();
    let known = [
        h::AGGREGATE_ID,
        h::SEQUENCE,
        h::POSITION,
        h::PREVIOUS,
        h::HISTORY,
        h::EVENT_VERSION,
        h::TRACEPARENT,
        h::DEAD_REASON,
        h::DEAD_AT,
        h::DEAD_EXCHANGE,
        h::DEAD_ROUTING_KEY,
    ];
    assert_eq!(documented, known.iter().map(|name| (*name).to_owned()).collect());
}

/// Which log an aggregate's events are in.
fn log_of(aggregate: &str) -> &'static str {
    match aggregate {
        "link_request" => topology::LINKS_LOG,
        "listing" | "order" | "payment" => topology::MARKET_LOG,
        "stadium" | "fixture" | "tariff" | "seat" | "basket" | "wallet" | "purchase" | "top_up"
        | "access_right" => topology::VENUES_LOG,
        "announcement" | "engagements" | "rating" => topology::OUTINGS_LOG,
        other => panic!("in which log is {other}?"),
    }
}

#[test]
fn every_released_event_is_documented_with_its_routing_key_and_members() {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared-events/golden");
    let document = document();
    let by_key = channels("routingKey");
    let mut released: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut documented: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in std::fs::read_dir(golden).expect("golden events") {
        let path = entry.expect("entry").path();
        let text = std::fs::read_to_string(&path).expect("readable");
        let event: Value = serde_json::from_str(&text).expect("JSON");
        let name = event["event_type"].as_str().expect("event_type");
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        let aggregate = file.split('.').next().expect("an aggregate");
        let key = topology::routing_key(log_of(aggregate), aggregate, name);
        let channel = by_key.iter().find(|channel| channel["address"] == key);
        let messages = channel.unwrap_or_else(|| panic!("{key} is not documented"))["messages"]
            .as_object()
            .expect("messages");
        let message = messages.keys().next().expect("a message");
        let message = &document["components"]["messages"][message];
        assert_eq!(message["name"], name, "{key}");
        documented.insert(key.clone(), members(&document, &message["payload"]));
        let members = event["payload"].as_object().expect("a payload").keys().cloned();
        released.entry(key).or_default().extend(members);
    }
    // Neither has a member that the other does not know.
    assert_eq!(documented, released);
    let verdict = &document["components"]["messages"]["verdict"];
    assert_eq!(verdict["name"], topology::VERDICT_TYPE);
}

/// The members of an envelope's `payload`, wherever they are said: here, in what it refers to, or
/// in one of the forms it may have.
fn members(document: &Value, envelope: &Value) -> BTreeSet<String> {
    let envelope = resolved(document, envelope);
    let parts = envelope["allOf"].as_array().expect("what an envelope is made of").iter();
    let payload = parts.filter_map(|part| part["properties"].get("payload")).next_back();
    let mut found = BTreeSet::new();
    collect_members(document, payload.expect("a payload"), &mut found);
    found
}

fn collect_members(document: &Value, schema: &Value, found: &mut BTreeSet<String>) {
    let schema = resolved(document, schema);
    found.extend(schema["properties"].as_object().into_iter().flat_map(|p| p.keys().cloned()));
    for forms in ["oneOf", "allOf"] {
        for form in schema[forms].as_array().into_iter().flatten() {
            collect_members(document, form, found);
        }
    }
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(path) => document.pointer(path.trim_start_matches('#')).expect("what is referred to"),
        None => schema,
    }
}
