//! Looking behind the API: what Postgres and RabbitMQ hold, what the services logged, what
//! `ticketing verify` finds. For states the API does not show, and for checkers.

use std::cell::RefCell;
use std::rc::Rc;

use lapin::message::BasicGetMessage;
use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, ConnectionProperties};
use shared_events::topology::{Queue, RULES_VERDICTS, VERDICT};
use tests::secrets::BrokerUser;
use ticketing::platform::database::Connection;
use uuid::Uuid;

use super::World;
use crate::harness::{database, eventually, servers};

impl World {
    /// A connection to its database, as the owner.
    pub(crate) async fn sql(&self) -> Connection {
        let database = database(&self.system.wiring.database_url);
        database.connect_as_owner("test").await.expect("a connection")
    }

    /// Whether a call waits for a lock that this connection holds.
    pub(crate) async fn is_waited_for(&self, holder: &Connection) -> bool {
        self.waiting_for(holder).await > 0
    }

    /// How many calls wait for a lock that this connection holds.
    pub(crate) async fn waiting_for(&self, holder: &Connection) -> i64 {
        let query = "select count(distinct pid) from pg_locks \
                     where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))";
        holder.query_one(query, &[]).await.expect("an answer").get(0)
    }

    /// One number that its database knows. On a connection that this test keeps: many are asked
    /// for again and again, and a connection costs Postgres a process.
    pub(crate) async fn count(&self, query: &str) -> i64 {
        thread_local! {
            // A test has a thread, and a runtime on it, of its own.
            static KEPT: RefCell<Option<(String, Rc<Connection>)>> = const { RefCell::new(None) };
        }
        let kept = KEPT
            .take()
            .filter(|(place, connection)| *place == self.system.place && !connection.is_closed());
        let connection = match kept {
            Some((_, connection)) => connection,
            None => Rc::new(self.sql().await),
        };
        KEPT.set(Some((self.system.place.clone(), Rc::clone(&connection))));
        connection.query_one(query, &[]).await.expect("a number").get(0)
    }

    /// The token of a request's link, open or not; `None` while there is none.
    pub(crate) async fn token_in_vault(&self, id: Uuid) -> Option<String> {
        let query = "select v.value from events e join vault v on v.id = (e.payload->>'token_id')::uuid \
                     where e.aggregate_id = $1 and e.event_type = 'LinkIssued'";
        let row = self.sql().await.query_opt(query, &[&id]).await.expect("a row or none");
        row.map(|row| row.get(0))
    }

    /// The types of a request's events, oldest first.
    pub(crate) async fn events_of(&self, id: Uuid) -> Vec<String> {
        let query = "select event_type from events where aggregate_id = $1 order by sequence";
        let rows = self.sql().await.query(query, &[&id]).await.expect("rows");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// How many requests have no verdict.
    pub(crate) async fn waiting(&self) -> i64 {
        let query = "select count(*) filter (where event_type = 'Requested') \
                     - count(*) filter (where event_type = 'RuleEvaluated') from events";
        self.count(query).await
    }

    /// Waits until all that is in a log is projected, into the tables that have its name and into
    /// whatever else is behind. A projection has no checkpoint before its first event.
    pub(crate) async fn until_projected(&self, log: &str) {
        let behind = format!(
            "select (select coalesce(max(position), 0) from events where log = '{log}') \
             - least((select min(position) from checkpoints where log = '{log}'), \
                     coalesce((select position from checkpoints where projection = '{log}'), 0))"
        );
        eventually("all is projected", async || self.count(&behind).await == 0).await;
    }

    /// Runs a command of `ticketing` with the settings of this system: what it wrote, as an error
    /// if it failed.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let name = format!("{}-{}", arguments[0], Uuid::new_v4().simple());
        let launch = self.system.wiring.ticketing_command(&name, arguments).expect("built");
        let outcome = launch.run().await;
        let written = std::fs::read_to_string(&launch.log).expect("its output");
        outcome.map(|()| written.clone()).map_err(|_| written)
    }

    /// `ticketing verify`: whether it found everything as it should be.
    pub(crate) async fn verify(&self) -> Result<String, String> {
        self.run(&["verify"]).await
    }

    /// What `ticketing verify` finds to be wrong, a line each.
    pub(crate) async fn wrong(&self) -> Vec<String> {
        let Err(found) = self.verify().await else { return Vec::new() };
        let wrong = found.lines().filter(|line| line.starts_with("FAIL")).map(ToOwned::to_owned);
        let wrong: Vec<_> = wrong.collect();
        assert!(!wrong.is_empty(), "it failed and found nothing:\n{found}");
        wrong
    }

    /// Fails unless `ticketing verify` finds this to be wrong.
    pub(crate) async fn finds_wrong(&self, what: &str) {
        let wrong = self.wrong().await;
        assert!(names(&wrong, what), "{what} is not found: {wrong:#?}");
    }

    /// Whether `ticketing verify` finds this to be wrong.
    pub(crate) async fn is_wrong(&self, what: &str) -> bool {
        names(&self.wrong().await, what)
    }

    /// Everything its services have logged.
    pub(crate) fn logs(&self) -> String {
        let folder = self.system.wiring.home.root().join("logs");
        let files = folder.read_dir().expect("logs").map(|entry| entry.expect("a log").path());
        files.map(|file| std::fs::read_to_string(file).expect("readable")).collect()
    }

    /// Whether a queue is there and takes what it should.
    pub(crate) async fn is_bound(&self, queue: &Queue) -> bool {
        let path = format!("queues/{}/{}/bindings", self.system.place, queue.name);
        let bindings = servers().management().get(&path).await.unwrap_or_default();
        let bindings = bindings.as_array().cloned().unwrap_or_default();
        bindings.iter().any(|binding| binding["source"] == queue.binding.exchange.name)
    }

    /// Its part of the broker, as the operator.
    pub(crate) async fn broker(&self) -> Broker {
        Broker::of(&self.system.place).await
    }
}

/// A connection of the operator, who may do everything.
pub(crate) struct Broker {
    url: String,
    channel: Channel,
    _connection: lapin::Connection,
}

async fn open(url: &str) -> (lapin::Connection, Channel) {
    let connection = lapin::Connection::connect(url, ConnectionProperties::default()).await;
    let connection = connection.expect("connected");
    let channel = connection.create_channel().await.expect("a channel");
    (connection, channel)
}

impl Broker {
    /// What belongs to the place of this name.
    pub(crate) async fn of(place: &str) -> Self {
        let url = servers().amqp_url(BrokerUser::Operator, place);
        let (connection, channel) = open(&url).await;
        let confirming = channel.confirm_select(ConfirmSelectOptions::default()).await;
        confirming.expect("a channel that confirms");
        Self { url, channel, _connection: connection }
    }

    /// Publishes what looks like a verdict of the rule service.
    pub(crate) async fn publish_verdict(&self, id: Uuid, body: &[u8]) {
        let id = id.to_string();
        let properties = BasicProperties::default().with_message_id(id.into());
        self.publish(RULES_VERDICTS.name, VERDICT, properties, body).await;
    }

    /// Publishes a message once a queue takes it: a service that has just become ready may still
    /// be declaring its queues.
    pub(crate) async fn publish(
        &self,
        exchange: &str,
        key: &str,
        properties: BasicProperties,
        body: &[u8],
    ) {
        let routed = async || {
            let options = BasicPublishOptions { mandatory: true, ..Default::default() };
            let (exchange, key, properties) = (exchange.into(), key.into(), properties.clone());
            let sent = self.channel.basic_publish(exchange, key, options, body, properties);
            let outcome = sent.await.expect("sent").await.expect("confirmed");
            matches!(outcome, Confirmation::Ack(None))
        };
        eventually("the message reaches a queue", routed).await;
    }

    /// Takes the next message of a queue; `None` if it is empty or not there yet.
    pub(crate) async fn take(&self, queue: &str) -> Option<BasicGetMessage> {
        // On a connection of its own: the broker closes a channel on which a queue is named that
        // is not there, and when that crosses with the library's own closing of the channel, it
        // ends the connection.
        let (_connection, channel) = open(&self.url).await;
        channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await.ok().flatten()
    }

    pub(crate) async fn delete(&self, queue: &str) {
        let deleted = self.channel.queue_delete(queue.into(), QueueDeleteOptions::default());
        deleted.await.expect("deleted");
    }

    /// Ends what leads into a queue; the queue stays.
    pub(crate) async fn unbind(&self, queue: &Queue) {
        let unbound = self.channel.queue_unbind(
            queue.name.into(),
            queue.binding.exchange.name.into(),
            queue.binding.routing_key.into(),
            FieldTable::default(),
        );
        unbound.await.expect("unbound");
    }

    /// A queue of its own that takes everything that goes through an exchange.
    pub(crate) async fn listen(&self, exchange: &str) -> String {
        let name = format!("test.{}", Uuid::new_v4().simple());
        let durable = lapin::options::QueueDeclareOptions { durable: true, ..Default::default() };
        let none = FieldTable::default;
        self.channel.queue_declare(name.as_str().into(), durable, none()).await.expect("declared");
        let bound = self.channel.queue_bind(
            name.as_str().into(),
            exchange.into(),
            "#".into(),
            Default::default(),
            none(),
        );
        bound.await.expect("bound");
        name
    }
}

/// The text of a message's header, empty if it has none of this name.
pub(crate) fn header(message: &BasicGetMessage, name: &str) -> String {
    let headers = message.properties.headers().as_ref();
    let value = headers.and_then(|headers| headers.inner().get(name));
    value.and_then(|value| value.as_long_string()).map(ToString::to_string).unwrap_or_default()
}

fn names(lines: &[String], what: &str) -> bool {
    lines.iter().any(|line| line.contains(what))
}
