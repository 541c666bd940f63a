//! The fault proxy in front of a real broker: what it breaks is broken, and a control without it is
//! whole. What it does to Postgres is in `lost_replies.rs`.

use std::net::{Ipv4Addr, SocketAddr};

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicPublishOptions, BasicRecoverOptions, ExchangeDeclareOptions,
    QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, Connection, Consumer, ExchangeKind};
use tests::chaos::proxy::{Fired, Protocol, Proxy, Sabotage};
use ticketing::platform::broker::{Broker, confirming_channel};
use tokio::time::timeout;

use crate::harness::{PATIENCE, Place, eventually, servers};

/// Of exchange, queue and binding: among those that the user `ticketing` may use.
const NAME: &str = "ticketing.proxy";
const UNBOUND: &str = "nobody";
const MESSAGES: usize = 20;

/// A proxy before the broker, and the place's address through it.
pub(super) async fn before_broker(place: &Place) -> (Proxy, String) {
    let port = servers().amqp_port;
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let proxy = Proxy::start(server, Protocol::Amqp).await.unwrap();
    let url = place.amqp_url().replace(&port.to_string(), &proxy.port().to_string());
    (proxy, url)
}

/// A place with a queue, reached through a proxy.
struct Stage {
    proxy: Proxy,
    through: Broker,
    around: Broker,
}

impl Stage {
    async fn set() -> Self {
        let place = Place::new().await;
        let (proxy, url) = before_broker(&place).await;
        let around = Broker::new(&place.amqp_url()).unwrap();
        let stage = Self { proxy, through: Broker::new(&url).unwrap(), around };
        let (_connection, channel) = open(&stage.around).await;
        let (topic, none) = (ExchangeKind::Topic, FieldTable::default);
        let exchange = ExchangeDeclareOptions { durable: true, ..Default::default() };
        channel.exchange_declare(NAME.into(), topic, exchange, none()).await.unwrap();
        let queue = QueueDeclareOptions { durable: true, ..Default::default() };
        channel.queue_declare(NAME.into(), queue, none()).await.unwrap();
        let bound = QueueBindOptions::default();
        channel.queue_bind(NAME.into(), NAME.into(), NAME.into(), bound, none()).await.unwrap();
        stage
    }

    /// Waits until so many messages are ready in the queue.
    async fn holds(&self, count: usize) {
        let (_connection, channel) = open(&self.around).await;
        eventually("the queue holds as many", || async {
            let passive = QueueDeclareOptions { passive: true, ..Default::default() };
            let queue = channel.queue_declare(NAME.into(), passive, FieldTable::default());
            usize::try_from(queue.await.unwrap().message_count()).unwrap() == count
        })
        .await;
    }
}

async fn open(broker: &Broker) -> (Connection, Channel) {
    let connection = broker.connect("proxy test").await.unwrap();
    let channel = confirming_channel(&connection).await.unwrap();
    (connection, channel)
}

async fn publish(channel: &Channel, key: &str) -> lapin::Result<Confirmation> {
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let properties = BasicProperties::default();
    let publish = channel.basic_publish(NAME.into(), key.into(), options, b"hello", properties);
    timeout(PATIENCE, publish.await?).await.expect("an answer")
}

/// Publishes [`MESSAGES`] at once, and sees each confirmed.
async fn publish_some(channel: &Channel) {
    let all = (0..MESSAGES).map(|_| publish(channel, NAME));
    for confirmation in futures_util::future::join_all(all).await {
        assert_eq!(confirmation.unwrap(), Confirmation::Ack(None));
    }
}

async fn consume(channel: &Channel) -> Consumer {
    let none = FieldTable::default();
    channel.basic_consume(NAME.into(), "test".into(), Default::default(), none).await.unwrap()
}

async fn next(consumer: &mut Consumer) -> Delivery {
    timeout(PATIENCE, consumer.next()).await.expect("a delivery").unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_faults_it_is_not_noticed() {
    let stage = Stage::set().await;
    let (_connection, channel) = open(&stage.through).await;
    publish_some(&channel).await;
    assert!(matches!(publish(&channel, UNBOUND).await, Ok(Confirmation::Ack(Some(_)))));
    let mut consumer = consume(&channel).await;
    for _ in 0..MESSAGES {
        next(&mut consumer).await.ack(BasicAckOptions::default()).await.unwrap();
    }
    stage.holds(0).await;
    assert_eq!(stage.proxy.fired(), Fired::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_message_is_in_the_queue_three_times_and_confirmed_once() {
    let stage = Stage::set().await;
    let (_connection, channel) = open(&stage.through).await;
    publish_some(&channel).await;
    stage.proxy.repeat_publishes(true);
    publish_some(&channel).await;
    assert!(matches!(publish(&channel, UNBOUND).await, Ok(Confirmation::Ack(Some(_)))));
    stage.proxy.clear();
    publish_some(&channel).await;
    stage.holds(5 * MESSAGES).await;
    assert_eq!(stage.proxy.fired(), Fired { repeated: MESSAGES + 1, ..Fired::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_ack_is_lost_is_delivered_again_after_a_cut() {
    let stage = Stage::set().await;
    let (_connection, channel) = open(&stage.through).await;
    publish(&channel, NAME).await.unwrap();
    let mut consumer = consume(&channel).await;
    stage.proxy.lose_acks(1);
    next(&mut consumer).await.ack(BasicAckOptions::default()).await.unwrap();
    eventually("the ack is lost", || async { stage.proxy.fired().acks_lost == 1 }).await;
    assert_eq!(stage.proxy.cut(), 1);
    let (_connection, channel) = open(&stage.through).await;
    let again = next(&mut consume(&channel).await).await;
    assert!(again.redelivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_cut_in_the_middle_is_neither_confirmed_nor_there() {
    let stage = Stage::set().await;
    let (_connection, channel) = open(&stage.through).await;
    stage.proxy.cut_mid_frame(1);
    assert!(publish(&channel, NAME).await.is_err());
    let (_connection, channel) = open(&stage.through).await;
    publish_some(&channel).await;
    stage.holds(MESSAGES).await;
    assert_eq!(stage.proxy.fired(), Fired { cut_mid_frame: 1, ..Fired::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn sabotaged_confirms_are_given_for_what_the_broker_never_heard() {
    let stage = Stage::set().await;
    stage.proxy.sabotage(Sabotage::NoConfirm);
    let (_connection, channel) = open(&stage.through).await;
    publish_some(&channel).await;
    stage.holds(MESSAGES).await;
    assert_eq!(stage.proxy.fired(), Fired { confirms_forged: MESSAGES, ..Fired::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn sabotaged_publishes_are_never_returned() {
    let stage = Stage::set().await;
    stage.proxy.sabotage(Sabotage::NoMandatory);
    let (_connection, channel) = open(&stage.through).await;
    assert_eq!(publish(&channel, UNBOUND).await.unwrap(), Confirmation::Ack(None));
    assert_eq!(stage.proxy.fired(), Fired { mandatory_cleared: 1, ..Fired::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn sabotaged_deliveries_are_gone_though_nobody_acknowledged_them() {
    let stage = Stage::set().await;
    let (_connection, channel) = open(&stage.through).await;
    publish_some(&channel).await;
    let mut control = consume(&channel).await;
    next(&mut control).await;
    // It cuts too: what was taken and not acknowledged is back in the queue.
    stage.proxy.sabotage(Sabotage::AckFirst);
    stage.holds(MESSAGES).await;
    let (_connection, channel) = open(&stage.through).await;
    let mut consumer = consume(&channel).await;
    for _ in 0..MESSAGES {
        // Not heard by the broker, or it would close the channel: acknowledged twice.
        next(&mut consumer).await.ack(BasicAckOptions::default()).await.unwrap();
    }
    // What is unacknowledged would come again, before what is published after it.
    channel.basic_recover(BasicRecoverOptions { requeue: true }).await.unwrap();
    publish(&channel, NAME).await.unwrap();
    let last = next(&mut consumer).await;
    assert!(!last.redelivered);
    assert_eq!(stage.proxy.fired().acks_forged, MESSAGES + 1);
}
