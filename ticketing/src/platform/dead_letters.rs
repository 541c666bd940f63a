//! Dead letters: where a message goes that can not be processed, with its reason, and how it comes
//! back.
//!
//! Published through the service's named dead-letter exchange to `<queue>.dead`, confirmed, and
//! only then acked where it came from; its neighbours are not affected. Secrets are taken out
//! before (see `Handler::without_secrets`). `redrive` sends everything back into the queue it came
//! from. Not here: when a message is given up (`inbox.rs`).

use lapin::options::{BasicAckOptions, BasicGetOptions, BasicPublishOptions};
use lapin::protocol::basic::AMQPProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, Connection};
use shared_events::topology::{Queue, header, redrive_key};
use tokio::sync::Mutex;

use super::broker::{Broker, BrokerError, confirming_channel, declare_dead_letters, limited};
use super::clock::Clock;
use super::relay_flight::confirmed;

/// A reason longer than this is cut: it is a header.
const LONGEST_REASON: usize = 500;

/// Puts messages away; connects when the first one comes.
pub struct DeadLetters {
    broker: Broker,
    clock: Clock,
    open: Mutex<Option<(Connection, Channel)>>,
}

/// A message that is given up.
#[derive(Debug)]
pub struct DeadLetter<'a> {
    /// The exchange it came through.
    pub exchange: &'a str,
    /// Its routing key.
    pub routing_key: &'a str,
    /// Its properties, headers included.
    pub properties: AMQPProperties,
    /// Its body, without secrets.
    pub body: &'a [u8],
    /// Why, for operators.
    pub reason: &'a str,
}

impl DeadLetters {
    /// Connects to nothing yet.
    pub fn new(broker: Broker, clock: Clock) -> Self {
        Self { broker, clock, open: Mutex::default() }
    }

    /// Puts a message away; returns once the broker has it safely.
    ///
    /// # Errors
    /// [`BrokerError`]: then it must not be acked where it came from.
    pub async fn put(&self, queue: &Queue, letter: DeadLetter<'_>) -> Result<(), BrokerError> {
        let mut open = self.open.lock().await;
        let (connection, channel) = match open.take() {
            Some(kept) if kept.1.status().connected() => kept,
            _ => {
                self.broker.knock().await?;
                let connection = self.broker.connect("ticketing dead letters").await?;
                let channel = confirming_channel(&connection).await?;
                (connection, channel)
            }
        };
        declare_dead_letters(&channel, queue).await?;
        let reason: String = letter.reason.chars().take(LONGEST_REASON).collect();
        let mut headers = kept_headers(&letter.properties);
        for (key, value) in [
            (header::DEAD_REASON, reason.as_str()),
            (header::DEAD_AT, &self.clock.now().to_rfc3339()),
            (header::DEAD_EXCHANGE, letter.exchange),
            (header::DEAD_ROUTING_KEY, letter.routing_key),
        ] {
            headers.insert(key.into(), AMQPValue::LongString(value.into()));
        }
        let properties = kept(&letter.properties).with_headers(headers);
        let target = (queue.dead_letters.exchange.name, ShortString::from(queue.name));
        publish(&channel, target, letter.body, properties).await?;
        metrics::counter!("ticketing_dead_letters_total", "queue" => queue.name).increment(1);
        tracing::error!(queue = queue.name, reason, "a message was put with the dead letters");
        *open = Some((connection, channel));
        Ok(())
    }
}

/// Sends every dead letter of `queue` back into it. Returns how many; those that arrive meanwhile
/// stay.
///
/// # Errors
/// [`BrokerError`]: what was sent back by then is sent back, the rest is still there.
pub async fn redrive(broker: &Broker, queue: &Queue) -> Result<u32, BrokerError> {
    let connection = broker.connect("ticketing redrive").await?;
    let channel = confirming_channel(&connection).await?;
    declare_dead_letters(&channel, queue).await?;
    let mut waiting = None;
    let mut sent = 0;
    while waiting.is_none_or(|left| left > 0) {
        let get = channel.basic_get(queue.dead_letters.queue.into(), BasicGetOptions::default());
        let Some(letter) = limited(get).await? else { break };
        waiting = Some(waiting.map_or(letter.message_count, |left: u32| left - 1));
        let properties = kept(&letter.properties).with_headers(kept_headers(&letter.properties));
        let target = (queue.dead_letters.exchange.name, redrive_key(queue).into());
        publish(&channel, target, &letter.data, properties).await?;
        limited(letter.ack(BasicAckOptions::default())).await?;
        sent += 1;
    }
    Ok(sent)
}

/// The headers that say what a message is. Others may be of any size, and some (`CC`, `BCC`) would
/// steer the broker.
fn kept_headers(properties: &AMQPProperties) -> FieldTable {
    let kept = [
        header::AGGREGATE_ID,
        header::SEQUENCE,
        header::POSITION,
        header::PREVIOUS,
        header::HISTORY,
        header::EVENT_VERSION,
        header::TRACEPARENT,
    ];
    let mut headers = FieldTable::default();
    for (key, value) in properties.headers().iter().flat_map(FieldTable::inner) {
        if kept.contains(&key.as_str()) {
            headers.insert(key.clone(), value.clone());
        }
    }
    headers
}

/// The properties that say what a message is. An expiry would delete the dead letter; a `user_id`
/// would make the broker refuse it from another user and end the channel, again and again.
fn kept(original: &AMQPProperties) -> AMQPProperties {
    let mut properties = AMQPProperties::default().with_delivery_mode(2);
    if let Some(content_type) = original.content_type() {
        properties = properties.with_content_type(content_type.clone());
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

async fn publish(
    channel: &Channel,
    (exchange, routing_key): (&str, ShortString),
    body: &[u8],
    properties: AMQPProperties,
) -> Result<(), BrokerError> {
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let publish = channel.basic_publish(exchange.into(), routing_key, options, body, properties);
    confirmed(limited(publish).await?).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_carries_nothing_that_steers_the_broker() {
        let mut headers = FieldTable::default();
        headers.insert("CC".into(), AMQPValue::LongString("elsewhere".into()));
        headers.insert(header::POSITION.into(), AMQPValue::LongLongInt(7));
        let original = AMQPProperties::default()
            .with_user_id("operator".into())
            .with_expiration("1000".into())
            .with_message_id("m".into())
            .with_headers(headers);
        let properties = kept(&original);
        assert!(properties.user_id().is_none() && properties.expiration().is_none());
        assert!(properties.message_id().is_some());
        let headers = kept_headers(&original);
        assert_eq!(headers.inner().len(), 1);
    }
}
