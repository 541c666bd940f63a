//! One session with RabbitMQ: two connections, the topology, a confirming channel and a consumer. A
//! session is never mended: whatever fails in it, it is dropped and another is opened
//! (`supervisor.rs`). The library's own recovery is not used, it can leave a publish waiting for
//! ever. Not here: what is consumed and published (`consumer.rs`).

use std::io;
use std::time::Duration;

use lapin::options::{
    BasicConsumeOptions, BasicQosOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
    QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, Consumer, ExchangeKind};
use shared_events::topology::{
    self, Argument, EVALUATE_LINK_REQUESTS, Exchange, LINKS_EVENTS, Queue, RECORD_VERDICTS,
    RULES_VERDICTS, dead_letter_arguments, redrive_key,
};
use tokio::net::TcpStream;

/// The longest a single call to the broker may take.
pub(crate) const CALL_LIMIT: Duration = Duration::from_secs(5);
/// Seconds between heartbeats unless the address says otherwise: a broker that is frozen, not gone,
/// is noticed within twice that even when there is nothing to do.
const HEARTBEAT_SECONDS: u16 = 10;
/// The largest frame unless the address says otherwise; larger messages come in several. The
/// library keeps two buffers of 32 frames per connection: with the broker's 128 KiB, 8 MiB.
const FRAME_BYTES: u32 = 16 * 1024;
/// So many requests are in hand at once, and so many confirms in flight: on a quorum queue a window
/// of 500 carries twenty times what one at a time does. More only means more to repeat after a
/// broken connection.
const PREFETCH: u16 = 500;

/// The consumer's tag, as operators see it in the console.
pub(crate) const CONSUMER_TAG: &str = "rules evaluate";
const CONSUMING: &str = "rules consumer";
const PUBLISHING: &str = "rules publisher";
/// What a client says first (AMQP 0-9-1 §4.2.2); a broker answers it at once.
const PROTOCOL_HEADER: &[u8] = b"AMQP\0\0\x09\x01";
const GOODBYE: (u16, &str) = (200, "stopping");

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// The broker or the library reported an error.
    #[error(transparent)]
    Broker(#[from] lapin::Error),
    /// The broker's port can not be reached.
    #[error("the broker can not be reached: {0}")]
    Unreachable(#[from] io::Error),
    /// A call took longer than [`CALL_LIMIT`].
    #[error("the broker did not answer within {} s", CALL_LIMIT.as_secs())]
    Silent,
    /// The stream of requests ended: its queue was deleted or its connection is gone.
    #[error("the consumer was ended")]
    ConsumerEnded,
    /// A message reached no queue.
    #[error("a message reached no queue")]
    Unroutable,
    /// The broker would not take a message.
    #[error("the broker refused a message")]
    Refused,
    /// What was in hand could not be finished in time.
    #[error("the requests in hand were not finished in time")]
    NotDrained,
}

/// Everything that belongs to one session. Dropping it gives back to the queue what was not
/// acknowledged.
pub(crate) struct Session {
    /// Requests as they come.
    pub(crate) deliveries: Consumer,
    /// The channel they come through.
    pub(crate) intake: Channel,
    /// The confirming channel of verdicts and dead letters. It has a connection of its own: a
    /// broker short of resources blocks connections that publish, and would stop acknowledgements
    /// with them.
    pub(crate) outlet: Channel,
    consuming: Connection,
    publishing: Connection,
}

impl Session {
    /// Connects, declares the topology and begins to consume.
    pub(crate) async fn open(address: &AMQPUri) -> Result<Self, SessionError> {
        let publishing = connect(address, PUBLISHING).await?;
        let outlet = limited(publishing.create_channel()).await?;
        limited(outlet.confirm_select(ConfirmSelectOptions::default())).await?;
        declare_topology(&outlet).await?;
        let consuming = connect(address, CONSUMING).await?;
        let intake = limited(consuming.create_channel()).await?;
        limited(intake.basic_qos(PREFETCH, BasicQosOptions::default())).await?;
        // Acknowledged by hand, shared with other replicas, and the broker's word is waited for.
        let options =
            BasicConsumeOptions { no_local: false, no_ack: false, exclusive: false, nowait: false };
        let queue = EVALUATE_LINK_REQUESTS.name.into();
        let consume = intake.basic_consume(queue, CONSUMER_TAG.into(), options, none());
        let deliveries = limited(consume).await?;
        Ok(Self { deliveries, intake, outlet, consuming, publishing })
    }

    /// Says goodbye, so that the broker does not log a lost connection. Failure changes nothing.
    pub(crate) async fn close(self) {
        let (code, reason) = GOODBYE;
        for connection in [&self.consuming, &self.publishing] {
            if let Err(error) = limited(connection.close(code, reason.into())).await {
                tracing::debug!(%error, "a connection was not closed in order");
            }
        }
    }
}

/// Waits until a broker answers at `address`, without the library.
///
/// For every attempt after a failed one: the library keeps a thread and a socket for each
/// connection that never got an answer, so a broker frozen for hours would use them all up.
pub(crate) async fn knock(address: &AMQPUri) -> Result<(), SessionError> {
    let host = (address.authority.host.as_str(), address.authority.port);
    let answered = async {
        let stream = TcpStream::connect(host).await?;
        stream.writable().await?;
        stream.try_write(PROTOCOL_HEADER)?;
        // Whatever comes, an end too: somebody is there, and the library will find out the rest.
        stream.peek(&mut [0]).await
    };
    let answer = tokio::time::timeout(CALL_LIMIT, answered).await;
    answer.map_err(|_| SessionError::Silent)?.map(drop).map_err(SessionError::Unreachable)
}

/// Gives a call to the broker [`CALL_LIMIT`].
pub(crate) async fn limited<T>(
    call: impl Future<Output = lapin::Result<T>>,
) -> Result<T, SessionError> {
    Ok(tokio::time::timeout(CALL_LIMIT, call).await.map_err(|_| SessionError::Silent)??)
}

async fn connect(address: &AMQPUri, name: &str) -> Result<Connection, SessionError> {
    let mut address = address.clone();
    address.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
    address.query.frame_max.get_or_insert(FRAME_BYTES);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    limited(Connection::connect_uri(address, properties)).await
}

/// Declares what this service reads and writes. Its verdicts' queue too, although `ticketing` reads
/// it: the broker tells of a message that reached no queue, but not of the one queue it should have
/// reached.
async fn declare_topology(channel: &Channel) -> Result<(), SessionError> {
    let dead = EVALUATE_LINK_REQUESTS.dead_letters;
    for exchange in [LINKS_EVENTS, RULES_VERDICTS, dead.exchange] {
        declare_exchange(channel, exchange).await?;
    }
    for queue in [EVALUATE_LINK_REQUESTS, RECORD_VERDICTS] {
        declare_queue(channel, queue.name, &queue.arguments()).await?;
        bind(channel, queue.name, queue.binding.exchange, queue.binding.routing_key).await?;
    }
    let queue: Queue = EVALUATE_LINK_REQUESTS;
    declare_queue(channel, dead.queue, &dead_letter_arguments()).await?;
    bind(channel, dead.queue, dead.exchange, queue.name).await?;
    bind(channel, queue.name, dead.exchange, &redrive_key(&queue)).await
}

async fn declare_exchange(channel: &Channel, exchange: Exchange) -> Result<(), SessionError> {
    let kind = match exchange.kind {
        topology::ExchangeKind::Direct => ExchangeKind::Direct,
        topology::ExchangeKind::Topic => ExchangeKind::Topic,
    };
    let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
    limited(channel.exchange_declare(exchange.name.into(), kind, options, none())).await
}

async fn declare_queue(
    channel: &Channel,
    name: &str,
    arguments: &[(&'static str, Argument)],
) -> Result<(), SessionError> {
    let mut table = none();
    for (key, value) in arguments {
        let value = match value {
            Argument::Text(text) => AMQPValue::LongString((*text).into()),
            Argument::Number(number) => AMQPValue::LongLongInt(*number),
            Argument::Flag(flag) => AMQPValue::Boolean(*flag),
        };
        table.insert((*key).into(), value);
    }
    let options = QueueDeclareOptions { durable: true, ..Default::default() };
    limited(channel.queue_declare(name.into(), options, table)).await.map(drop)
}

async fn bind(
    channel: &Channel,
    queue: &str,
    exchange: Exchange,
    routing_key: &str,
) -> Result<(), SessionError> {
    let options = QueueBindOptions::default();
    let exchange = exchange.name.into();
    limited(channel.queue_bind(queue.into(), exchange, routing_key.into(), options, none())).await
}

fn none() -> FieldTable {
    FieldTable::default()
}
