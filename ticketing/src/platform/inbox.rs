//! Commands from messages: at least once in, effect once.
//!
//! A message's effect is an append that carries its id (table `inbox`), so a repeat changes
//! nothing. Only a refusal of the message itself counts as an attempt; while Postgres is away the
//! consumer stops taking and nothing is counted. Refused messages wait in the table `retries`;
//! after [`ATTEMPTS`], or at once if they can not be decoded, they become dead letters. The
//! broker's own redelivery count decides nothing.
//!
//! Messages that wait together are taken as a group, so that their appends meet in one batch. What
//! is settled is acknowledged now and then, with one frame for all that came before. That is safe
//! because groups are settled in the order they came and only while nothing is held back: as long
//! as a message waits to be given back, the others are acknowledged one by one. Not here: what a
//! message means.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::try_join_all;
use futures_util::stream::FuturesUnordered;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
};
use lapin::protocol::basic::AMQPProperties;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, Consumer};
use serde::{Deserialize, Serialize};
use shared_events::topology::{Queue, header};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::broker::{Broker, BrokerError, declare_dead_letters, declare_queue, limited};
use super::causes::causes;
use super::dead_letters::{DeadLetter, DeadLetters};
use super::retries::Retries;

/// How often a message is tried before it becomes a dead letter.
pub const ATTEMPTS: i32 = 5;
/// Messages that are taken together, when so many wait.
const GROUP: usize = 128;
/// Groups in work at once.
const GROUPS: usize = 4;
/// How often what is settled is acknowledged: each frame costs the broker as much as a message.
const ACKNOWLEDGE: Duration = Duration::from_millis(20);
/// How often the queue is declared and bound once more.
const BIND_AGAIN: Duration = Duration::from_secs(10);
/// A larger message is no message of ours.
const LARGEST: usize = 64 * 1024;
/// How long the consumer stops taking when a dependency is away.
const PAUSE: Duration = Duration::from_millis(500);

/// A message as the handlers see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Incoming {
    /// Its id: a second message with it has no effect.
    pub message_id: Uuid,
    /// The exchange it came through.
    pub exchange: String,
    /// Its routing key.
    pub routing_key: String,
    /// One id for everything that follows from one call.
    pub correlation: Option<Uuid>,
    /// Which history it speaks of.
    pub history: Option<Uuid>,
    /// W3C Trace Context.
    pub traceparent: Option<String>,
    /// Its body.
    pub body: String,
}

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Handled {
    /// It has had its effect, now or before, or it needs none.
    Done,
    /// It was refused; it may succeed later.
    Refused(String),
    /// It will never succeed.
    Poison(String),
    /// A dependency is away: this says nothing of the message.
    Unavailable,
}

/// Processes the messages of one queue.
pub trait Handler: Send + Sync + 'static {
    /// Does what the message says; has to be safe to repeat.
    fn handle(&self, message: &Incoming) -> impl Future<Output = Handled> + Send;

    /// The body as a dead letter may show it.
    fn without_secrets(&self, body: &str) -> String;
}

/// Consumes one queue.
pub struct Inbox<H> {
    queue: &'static Queue,
    handler: H,
    retries: Retries,
    dead_letters: Arc<DeadLetters>,
}

impl<H: Handler> Inbox<H> {
    /// An inbox; [`Inbox::run`] starts it.
    pub fn new(
        queue: &'static Queue,
        handler: H,
        retries: Retries,
        dead_letters: Arc<DeadLetters>,
    ) -> Self {
        Self { queue, handler, retries, dead_letters }
    }

    /// Consumes until cancelled; what was taken by then is finished.
    pub async fn run(self, broker: Broker, shutdown: CancellationToken) {
        let name = format!("ticketing consume {}", self.queue.name);
        let session = |connection| self.session(connection, &shutdown);
        tokio::join!(
            broker.supervise(&name, &shutdown, session),
            self.retries.run(self.queue, &shutdown, |message| self.try_again(message)),
        );
    }

    async fn session(
        &self,
        connection: Connection,
        shutdown: &CancellationToken,
    ) -> Result<(), BrokerError> {
        let (channel, consumer) = consume(&connection, self.queue, GROUP * GROUPS).await?;
        let tag = consumer.tag();
        let stop = async {
            shutdown.cancelled().await;
            let cancel = channel.basic_cancel(tag.clone(), BasicCancelOptions::default());
            if let Err(error) = limited(cancel).await {
                tracing::debug!(error = causes(&error), "the consumer could not be cancelled");
            }
        };
        let work = async {
            self.work(consumer).await?;
            if shutdown.is_cancelled() { Ok(()) } else { Err(BrokerError::ConsumerEnded) }
        };
        tokio::pin!(work);
        tokio::select! {
            outcome = &mut work => outcome,
            error = keep_bound(&channel, self.queue) => Err(error),
            () = stop => work.await,
        }
    }

    /// Settles messages until the consumer ends.
    async fn work(&self, consumer: Consumer) -> Result<(), BrokerError> {
        let groups = consumer.ready_chunks(GROUP).map(|group| self.settle_all(group));
        // In order, because an acknowledgement may be one of all that came before.
        let mut groups = groups.buffered(GROUPS);
        let mut settled = Vec::new();
        let mut held = FuturesUnordered::new();
        let mut acknowledging = interval(ACKNOWLEDGE);
        acknowledging.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = acknowledging.tick(), if !settled.is_empty() => {
                    acknowledge(&mut settled, held.is_empty()).await?;
                }
                Some(given_back) = held.next() => given_back?,
                group = groups.next() => {
                    let Some(group) = group else { break };
                    let group = group?;
                    settled.extend(group.settled);
                    held.extend(group.unsettled.into_iter().map(give_back));
                }
            }
        }
        acknowledge(&mut settled, held.is_empty()).await?;
        while let Some(given_back) = held.next().await {
            given_back?;
        }
        Ok(())
    }

    async fn settle_all(
        &self,
        deliveries: Vec<Result<Delivery, lapin::Error>>,
    ) -> Result<Group, BrokerError> {
        let settle = |delivery: Result<Delivery, lapin::Error>| async {
            let delivery = delivery?;
            let settled = self.settle(&delivery).await?;
            Ok::<_, BrokerError>((settled, delivery))
        };
        let mut group = Group::default();
        for (settled, delivery) in try_join_all(deliveries.into_iter().map(settle)).await? {
            if settled { &mut group.settled } else { &mut group.unsettled }.push(delivery);
        }
        Ok(group)
    }

    /// Whether the message may be acknowledged; otherwise it has to be given back.
    async fn settle(&self, delivery: &Delivery) -> Result<bool, BrokerError> {
        let message = match read(delivery) {
            Ok(message) => message,
            Err(reason) => {
                let body = String::from_utf8_lossy(&delivery.data);
                let body: String = body.chars().take(LARGEST).collect();
                let body = self.handler.without_secrets(&body);
                let letter = DeadLetter {
                    exchange: delivery.exchange.as_str(),
                    routing_key: delivery.routing_key.as_str(),
                    properties: delivery.properties.clone(),
                    body: body.as_bytes(),
                    reason: &reason,
                };
                self.dead_letters.put(self.queue, letter).await?;
                return Ok(true);
            }
        };
        Ok(match self.handler.handle(&message).await {
            Handled::Done => true,
            Handled::Refused(reason) => {
                self.retries.put_off(self.queue, &message, 1, &reason).await
            }
            Handled::Poison(reason) => {
                self.give_up(&message, &reason).await?;
                true
            }
            Handled::Unavailable => false,
        })
    }

    /// One more attempt at a message that was refused before. True if it is settled.
    async fn try_again(&self, (message, attempts): (Incoming, i32)) -> bool {
        let reason = match self.handler.handle(&message).await {
            Handled::Done => return true,
            Handled::Unavailable => return false,
            Handled::Refused(reason) if attempts + 1 < ATTEMPTS => {
                let again = self.retries.put_off(self.queue, &message, attempts + 1, &reason);
                // Put off is not settled: the row stays, with its new time.
                again.await;
                return false;
            }
            Handled::Refused(reason) | Handled::Poison(reason) => reason,
        };
        self.give_up(&message, &reason).await.is_ok()
    }

    async fn give_up(&self, message: &Incoming, reason: &str) -> Result<(), BrokerError> {
        let body = self.handler.without_secrets(&message.body);
        let letter = DeadLetter {
            exchange: &message.exchange,
            routing_key: &message.routing_key,
            properties: properties(message),
            body: body.as_bytes(),
            reason,
        };
        self.dead_letters.put(self.queue, letter).await
    }
}

/// What became of messages that were taken together, each in the order they came.
#[derive(Default)]
struct Group {
    settled: Vec<Delivery>,
    unsettled: Vec<Delivery>,
}

/// Acknowledges what is settled: with one frame for all that came before, unless something of that
/// waits to be given back.
async fn acknowledge(settled: &mut Vec<Delivery>, alone: bool) -> Result<(), BrokerError> {
    let skipped = if alone { settled.len().saturating_sub(1) } else { 0 };
    for delivery in settled.drain(..).skip(skipped) {
        limited(delivery.ack(BasicAckOptions { multiple: alone })).await?;
    }
    Ok(())
}

/// Gives a message back to its queue. Holding it for the pause is what stops the taking while a
/// dependency is away: the prefetch fills up.
async fn give_back(delivery: Delivery) -> Result<(), BrokerError> {
    tokio::time::sleep(PAUSE).await;
    let requeue = BasicNackOptions { requeue: true, ..Default::default() };
    limited(delivery.nack(requeue)).await?;
    Ok(())
}

/// Declares and binds a queue from time to time: one that was unbound tells nobody, and while
/// others are bound to its exchange no message comes back. Ends with an error only.
pub(super) async fn keep_bound(channel: &Channel, queue: &Queue) -> BrokerError {
    loop {
        tokio::time::sleep(BIND_AGAIN).await;
        if let Err(error) = declare_queue(channel, queue).await {
            return error;
        }
    }
}

/// Declares a queue with its dead letters and starts consuming it under a name operators see.
///
/// # Errors
/// [`BrokerError`] if the broker refuses or does not answer.
pub async fn consume(
    connection: &Connection,
    queue: &Queue,
    prefetch: usize,
) -> Result<(Channel, Consumer), BrokerError> {
    let channel = limited(connection.create_channel()).await?;
    declare_queue(&channel, queue).await?;
    declare_dead_letters(&channel, queue).await?;
    let prefetch = u16::try_from(prefetch).unwrap_or(u16::MAX);
    limited(channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
    let tag = format!("{} {}", queue.name, Uuid::now_v7());
    let consumer = channel.basic_consume(
        queue.name.into(),
        tag.into(),
        BasicConsumeOptions::default(),
        FieldTable::default(),
    );
    let consumer = limited(consumer).await?;
    Ok((channel, consumer))
}

fn read(delivery: &Delivery) -> Result<Incoming, String> {
    if delivery.data.len() > LARGEST {
        return Err(format!("a body of {} bytes", delivery.data.len()));
    }
    let properties = &delivery.properties;
    let id = properties.message_id().as_ref().map(|id| id.as_str());
    let message_id = id.and_then(|id| Uuid::parse_str(id).ok()).ok_or("no message_id")?;
    let body = std::str::from_utf8(&delivery.data).map_err(|_| "the body is not UTF-8")?;
    let correlation = properties.correlation_id().as_ref().map(|id| id.as_str());
    Ok(Incoming {
        message_id,
        exchange: delivery.exchange.as_str().to_owned(),
        routing_key: delivery.routing_key.as_str().to_owned(),
        correlation: correlation.and_then(|id| Uuid::parse_str(id).ok()),
        history: text_header(properties, header::HISTORY).and_then(|id| Uuid::parse_str(&id).ok()),
        traceparent: text_header(properties, header::TRACEPARENT),
        body: body.to_owned(),
    })
}

fn text_header(properties: &AMQPProperties, key: &str) -> Option<String> {
    match properties.headers().as_ref()?.inner().get(key)? {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        _ => None,
    }
}

fn properties(message: &Incoming) -> AMQPProperties {
    let mut headers = FieldTable::default();
    if let Some(history) = message.history {
        headers.insert(header::HISTORY.into(), AMQPValue::LongString(history.to_string().into()));
    }
    if let Some(traceparent) = &message.traceparent {
        headers
            .insert(header::TRACEPARENT.into(), AMQPValue::LongString(traceparent.as_str().into()));
    }
    let properties = AMQPProperties::default()
        .with_message_id(message.message_id.to_string().into())
        .with_content_type("application/json".into())
        .with_headers(headers);
    match message.correlation {
        Some(correlation) => properties.with_correlation_id(correlation.to_string().into()),
        None => properties,
    }
}
