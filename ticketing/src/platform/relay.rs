//! The relay: publishes each log to its exchange, in order, at least once, and never before the
//! commit.
//!
//! The next events are sent while the confirms of those before are awaited (`relay_flight.rs`); the
//! cursor moves behind what is known to be delivered, so whatever breaks, the next session begins
//! with the first event that may be missing. Not here: who leads (`relay_leadership.rs`), who
//! consumes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lapin::options::BasicPublishOptions;
use lapin::protocol::basic::AMQPProperties;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, PublisherConfirm};
use shared_events::topology::{Exchange, Queue, header};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

use super::broker::{Broker, BrokerError, confirming_channel, declare_exchange, declare_queue};
use super::causes::causes;
use super::database::DatabaseError;
use super::event_store::{EventStore, StoredEvent};
use super::log_signal::POLL;
use super::relay_flight::{Flight, Window};
use super::relay_leadership::{Candidate, HEARTBEAT, Leadership};

/// Messages that are sent together.
const WINDOW: i64 = 500;
/// How often the cursor is moved while there is something to move it for: a leader that comes after
/// a crash publishes again what it did not know to be delivered, and that changes nothing.
const SAVE: Duration = Duration::from_millis(20);
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
    /// The work queues in which the answers to its messages come back.
    pub answers: &'static [Queue],
}

/// Positions of events that are to be published again, and where to tell how many were.
type Again = (Vec<i64>, oneshot::Sender<usize>);

/// Relays one log; cheap to clone.
#[derive(Clone)]
pub struct Relay {
    store: EventStore,
    broker: Broker,
    route: Route,
    leading: Arc<AtomicBool>,
    again: mpsc::Sender<Again>,
}

/// The worker of a [`Relay`]: run it once per process.
pub struct RelayWorker {
    relay: Relay,
    again: tokio::sync::Mutex<mpsc::Receiver<Again>>,
}

impl Relay {
    /// A relay and its worker.
    pub fn new(store: EventStore, broker: Broker, route: Route) -> (Self, RelayWorker) {
        let (again, receiver) = mpsc::channel(1);
        let relay = Self { store, broker, route, leading: Arc::default(), again };
        let worker = RelayWorker { relay: relay.clone(), again: receiver.into() };
        (relay, worker)
    }

    /// Whether this process relays the log at present.
    pub fn is_leading(&self) -> bool {
        self.leading.load(Ordering::Relaxed)
    }

    /// Has events that seem to be lost published again under the same message ids; how many were.
    /// None if this process does not lead, the broker fails, the relay is behind, or messages wait
    /// in a queue: theirs may be among them.
    pub async fn publish_again(&self, positions: Vec<i64>) -> usize {
        let (published, told) = oneshot::channel();
        if !self.is_leading() || self.again.send((positions, published)).await.is_err() {
            return 0;
        }
        told.await.unwrap_or_default()
    }
}

impl RelayWorker {
    /// Relays until cancelled; a batch that was begun is finished.
    pub async fn run(self, shutdown: CancellationToken) {
        let name = format!("ticketing relay {}", self.relay.store.log());
        while !shutdown.is_cancelled() {
            match self.lead(&name, &shutdown).await {
                Ok(()) => {}
                Err(error) => tracing::debug!(error = causes(&error), "the relay could not lead"),
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
        let store = &self.relay.store;
        let candidate = Candidate::new(store.database(), store.log(), name).await?;
        while !candidate.is_elected().await? {
            tokio::select! {
                () = tokio::time::sleep(HEARTBEAT) => {}
                () = shutdown.cancelled() => return Ok(()),
            }
        }
        let leadership = candidate.lead().await?;
        let (log, epoch) = (leadership.log, leadership.epoch);
        tracing::info!(log, epoch, "leading the relay");
        self.relay.leading.store(true, Ordering::Relaxed);
        let term = shutdown.child_token();
        let session = |connection| self.session(connection, &leadership, &term);
        // In one task, so that whatever ends the one ends the other.
        tokio::select! {
            () = self.relay.broker.supervise(name, &term, session) => {}
            () = leadership.beat() => {}
        }
        tracing::info!(log, epoch, "no longer leading the relay");
        Ok(())
    }

    /// Publishes what is new while what went before is being confirmed.
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
        let mut sent = leadership.cursor().await.map_err(|error| stop(error, term))?;
        let mut flight = Flight::default();
        let mut delivered = None;
        let mut save = tokio::time::interval(SAVE);
        save.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !term.is_cancelled() {
            tokio::select! {
                biased;
                _ = save.tick(), if delivered.is_some() => {
                    advance(leadership, delivered.take(), term).await?;
                }
                Some(landed) = flight.land() => delivered = landed?.or(delivered),
                Some((positions, published)) = again.recv() => {
                    // Alone on the channel, so that a return is known to be one of theirs.
                    while let Some(landed) = flight.land().await {
                        delivered = landed?.or(delivered);
                    }
                    let behind = *head.borrow() - sent;
                    let again = self.publish_again(&channel, leadership, &positions, behind).await?;
                    // Who asked may be gone, and then nobody wants to know.
                    published.send(again).ok();
                }
                signalled = news(&mut head, sent), if flight.has_room() => {
                    let events = leadership.read(sent, WINDOW).await;
                    let events = events.map_err(|error| stop(error, term))?;
                    match events.last() {
                        Some(last) => sent = last.position,
                        // A database that was restored knows less than it did.
                        None if signalled => tokio::time::sleep(POLL).await,
                        None => {}
                    }
                    flight.launch(self.publish(&channel, &events).await);
                }
                () = term.cancelled() => {}
            }
        }
        while let Some(landed) = flight.land().await {
            delivered = landed?.or(delivered);
        }
        advance(leadership, delivered, term).await
    }

    /// Publishes events that seem to be lost, unless they may only be waiting their turn, in a
    /// queue or here: then more messages would make the wait longer for all. A queue that is
    /// deleted or unbound goes unnoticed as long as another one takes the messages, so all of them
    /// are declared and bound once more.
    async fn publish_again(
        &self,
        channel: &Channel,
        leadership: &Leadership,
        positions: &[i64],
        behind: i64,
    ) -> Result<usize, BrokerError> {
        // RabbitMQ also says 0 for a quorum queue that has not answered it within 250 ms
        // (`rabbit_quorum_queue:stat`).
        let waiting = match self.declare(channel).await? {
            0 => self.declare(channel).await?,
            waiting => waiting,
        };
        if waiting > 0 || behind > WINDOW {
            let kept_back = metrics::counter!("ticketing_relay_kept_back_total");
            kept_back.increment(positions.len() as u64);
            return Ok(0);
        }
        let mut events = Vec::with_capacity(positions.len());
        for position in positions {
            let read = leadership.read(position - 1, 1).await;
            events.extend(read.map_err(|error| BrokerError::Stopped(error.to_string()))?);
        }
        metrics::counter!("ticketing_relay_published_again_total").increment(events.len() as u64);
        self.publish(channel, &events).await.landed().await?;
        Ok(events.len())
    }

    /// Declares and binds all queues. Answers how many messages wait in them, or 0.
    async fn declare(&self, channel: &Channel) -> Result<u32, BrokerError> {
        let mut waiting = 0;
        for queue in self.relay.route.queues.iter().chain(self.relay.route.answers) {
            waiting += declare_queue(channel, queue).await?;
        }
        Ok(waiting)
    }

    /// Publishes in order. What could not be sent is told where the confirms are awaited.
    async fn publish(&self, channel: &Channel, events: &[StoredEvent]) -> Window {
        let mut window = Window::default();
        for event in events {
            match publish_one(channel, self.relay.route.exchange, event).await {
                Ok(confirm) => window.add(event.position, confirm),
                Err(error) => {
                    window.fail(error);
                    break;
                }
            }
        }
        window
    }
}

/// Moves the cursor to what is known to be delivered.
async fn advance(
    leadership: &Leadership,
    delivered: Option<i64>,
    term: &CancellationToken,
) -> Result<(), BrokerError> {
    let Some(position) = delivered else { return Ok(()) };
    match leadership.advance(position).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(stop("another leader has taken over", term)),
        Err(error) => Err(stop(error, term)),
    }
}

/// Ends the term: without its session a leader is none.
fn stop(reason: impl ToString, term: &CancellationToken) -> BrokerError {
    term.cancel();
    BrokerError::Stopped(reason.to_string())
}

/// Returns true when there should be something after `sent`, false after [`LOOK_ANYWAY`]: what
/// other replicas append is only signalled while Postgres can be polled.
async fn news(head: &mut watch::Receiver<i64>, sent: i64) -> bool {
    let signalled = head.wait_for(|head| *head > sent);
    timeout(LOOK_ANYWAY, signalled).await.is_ok()
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
