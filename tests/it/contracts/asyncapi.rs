//! `shared-events/asyncapi.yaml` names every exchange, queue, binding, argument, header and event
//! that the code has, and no other.

use std::collections::BTreeSet;

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

#[test]
fn every_released_event_is_documented() {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared-events/golden");
    let document = document();
    let messages: BTreeSet<&str> = document["components"]["messages"]
        .as_object()
        .expect("messages")
        .values()
        .filter_map(|message| message["name"].as_str())
        .collect();
    for entry in std::fs::read_dir(golden).expect("golden events") {
        let text = std::fs::read_to_string(entry.expect("entry").path()).expect("readable");
        let event: Value = serde_json::from_str(&text).expect("JSON");
        let name = event["event_type"].as_str().expect("event_type");
        assert!(messages.contains(name), "{name} is not documented");
    }
    assert!(messages.contains(topology::VERDICT_TYPE));
}
