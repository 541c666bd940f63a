//! Messages as they leave: properties and headers of verdicts and of dead letters. Not here:
//! sending (`consumer.rs`).

use chrono::{DateTime, SecondsFormat, Utc};
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};
use shared_events::topology::{
    EVALUATE_LINK_REQUESTS, RULES_VERDICTS, VERDICT, VERDICT_TYPE, header,
};
use shared_events::{RequestId, Tier};

use crate::answer::{Answer, Unanswerable, VERDICT_VERSION};
use crate::clock;

const APP_ID: &str = "rules";
const JSON: &str = "application/json";
/// AMQP 0-9-1: the message survives a restart of the broker.
const PERSISTENT: u8 = 2;
/// A reason longer than this (characters) is cut: it is a header.
const LONGEST_REASON: usize = 500;

/// The headers a dead letter keeps. Others may be of any size, and some (`CC`, `BCC`) would steer
/// the broker.
const KEPT_HEADERS: [&str; 7] = [
    header::AGGREGATE_ID,
    header::SEQUENCE,
    header::POSITION,
    header::PREVIOUS,
    header::HISTORY,
    header::EVENT_VERSION,
    header::TRACEPARENT,
];

/// A message to be published. A verdict's body holds a token, so there is no `Debug`.
pub(crate) struct Outgoing {
    pub(crate) exchange: &'static str,
    pub(crate) routing_key: &'static str,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Vec<u8>,
    pub(crate) subject: Subject,
}

/// What a message is about, to be told once it is safe.
pub(crate) enum Subject {
    Verdict { request: RequestId, tier: Tier, opens_at: Option<DateTime<Utc>> },
    DeadLetter { reason: String },
}

impl Outgoing {
    /// A verdict on its way to `ticketing`.
    pub(crate) fn verdict(answer: Answer) -> Self {
        let mut headers = FieldTable::default();
        put(&mut headers, header::AGGREGATE_ID, &answer.request.to_string());
        put(&mut headers, header::HISTORY, &answer.history.to_string());
        put(&mut headers, header::EVENT_VERSION, VERDICT_VERSION);
        if let Some(traceparent) = &answer.traceparent {
            put(&mut headers, header::TRACEPARENT, traceparent);
        }
        let properties = BasicProperties::default()
            .with_content_type(JSON.into())
            .with_delivery_mode(PERSISTENT)
            .with_app_id(APP_ID.into())
            .with_type(VERDICT_TYPE.into())
            .with_message_id(answer.message_id.to_string().into())
            .with_correlation_id(answer.correlation.to_string().into())
            .with_timestamp(clock::now().timestamp().unsigned_abs())
            .with_headers(headers);
        Self {
            exchange: RULES_VERDICTS.name,
            routing_key: VERDICT,
            properties,
            body: answer.body,
            subject: Subject::Verdict {
                request: answer.request,
                tier: answer.tier,
                opens_at: answer.opens_at,
            },
        }
    }

    /// A request that can not be answered, as it came, on its way to the dead letters.
    pub(crate) fn dead_letter(delivery: Delivery, reason: &Unanswerable) -> Self {
        let reason: String = reason.to_string().chars().take(LONGEST_REASON).collect();
        let mut headers = FieldTable::default();
        for (key, value) in delivery.properties.headers().iter().flat_map(FieldTable::inner) {
            if KEPT_HEADERS.contains(&key.as_str()) {
                headers.insert(key.clone(), value.clone());
            }
        }
        let dead_at = clock::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        put(&mut headers, header::DEAD_REASON, &reason);
        put(&mut headers, header::DEAD_AT, &dead_at);
        put(&mut headers, header::DEAD_EXCHANGE, delivery.exchange.as_str());
        put(&mut headers, header::DEAD_ROUTING_KEY, delivery.routing_key.as_str());
        Self {
            exchange: EVALUATE_LINK_REQUESTS.dead_letters.exchange.name,
            routing_key: EVALUATE_LINK_REQUESTS.name,
            properties: kept(&delivery.properties).with_headers(headers),
            body: delivery.data,
            subject: Subject::DeadLetter { reason },
        }
    }
}

impl Subject {
    /// Counts and logs what has happened.
    pub(crate) fn report(&self) {
        match self {
            Self::Verdict { request, tier, opens_at } => {
                let outcome = if opens_at.is_some() { "granted" } else { "refused" };
                let tier = tier.as_str();
                metrics::counter!("rules_verdicts_total", "tier" => tier, "outcome" => outcome)
                    .increment(1);
                tracing::debug!(%request, tier, outcome, ?opens_at, "a verdict was sent");
            }
            Self::DeadLetter { reason } => {
                metrics::counter!("rules_dead_letters_total").increment(1);
                let queue = EVALUATE_LINK_REQUESTS.name;
                tracing::error!(queue, reason, "a message was put with the dead letters");
            }
        }
    }
}

/// The properties that say what a message is. Left behind are those that would change what happens
/// to it: its expiry would delete a dead letter, its `user_id` would make the broker refuse it from
/// another user and end the channel.
fn kept(original: &BasicProperties) -> BasicProperties {
    let mut properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
    if let Some(content_type) = original.content_type() {
        properties = properties.with_content_type(content_type.clone());
    }
    if let Some(content_encoding) = original.content_encoding() {
        properties = properties.with_content_encoding(content_encoding.clone());
    }
    if let Some(message_id) = original.message_id() {
        properties = properties.with_message_id(message_id.clone());
    }
    if let Some(correlation_id) = original.correlation_id() {
        properties = properties.with_correlation_id(correlation_id.clone());
    }
    if let Some(kind) = original.kind() {
        properties = properties.with_type(kind.clone());
    }
    if let Some(app_id) = original.app_id() {
        properties = properties.with_app_id(app_id.clone());
    }
    if let Some(timestamp) = original.timestamp() {
        properties = properties.with_timestamp(*timestamp);
    }
    properties
}

fn put(headers: &mut FieldTable, name: &str, value: &str) {
    headers.insert(name.into(), AMQPValue::LongString(value.into()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn header_of(message: &Outgoing, name: &str) -> Option<String> {
        match message.properties.headers().as_ref()?.inner().get(name)? {
            AMQPValue::LongString(text) => Some(text.to_string()),
            other => panic!("{name} is {other:?}"),
        }
    }

    fn poisonous() -> Delivery {
        let (exchange, routing_key) = ("links.events".into(), "links.x".into());
        let mut headers = FieldTable::default();
        put(&mut headers, header::POSITION, "7");
        put(&mut headers, "CC", "somewhere.else");
        let mut delivery = Delivery::mock(1, exchange, routing_key, false, b"not JSON".to_vec());
        delivery.properties = BasicProperties::default()
            .with_message_id("m1".into())
            .with_user_id("ticketing".into())
            .with_expiration("1000".into())
            .with_headers(headers);
        delivery
    }

    #[test]
    fn a_verdict_tells_what_it_answers_and_to_whom_it_belongs() {
        let id = Uuid::from_u128;
        let message = Outgoing::verdict(Answer {
            message_id: id(1),
            request: RequestId(id(2)),
            history: id(3),
            correlation: id(4),
            traceparent: None,
            tier: Tier::Premium,
            opens_at: None,
            body: b"{}".to_vec(),
        });
        assert_eq!((message.exchange, message.routing_key), ("rules.verdicts", "rules.verdict"));
        let properties = &message.properties;
        let text = |value: &Option<lapin::types::ShortString>| value.clone().map(String::from);
        assert_eq!(text(properties.message_id()), Some(id(1).to_string()));
        assert_eq!(text(properties.correlation_id()), Some(id(4).to_string()));
        assert_eq!(text(properties.kind()).as_deref(), Some("Verdict"));
        assert_eq!(text(properties.app_id()).as_deref(), Some("rules"));
        assert_eq!(text(properties.content_type()).as_deref(), Some("application/json"));
        assert_eq!(*properties.delivery_mode(), Some(2));
        assert_eq!(header_of(&message, "aggregate_id"), Some(id(2).to_string()));
        assert_eq!(header_of(&message, "history"), Some(id(3).to_string()));
        assert_eq!(header_of(&message, "event_version").as_deref(), Some("1.0"));
        assert_eq!(header_of(&message, "traceparent"), None);
    }

    #[test]
    fn a_dead_letter_keeps_its_body_and_says_why_and_whence() {
        let reason = Unanswerable::TooLarge(70_000);
        let message = Outgoing::dead_letter(poisonous(), &reason);
        assert_eq!(message.exchange, "rules.dead_letters");
        assert_eq!(message.routing_key, "rules.evaluate_link_requests");
        assert_eq!(message.body, b"not JSON");
        assert_eq!(header_of(&message, "dead_reason"), Some(reason.to_string()));
        assert_eq!(header_of(&message, "dead_exchange").as_deref(), Some("links.events"));
        assert_eq!(header_of(&message, "dead_routing_key").as_deref(), Some("links.x"));
        assert_eq!(header_of(&message, "position").as_deref(), Some("7"));
        let dead_at = header_of(&message, "dead_at").expect("a time");
        assert!(DateTime::parse_from_rfc3339(&dead_at).is_ok(), "{dead_at}");
    }

    #[test]
    fn a_dead_letter_carries_nothing_that_steers_the_broker() {
        let message = Outgoing::dead_letter(poisonous(), &Unanswerable::TooLarge(70_000));
        assert!(message.properties.user_id().is_none());
        assert!(message.properties.expiration().is_none());
        assert_eq!(header_of(&message, "CC"), None);
        assert!(message.properties.message_id().is_some());
    }

    #[test]
    fn a_long_reason_is_cut() {
        let reason = Unanswerable::Event("x".repeat(10 * LONGEST_REASON));
        let message = Outgoing::dead_letter(poisonous(), &reason);
        let kept = header_of(&message, "dead_reason").expect("a reason");
        assert_eq!(kept.chars().count(), LONGEST_REASON);
    }
}
