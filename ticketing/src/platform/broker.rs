//! The broker supervisor: keeps a task's connection to RabbitMQ alive and its topology declared.
//!
//! Each supervised task has one connection of its own, named after it, so consuming and publishing
//! never share one (a blocked connection stops acks too). On the first error or time-out everything
//! is built again: connection, topology, channel. The library's own recovery is not used: it can
//! leave a publish waiting for ever. Not here: what is published or consumed.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lapin::options::{
    ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, ConnectionStatus, ExchangeKind};
use shared_events::topology::{self, Argument, Exchange, Queue};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::causes::causes;

/// The longest any single call to the broker may take.
pub const CALL_LIMIT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A session that lasted this long was a good one: the next failure starts with the first pause
/// again.
const GOOD_SESSION: Duration = Duration::from_secs(10);

/// How often both sides show that they are there; after two silent periods a connection is dead.
const HEARTBEAT_SECONDS: u16 = 10;
/// The largest frame unless the address says otherwise; larger messages come in several. The
/// library keeps two buffers of 32 frames per connection: with the broker's 128 KiB, 8 MiB.
const FRAME_BYTES: u32 = 16 * 1024;
/// What a client says first (AMQP 0-9-1 §4.2.2).
const PROTOCOL_HEADER: &[u8] = b"AMQP\x00\x00\x09\x01";

/// Why a session with the broker ended.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// `AMQP_URL` is not an address of a broker.
    #[error("AMQP_URL can not be read: {0}")]
    Address(String),
    /// Nothing answers at the broker's address.
    #[error("the broker can not be reached")]
    Unreachable(#[source] std::io::Error),
    /// The library or the broker reported an error.
    #[error(transparent)]
    Broker(#[from] lapin::Error),
    /// A call took longer than [`CALL_LIMIT`].
    #[error("the broker did not answer in time")]
    Silent,
    /// The consumer's stream ended: its queue or its connection is gone.
    #[error("the consumer was ended")]
    ConsumerEnded,
    /// The broker did not take a message.
    #[error("the broker did not accept a message")]
    NotAccepted,
    /// A message reached no queue.
    #[error("no queue takes a message")]
    Unroutable,
    /// The database failed, or the task lost what entitles it to go on.
    #[error("{0}")]
    Stopped(String),
}

/// How to reach the broker; cheap to clone.
#[derive(Clone)]
pub struct Broker {
    address: Arc<AMQPUri>,
    /// Each supervised task's connection, while it has one.
    sessions: Arc<Mutex<BTreeMap<String, Option<ConnectionStatus>>>>,
}

impl Broker {
    /// Remembers the address; connects to nothing yet.
    ///
    /// # Errors
    /// [`BrokerError::Address`] if `AMQP_URL` can not be read.
    pub fn new(url: &str) -> Result<Self, BrokerError> {
        let mut address: AMQPUri = url.parse().map_err(BrokerError::Address)?;
        address.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        address.query.frame_max.get_or_insert(FRAME_BYTES);
        Ok(Self { address: Arc::new(address), sessions: Arc::default() })
    }

    /// Connects under a name that operators see.
    ///
    /// # Errors
    /// [`BrokerError`] if the broker refuses or does not answer within [`CALL_LIMIT`].
    pub async fn connect(&self, name: &str) -> Result<Connection, BrokerError> {
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        limited(Connection::connect_uri(AMQPUri::clone(&self.address), properties)).await
    }

    /// Waits until a broker answers, without the library: that keeps a thread and a socket for each
    /// connection that never got an answer, so a broker frozen for hours would use them all up.
    ///
    /// # Errors
    /// [`BrokerError::Unreachable`] or [`BrokerError::Silent`].
    pub(super) async fn knock(&self) -> Result<(), BrokerError> {
        let host = (self.address.authority.host.as_str(), self.address.authority.port);
        let answered = async {
            let stream = TcpStream::connect(host).await?;
            stream.writable().await?;
            stream.try_write(PROTOCOL_HEADER)?;
            // Whatever comes, an end too: somebody is there, and the library will find out the
            // rest.
            stream.peek(&mut [0]).await
        };
        let answer = timeout(CALL_LIMIT, answered).await.map_err(|_| BrokerError::Silent)?;
        answer.map(drop).map_err(BrokerError::Unreachable)
    }

    /// The supervised tasks that have no connection at present, or one on which the broker takes
    /// nothing (it blocks publishers while it lacks memory or disk).
    pub fn disconnected(&self) -> Vec<String> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let serves = |status: &ConnectionStatus| status.connected() && !status.blocked();
        let lacking = sessions.iter().filter(|(_, status)| !status.as_ref().is_some_and(serves));
        lacking.map(|(name, _)| name.clone()).collect()
    }

    fn note(&self, name: &str, status: Option<ConnectionStatus>) {
        let up = status.is_some();
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(name.to_owned(), status);
        let gauge = metrics::gauge!("ticketing_broker_connected", "connection" => name.to_owned());
        gauge.set(if up { 1.0 } else { 0.0 });
    }

    /// Runs `session` with a connection, again and again with back-off, until cancelled. Logs once
    /// per change of state.
    pub async fn supervise<F, S>(&self, name: &str, shutdown: &CancellationToken, session: F)
    where
        F: Fn(Connection) -> S,
        S: Future<Output = Result<(), BrokerError>>,
    {
        let _noted = Noted { broker: self, name };
        self.note(name, None);
        let mut pause = FIRST_PAUSE;
        let mut complained = false;
        while !shutdown.is_cancelled() {
            let started = Instant::now();
            let opened = async {
                if complained {
                    self.knock().await?;
                }
                self.connect(name).await
            };
            let outcome = match opened.await {
                Ok(connection) => {
                    if complained {
                        tracing::info!(connection = name, "connected to the broker again");
                        complained = false;
                    }
                    self.note(name, Some(connection.status().clone()));
                    session(connection).await
                }
                Err(error) => Err(error),
            };
            self.note(name, None);
            if started.elapsed() > GOOD_SESSION {
                pause = FIRST_PAUSE;
            }
            if let Err(error) = outcome {
                if !complained && !shutdown.is_cancelled() {
                    tracing::warn!(
                        connection = name,
                        error = causes(&error),
                        "no session with the broker"
                    );
                }
                complained = true;
            }
            tokio::select! {
                () = tokio::time::sleep(jittered(pause)) => {}
                () = shutdown.cancelled() => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// A supervised task counts until it ends, however it does.
struct Noted<'a> {
    broker: &'a Broker,
    name: &'a str,
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        let mut sessions = self.broker.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.remove(self.name);
    }
}

/// Between half and all of `pause`, so that replicas do not return in step.
pub fn jittered(pause: Duration) -> Duration {
    let random = uuid::Uuid::new_v4().as_u128() % 1_000;
    pause.mul_f64(0.5 + random as f64 / 2_000.0)
}

/// Gives a call to the broker [`CALL_LIMIT`].
///
/// # Errors
/// [`BrokerError::Silent`] if it takes longer.
pub async fn limited<T>(
    call: impl Future<Output = Result<T, lapin::Error>>,
) -> Result<T, BrokerError> {
    Ok(timeout(CALL_LIMIT, call).await.map_err(|_| BrokerError::Silent)??)
}

/// A channel on which every publish is confirmed.
///
/// # Errors
/// [`BrokerError`] if the broker refuses or does not answer.
pub async fn confirming_channel(connection: &Connection) -> Result<Channel, BrokerError> {
    let channel = limited(connection.create_channel()).await?;
    limited(channel.confirm_select(ConfirmSelectOptions::default())).await?;
    Ok(channel)
}

/// Declares an exchange; no change if it exists.
///
/// # Errors
/// [`BrokerError`] if it exists differently, or the broker does not answer.
pub async fn declare_exchange(channel: &Channel, exchange: Exchange) -> Result<(), BrokerError> {
    let kind = match exchange.kind {
        topology::ExchangeKind::Direct => ExchangeKind::Direct,
        topology::ExchangeKind::Topic => ExchangeKind::Topic,
    };
    let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
    let none = FieldTable::default();
    limited(channel.exchange_declare(exchange.name.into(), kind, options, none)).await
}

/// Declares a work queue with the exchange it is bound to; how many messages wait in it, without
/// those that a consumer has.
///
/// # Errors
/// [`BrokerError`] if it exists differently, or the broker does not answer.
pub async fn declare_queue(channel: &Channel, queue: &Queue) -> Result<u32, BrokerError> {
    declare_exchange(channel, queue.binding.exchange).await?;
    let waiting = declare(channel, queue.name, &queue.arguments()).await?;
    bind(channel, queue.name, queue.binding.exchange, queue.binding.routing_key).await?;
    Ok(waiting)
}

/// Declares the dead letters of a queue and the way back from them.
///
/// # Errors
/// [`BrokerError`] if they exist differently, or the broker does not answer.
pub async fn declare_dead_letters(channel: &Channel, queue: &Queue) -> Result<(), BrokerError> {
    let dead = queue.dead_letters;
    declare_exchange(channel, dead.exchange).await?;
    declare(channel, dead.queue, &topology::dead_letter_arguments()).await?;
    bind(channel, dead.queue, dead.exchange, queue.name).await?;
    bind(channel, queue.name, dead.exchange, &topology::redrive_key(queue)).await
}

async fn declare(
    channel: &Channel,
    name: &str,
    arguments: &[(&'static str, Argument)],
) -> Result<u32, BrokerError> {
    let mut table = FieldTable::default();
    for (key, value) in arguments {
        let value = match value {
            Argument::Text(text) => AMQPValue::LongString((*text).into()),
            Argument::Number(number) => AMQPValue::LongLongInt(*number),
            Argument::Flag(flag) => AMQPValue::Boolean(*flag),
        };
        table.insert((*key).into(), value);
    }
    let options = QueueDeclareOptions { durable: true, ..Default::default() };
    Ok(limited(channel.queue_declare(name.into(), options, table)).await?.message_count())
}

async fn bind(
    channel: &Channel,
    queue: &str,
    exchange: Exchange,
    routing_key: &str,
) -> Result<(), BrokerError> {
    let (options, none) = (QueueBindOptions::default(), FieldTable::default());
    let bound =
        channel.queue_bind(queue.into(), exchange.name.into(), routing_key.into(), options, none);
    limited(bound).await
}
