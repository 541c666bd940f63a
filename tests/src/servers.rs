//! Postgres and RabbitMQ of one home: prepared (installed if need be, what a killed launcher left
//! is stopped), started together, stopped in order.

use anyhow::Result;
use tokio_util::sync::CancellationToken;

use crate::home::Home;
use crate::ports::Ports;
use crate::postgres::{self, Postgres};
use crate::rabbitmq::{self, RabbitMq};
use crate::secrets::Passwords;
use crate::temporary::{self, TemporaryHome};
use crate::{install, say};

/// The passwords of `home`'s broker.
///
/// # Errors
/// If they can not be read or made.
pub fn passwords(home: &Home) -> Result<Passwords> {
    Passwords::kept_at(&home.root().join("passwords.json"))
}

/// Stops the servers that a killed launcher left running from `home`. Answers whether there were
/// any.
///
/// # Errors
/// If one can not be stopped.
pub async fn stop_leftovers(home: &Home, tell: fn(String)) -> Result<bool> {
    let broker = rabbitmq::stop_leftover_node(&home.site("rabbitmq", tell)?).await?;
    let database = postgres::stop_leftover_server(&home.site("postgres", tell)?).await?;
    Ok(broker || database)
}

/// The Postgres of `home`, installed if need be, not started.
///
/// # Errors
/// If it can not be installed or prepared.
pub fn postgres(home: &Home, ports: &Ports, tell: fn(String)) -> Result<Postgres> {
    let site = home.site("postgres", tell)?;
    let programs = install::postgres(postgres::data_version(&site), tell)?;
    // The packages make the accounts, so only now it is known whether they can enter the home.
    Postgres::new(home.site("postgres", tell)?, programs, ports.postgres)
}

/// The RabbitMQ of `home`, installed if need be, not started.
///
/// # Errors
/// If it can not be installed or prepared.
pub fn rabbitmq(home: &Home, ports: &Ports, tell: fn(String)) -> Result<RabbitMq> {
    let programs = install::rabbitmq(tell)?;
    RabbitMq::new(home.site("rabbitmq", tell)?, programs, *ports, passwords(home)?)
}

/// Both servers in a folder of their own under the machine's folder for temporary files: for tests
/// and benchmarks, which may kill, stop and start them as they like. Dropped, they are killed and
/// everything is deleted.
#[derive(Debug)]
pub struct Servers {
    /// The database server.
    pub postgres: Postgres,
    /// The broker.
    pub rabbitmq: RabbitMq,
    // Last, so that the servers are gone when it is deleted.
    home: TemporaryHome,
}

impl Servers {
    /// Starts both, on free ports.
    ///
    /// # Errors
    /// If one can not be installed or does not start.
    pub async fn throwaway() -> Result<Self> {
        temporary::sweep();
        let home = TemporaryHome::make()?;
        let (ports, _) = home.home.ports()?;
        let mut postgres = postgres(&home.home, &ports, tell)?;
        let mut rabbitmq = rabbitmq(&home.home, &ports, tell)?;
        tokio::try_join!(postgres.start(), rabbitmq.start())?;
        Ok(Self { postgres, rabbitmq, home })
    }

    /// The home they run from.
    pub fn home(&self) -> &Home {
        &self.home.home
    }

    /// The passwords of the broker's users.
    ///
    /// # Errors
    /// If they can not be read.
    pub fn passwords(&self) -> Result<Passwords> {
        passwords(self.home())
    }

    /// Kills both, as a power failure would, and deletes everything: nothing of theirs is worth
    /// keeping.
    ///
    /// # Errors
    /// If something survives.
    pub async fn discard(mut self) -> Result<()> {
        tokio::try_join!(self.rabbitmq.kill(), self.postgres.kill())?;
        Ok(())
    }

    /// Stops both in good order; their data stay, so they can be started again.
    ///
    /// # Errors
    /// If one can not be stopped.
    pub async fn stop(&mut self) -> Result<()> {
        let hurry = CancellationToken::new();
        self.rabbitmq.stop_or_kill(&hurry).await?;
        self.postgres.stop_or_kill(&hurry).await
    }
}

/// Whoever uses throwaway servers reads their standard output, so what is told goes to the other
/// one.
fn tell(text: String) {
    say::note(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process_table::Mark;
    use crate::secrets::BrokerUser;
    use lapin::options::{BasicGetOptions, ExchangeDeclareOptions, QueueDeclareOptions};
    use lapin::types::{AMQPValue, FieldTable};
    use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};

    /// The name of the database, the virtual host, the table; and with a service's prefix of the
    /// queue.
    const PLACE: &str = "kept";
    const QUEUE: &str = "ticketing.kept";

    async fn rows_after(servers: &Servers, statement: &str) -> i64 {
        let url = servers.postgres.url(PLACE);
        let (client, connection) =
            tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("connected");
        tokio::spawn(connection);
        client.batch_execute(statement).await.expect("executed");
        client.query_one("SELECT count(*) FROM kept", &[]).await.expect("counted").get(0)
    }

    async fn channel(servers: &Servers, user: BrokerUser) -> (Connection, Channel) {
        let url = servers.rabbitmq.amqp_url(user, PLACE);
        let connection =
            Connection::connect(&url, ConnectionProperties::default()).await.expect("connected");
        let channel = connection.create_channel().await.expect("channel");
        (connection, channel)
    }

    async fn declare(channel: &Channel) -> lapin::Result<()> {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        let durable = QueueDeclareOptions { durable: true, ..Default::default() };
        channel.queue_declare(QUEUE.into(), durable, arguments).await?;
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let (kind, none) = (lapin::ExchangeKind::Topic, FieldTable::default);
        channel.exchange_declare(QUEUE.into(), kind, durable, none()).await?;
        let binding = Default::default();
        channel.queue_bind(QUEUE.into(), QUEUE.into(), "#".into(), binding, none()).await
    }

    async fn publish(servers: &Servers) {
        let (_connection, channel) = channel(servers, BrokerUser::Ticketing).await;
        declare(&channel).await.expect("declared");
        channel.confirm_select(Default::default()).await.expect("confirms");
        let persistent = BasicProperties::default().with_delivery_mode(2);
        let confirmed = channel
            .basic_publish(QUEUE.into(), "any".into(), Default::default(), b"kept", persistent)
            .await
            .expect("sent")
            .await
            .expect("confirmed");
        assert!(matches!(confirmed, Confirmation::Ack(None)), "{confirmed:?}");
    }

    async fn is_still_queued(servers: &Servers) -> bool {
        let (_connection, channel) = channel(servers, BrokerUser::Ticketing).await;
        // Not acknowledged, so it goes back when the channel closes.
        let got = channel.basic_get(QUEUE.into(), BasicGetOptions::default()).await;
        got.expect("asked").is_some_and(|message| message.data == b"kept")
    }

    fn processes(servers: &mut Servers) -> Vec<Mark> {
        let pids = [servers.postgres.process(), servers.rabbitmq.process()]
            .map(|process| process.expect("runs").pid());
        let mut all = Vec::new();
        for pid in pids {
            all.extend(Mark::of(pid).expect("runs").family());
        }
        assert!(all.len() > 6, "both have children: {all:?}");
        all
    }

    #[tokio::test]
    async fn what_was_committed_survives_and_no_process_does() {
        let mut servers = Servers::throwaway().await.expect("started");
        let root = servers.home().root().to_owned();
        servers.postgres.create_database(PLACE).await.expect("database");
        servers.postgres.create_database(PLACE).await.expect("is there already");
        servers.rabbitmq.create_vhost(PLACE).await.expect("virtual host");
        publish(&servers).await;
        let made = rows_after(&servers, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)");
        assert_eq!(made.await, 1);

        // Stopped before it is killed: RabbitMQ 3.10 forgets a quorum queue that was declared less
        // than about half a second before a power failure (its directory of queues, `names.dets`,
        // is written that often).
        let running = processes(&mut servers);
        servers.stop().await.expect("stopped");
        assert!(!running.iter().any(Mark::is_alive), "a process survived being stopped");
        tokio::try_join!(servers.postgres.start(), servers.rabbitmq.start()).expect("started");
        assert_eq!(rows_after(&servers, "INSERT INTO kept VALUES (2)").await, 2);
        assert!(is_still_queued(&servers).await, "the message was lost by a stop");

        let running = processes(&mut servers);
        servers.postgres.kill().await.expect("killed");
        servers.rabbitmq.kill().await.expect("killed");
        assert!(!running.iter().any(Mark::is_alive), "a process survived being killed");
        tokio::try_join!(servers.postgres.start(), servers.rabbitmq.start()).expect("started");
        assert_eq!(rows_after(&servers, "INSERT INTO kept VALUES (3)").await, 3);
        assert!(is_still_queued(&servers).await, "the message was lost by a power failure");
        let (_connection, others) = channel(&servers, BrokerUser::Rules).await;
        assert!(declare(&others).await.is_err(), "rules may declare what is not its own");

        let running = processes(&mut servers);
        servers.discard().await.expect("discarded");
        assert!(!running.iter().any(Mark::is_alive), "a process outlived its servers");
        assert!(!root.exists());
    }
}
