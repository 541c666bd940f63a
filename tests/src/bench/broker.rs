//! The reference for everything that goes through the broker: messages of an event's size, persistent and confirmed,
//! through a quorum queue of the same broker to one consumer. Nothing is decided and nothing is stored elsewhere.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer,
    ExchangeKind, PublisherConfirm,
};
use tokio::time::{Instant, sleep_until, timeout};

use super::load::{Latencies, microseconds};
use super::stage::Stage;

/// Of exchange, queue and binding: among those that the user `ticketing` may use.
const NAME: &str = "ticketing.bench";
/// About the size of a relayed event's body.
const MESSAGE_BYTES: usize = 256;
/// Messages published and not yet confirmed, and messages consumed ahead: as the relay and the projections have.
const WINDOW: u16 = 500;
/// Messages acknowledged at once.
const ACKNOWLEDGED: u64 = 100;
/// A confirm or a message that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// A queue with a publisher and a consumer on connections of their own.
pub struct Queue {
    publisher: Channel,
    consumer: Consumer,
    // A channel ends with its connection.
    _connections: [Connection; 2],
}

impl Queue {
    /// Declares everything and begins to consume.
    ///
    /// # Errors
    /// If the broker refuses anything.
    pub async fn open(stage: &Stage) -> Result<Self> {
        let url = &stage.system.wiring.amqp_url;
        let outgoing = Connection::connect(url, ConnectionProperties::default()).await?;
        let incoming = Connection::connect(url, ConnectionProperties::default()).await?;
        let publisher = outgoing.create_channel().await?;
        publisher.confirm_select(ConfirmSelectOptions::default()).await?;
        let receiver = incoming.create_channel().await?;
        declare(&receiver).await?;
        receiver.basic_qos(WINDOW, BasicQosOptions::default()).await?;
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        let consumer = receiver.basic_consume(NAME.into(), NAME.into(), options, none).await?;
        Ok(Self { publisher, consumer, _connections: [outgoing, incoming] })
    }

    /// Messages per second that are published, confirmed and consumed: published for `lasting`, all consumed
    /// at the end.
    ///
    /// # Errors
    /// If one is not confirmed or does not arrive.
    pub async fn throughput(&mut self, lasting: Duration) -> Result<f64> {
        let begun = Instant::now();
        let until = begun + lasting;
        let publisher = self.publisher.clone();
        let publishing = tokio::spawn(async move {
            let mut waiting = VecDeque::new();
            let mut published = 0_u64;
            while Instant::now() < until {
                waiting.push_back(publish(&publisher, published).await?);
                published += 1;
                if waiting.len() >= usize::from(WINDOW) {
                    confirmed(waiting.pop_front()).await?;
                }
            }
            while !waiting.is_empty() {
                confirmed(waiting.pop_front()).await?;
            }
            anyhow::Ok(published)
        });
        let mut publishing = std::pin::pin!(publishing);
        let (mut consumed, mut published) = (0, None);
        while published.is_none_or(|published| consumed < published) {
            tokio::select! {
                done = &mut publishing, if published.is_none() => published = Some(done??),
                // Only what can be given up without losing a message stands here; the rest is done once it has won.
                next = timeout(PATIENCE, self.consumer.next()) => {
                    numbered(next.context("no message came")?).await?;
                    consumed += 1;
                }
            }
        }
        Ok(consumed as f64 / begun.elapsed().as_secs_f64())
    }

    /// How long after its due time each message was there, at `rate` per second for `lasting`.
    ///
    /// # Errors
    /// If one is not confirmed or does not arrive.
    pub async fn latency(&mut self, rate: u32, lasting: Duration) -> Result<Latencies> {
        let count = (lasting.as_secs_f64() * f64::from(rate)) as u64;
        let begun = Instant::now();
        let due = move |number| begun + Duration::from_secs_f64(number as f64 / f64::from(rate));
        let publisher = self.publisher.clone();
        let publishing = tokio::spawn(async move {
            let mut waiting = VecDeque::new();
            for number in 0..count {
                sleep_until(due(number)).await;
                waiting.push_back(publish(&publisher, number).await?);
            }
            while !waiting.is_empty() {
                confirmed(waiting.pop_front()).await?;
            }
            anyhow::Ok(())
        });
        let mut latencies = Latencies::new(3)?;
        for _ in 0..count {
            let next = timeout(PATIENCE, self.consumer.next()).await;
            let number = numbered(next.context("no message came")?).await?;
            latencies.record(microseconds(due(number).elapsed()))?;
        }
        publishing.await??;
        Ok(latencies)
    }
}

/// The number of a message. Acknowledged together with those before it, now and then.
async fn numbered(next: Option<lapin::Result<Delivery>>) -> Result<u64> {
    let delivery = next.context("the consumer ended")??;
    let number = delivery.data.first_chunk().copied().map(u64::from_le_bytes);
    if delivery.delivery_tag.is_multiple_of(ACKNOWLEDGED) {
        delivery.acker.ack(BasicAckOptions { multiple: true }).await?;
    }
    number.context("a numbered message")
}

async fn declare(channel: &Channel) -> Result<()> {
    let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
    let none = FieldTable::default;
    channel.exchange_declare(NAME.into(), ExchangeKind::Topic, durable, none()).await?;
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    channel.queue_declare(NAME.into(), durable, arguments).await?;
    let bound = QueueBindOptions::default();
    channel.queue_bind(NAME.into(), NAME.into(), NAME.into(), bound, none()).await?;
    // What an earlier round left unacknowledged.
    channel.queue_purge(NAME.into(), QueuePurgeOptions::default()).await?;
    Ok(())
}

async fn publish(channel: &Channel, number: u64) -> Result<PublisherConfirm> {
    let mut body = number.to_le_bytes().to_vec();
    body.resize(MESSAGE_BYTES, b' ');
    let persistent = BasicProperties::default().with_delivery_mode(2);
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    Ok(channel.basic_publish(NAME.into(), NAME.into(), options, &body, persistent).await?)
}

async fn confirmed(confirm: Option<PublisherConfirm>) -> Result<()> {
    let Some(confirm) = confirm else { return Ok(()) };
    match timeout(PATIENCE, confirm).await.context("not confirmed")?? {
        Confirmation::Ack(None) => Ok(()),
        other => bail!("a message was not taken: {other:?}"),
    }
}
