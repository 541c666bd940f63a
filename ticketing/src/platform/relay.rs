//! The relay: publishes each log to its exchange, in order, at least once, and never before the
//! commit.
//!
//! One leader per log: the holder of an advisory lock on a session that Postgres ends after
//! [`IDLE_LIMIT`] of silence, so a frozen leader loses it; the cursor is fenced by an epoch
//! besides. The cursor moves to just before the first message that was not confirmed or was
//! returned. Not here: who consumes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lapin::options::BasicPublishOptions;
use lapin::protocol::basic::AMQPProperties;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Confirmation, Connection, PublisherConfirm};
use shared_events::topology::{Exchange, Queue, header};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;
use tokio_util::sync::CancellationToken;

use super::broker::{
    Broker, BrokerError, CALL_LIMIT, confirming_channel, declare_exchange, declare_queue,
};
use super::database::{self, DatabaseError};
use super::event_store::{self, EventStore, READ_LOG, StoredEvent};

/// The silence after which Postgres takes leadership away.
pub const IDLE_LIMIT: Duration = Duration::from_secs(3);
/// How often the leader shows that it is alive, and how often others try to become leader.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// Messages in flight before their confirms are awaited.
const WINDOW: i64 = 500;
/// How long nothing has to happen before the log is looked at without a signal.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);

/// What a log's relay publishes to and feeds.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The log's exchange.
    pub exchange: Exchange,
    /// The work queues it feeds; they are declared here too, because a missing one would lose
    /// messages unnoticed.
    pub queues: &'static [Queue],
}

/// Relays one log; cheap to clone.
#[derive(Clone)]
pub struct Relay {
    store: EventStore,
    broker: Broker,
    route: Route,
    leading: Arc<AtomicBool>,
    again: mpsc::Sender<i64>,
}

/// The worker of a [`Relay`]: run it once per process.
pub struct RelayWorker {
    relay: Relay,
    again: tokio::sync::Mutex<mpsc::Receiver<i64>>,
}

impl Relay {
    /// A relay and its worker.
    pub fn new(store: EventStore, broker: Broker, route: Route) -> (Self, RelayWorker) {
        let (again, receiver) = mpsc::channel(WINDOW as usize);
        let relay = Self { store, broker, route, leading: Arc::default(), again };
        let worker = RelayWorker { relay: relay.clone(), again: receiver.into() };
        (relay, worker)
    }

    /// Whether this process relays the log at present.
    pub fn is_leading(&self) -> bool {
        self.leading.load(Ordering::Relaxed)
    }

    /// Publishes an event again under the same message id. Does nothing unless this process leads,
    /// or when too many wait: the caller will come back to it.
    pub fn publish_again(&self, position: i64) {
        if self.is_leading() && self.again.try_send(position).is_err() {
            tracing::debug!(position, "too many events wait to be published again");
        }
    }
}

impl RelayWorker {
    /// Relays until cancelled; a batch that was begun is finished.
    pub async fn run(self, shutdown: CancellationToken) {
        let name = format!("ticketing relay {}", self.relay.store.log());
        while !shutdown.is_cancelled() {
            match self.lead(&name, &shutdown).await {
                Ok(()) => {}
                Err(error) => tracing::debug!(%error, "the relay could not lead"),
            }
            self.relay.leading.store(false, Ordering::Relaxed);
            tokio::select! {
                () = tokio::time::sleep(HEARTBEAT) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Tries to become leader; returns at once if another is, or when leadership has ended.
    async fn lead(&self, name: &str, shutdown: &CancellationToken) -> Result<(), DatabaseError> {
        let log = self.relay.store.log();
        let client = self.relay.store.database().connect(name).await?;
        let limit = format!("set idle_session_timeout = {}", IDLE_LIMIT.as_millis());
        client.batch_execute(&limit).await?;
        let lock = "select pg_try_advisory_lock(hashtextextended('relay:' || $1, 0))";
        while !client.query_one(lock, &[&log]).await?.try_get::<_, bool>(0)? {
            tokio::select! {
                () = tokio::time::sleep(HEARTBEAT) => {}
                () = shutdown.cancelled() => return Ok(()),
            }
        }
        let next_epoch = "insert into relay_cursors (log, epoch) values ($1, 1) \
            on conflict (log) do update set epoch = relay_cursors.epoch + 1 returning epoch";
        let epoch: i64 = client.query_one(next_epoch, &[&log]).await?.try_get(0)?;
        tracing::info!(log, epoch, "leading the relay");
        self.relay.leading.store(true, Ordering::Relaxed);
        let term = shutdown.child_token();
        let leadership = Leadership::begin(client, epoch, log).await?;
        let session = |connection| self.session(connection, &leadership, &term);
        // In one task, so that whatever ends the one ends the other.
        tokio::select! {
            () = self.relay.broker.supervise(name, &term, session) => {}
            () = leadership.beat() => {}
        }
        tracing::info!(log, epoch, "no longer leading the relay");
        Ok(())
    }

    async fn session(
        &self,
        connection: Connection,
        leadership: &Leadership,
        term: &CancellationToken,
    ) -> Result<(), BrokerError> {
        let channel = confirming_channel(&connection).await?;
        declare_exchange(&channel, self.relay.route.exchange).await?;
        for queue in self.relay.route.queues {
            declare_queue(&channel, queue).await?;
        }
        let mut head = self.relay.store.signal().head();
        let mut again = self.again.lock().await;
        let mut cursor = leadership.cursor().await.map_err(|error| stop(error, term))?;
        while !term.is_cancelled() {
            let events =
                leadership.read(cursor, WINDOW).await.map_err(|error| stop(error, term))?;
            if events.is_empty() {
                tokio::select! {
                    () = news(&mut head, cursor) => {}
                    Some(first) = again.recv() => {
                        let more = std::iter::from_fn(|| again.try_recv().ok());
                        let positions: Vec<_> = std::iter::once(first).chain(more).collect();
                        self.publish_again(&channel, leadership, &positions).await?;
                    }
                    () = tokio::time::sleep(LOOK_ANYWAY) => {}
                    () = term.cancelled() => {}
                }
                continue;
            }
            let (delivered, outcome) = self.publish(&channel, &events).await;
            if let Some(last) = delivered.checked_sub(1).and_then(|last| events.get(last)) {
                cursor = last.position;
                let moved = leadership.advance(cursor).await.map_err(|error| stop(error, term))?;
                if !moved {
                    return Err(stop("another leader has taken over", term));
                }
            }
            outcome?;
        }
        Ok(())
    }

    /// Publishes events that seem to be lost. A queue that is deleted or unbound goes unnoticed as
    /// long as another one takes the messages, so all of them are declared and bound once more.
    async fn publish_again(
        &self,
        channel: &Channel,
        leadership: &Leadership,
        positions: &[i64],
    ) -> Result<(), BrokerError> {
        for queue in self.relay.route.queues {
            declare_queue(channel, queue).await?;
        }
        let mut events = Vec::with_capacity(positions.len());
        for position in positions {
            let read = leadership.read(position - 1, 1).await;
            events.extend(read.map_err(|error| BrokerError::Stopped(error.to_string()))?);
        }
        metrics::counter!("ticketing_relay_published_again_total").increment(events.len() as u64);
        self.publish(channel, &events).await.1
    }

    /// Publishes in order and awaits every confirm. Returns how many from the front were delivered.
    ///
    /// A message that was returned counts for all of them: when the broker confirms several
    /// together, the library hands a returned message to any one of their confirms, not to its own.
    async fn publish(
        &self,
        channel: &Channel,
        events: &[StoredEvent],
    ) -> (usize, Result<(), BrokerError>) {
        let mut confirms = Vec::with_capacity(events.len());
        let mut outcome = Ok(());
        for event in events {
            match publish_one(channel, self.relay.route.exchange, event).await {
                Ok(confirm) => confirms.push(confirm),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        let mut delivered = 0;
        let mut unbroken = true;
        let mut patience = CALL_LIMIT;
        for confirm in confirms {
            match confirmed_within(patience, confirm).await {
                Ok(()) if unbroken => delivered += 1,
                Ok(()) => {}
                Err(error @ BrokerError::Unroutable) => return (0, Err(error)),
                Err(error) => {
                    // A lost confirm never comes: waiting for each of a window in turn would take
                    // the better part of an hour. What is there already still counts.
                    if matches!(error, BrokerError::Silent) {
                        patience = Duration::ZERO;
                    }
                    unbroken = false;
                    outcome = outcome.and(Err(error));
                }
            }
        }
        metrics::counter!("ticketing_relayed_total").increment(delivered as u64);
        (delivered, outcome)
    }
}

struct Leadership {
    client: database::Connection,
    read: Statement,
    advance: Statement,
    epoch: i64,
    log: &'static str,
}

impl Leadership {
    /// A cursor that a crash of Postgres sets back costs repeats, which change nothing: it is not
    /// worth waiting for the disk. The epoch was.
    async fn begin(
        client: database::Connection,
        epoch: i64,
        log: &'static str,
    ) -> Result<Self, tokio_postgres::Error> {
        client.batch_execute("set synchronous_commit = off").await?;
        let read = client.prepare(READ_LOG).await?;
        let advance = "update relay_cursors set position = $2 where log = $1 and epoch = $3";
        let advance = client.prepare(advance).await?;
        Ok(Self { client, read, advance, epoch, log })
    }

    async fn read(
        &self,
        after: i64,
        limit: i64,
    ) -> Result<Vec<StoredEvent>, tokio_postgres::Error> {
        event_store::read_log(&*self.client, &self.read, self.log, after, limit).await
    }

    async fn cursor(&self) -> Result<i64, tokio_postgres::Error> {
        let text = "select position from relay_cursors where log = $1";
        self.client.query_one(text, &[&self.log]).await?.try_get(0)
    }

    /// Keeps the session from idling while the broker is slow; returns when it is lost.
    async fn beat(&self) {
        let mut beat = tokio::time::interval(HEARTBEAT);
        let answers = || timeout(IDLE_LIMIT, self.client.batch_execute("select 1"));
        while answers().await.is_ok_and(|answer| answer.is_ok()) {
            beat.tick().await;
        }
    }

    /// False if a newer leader exists.
    async fn advance(&self, position: i64) -> Result<bool, tokio_postgres::Error> {
        let parameters: [&(dyn ToSql + Sync); 3] = [&self.log, &position, &self.epoch];
        let changed = self.client.execute(&self.advance, &parameters).await?;
        Ok(changed == 1)
    }
}

/// Ends the term: without its session a leader is none.
fn stop(reason: impl ToString, term: &CancellationToken) -> BrokerError {
    term.cancel();
    BrokerError::Stopped(reason.to_string())
}

async fn news(head: &mut watch::Receiver<i64>, cursor: i64) {
    if head.wait_for(|head| *head > cursor).await.is_err() {
        // The store is closing; whoever cancels the relay will wake it.
        std::future::pending::<()>().await;
    }
}

async fn publish_one(
    channel: &Channel,
    exchange: Exchange,
    event: &StoredEvent,
) -> Result<PublisherConfirm, BrokerError> {
    let body =
        serde_json::to_vec(event).map_err(|error| BrokerError::Stopped(error.to_string()))?;
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let publish = channel.basic_publish(
        exchange.name.into(),
        event.routing_key().into(),
        options,
        &body,
        properties(event),
    );
    super::broker::limited(publish).await
}

/// Awaits the broker's word that it has the message safely and some queue has taken it.
///
/// # Errors
/// [`BrokerError::NotAccepted`] if it was refused, [`BrokerError::Unroutable`] if it reached no
/// queue.
pub async fn confirmed(confirm: PublisherConfirm) -> Result<(), BrokerError> {
    confirmed_within(CALL_LIMIT, confirm).await
}

async fn confirmed_within(limit: Duration, confirm: PublisherConfirm) -> Result<(), BrokerError> {
    match timeout(limit, confirm).await.map_err(|_| BrokerError::Silent)?? {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(_)) => Err(BrokerError::Unroutable),
        Confirmation::Nack(_) | Confirmation::NotRequested => Err(BrokerError::NotAccepted),
    }
}

fn properties(event: &StoredEvent) -> AMQPProperties {
    let mut headers = FieldTable::default();
    let mut text = |key: &str, value: &str| {
        headers.insert(key.into(), AMQPValue::LongString(value.into()));
    };
    text(header::AGGREGATE_ID, &event.aggregate_id.to_string());
    text(header::HISTORY, &event.history.to_string());
    text(header::EVENT_VERSION, &event.event_version);
    if let Some(traceparent) = &event.traceparent {
        text(header::TRACEPARENT, traceparent);
    }
    for (key, value) in [
        (header::SEQUENCE, event.sequence),
        (header::POSITION, event.position),
        (header::PREVIOUS, event.previous),
    ] {
        headers.insert(key.into(), AMQPValue::LongLongInt(value));
    }
    AMQPProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/json".into())
        .with_message_id(event.event_id.to_string().into())
        .with_type(event.event_type.as_str().into())
        .with_timestamp(u64::try_from(event.recorded_at.timestamp()).unwrap_or(0))
        .with_correlation_id(event.correlation.to_string().into())
        .with_app_id("ticketing".into())
        .with_headers(headers)
}
