//! What is measured: a Turnstile of its own on servers of its own, durable as in production, rate
//! limits off, with some accounts; and when it has nothing left to do.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Result, bail};
use chrono::{DateTime, Utc};
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use shared_events::topology::{LINKS_LOG, MARKET_LOG, OUTINGS_LOG, QUEUES, VENUES_LOG};
use tokio::time::{Instant, interval};
use tokio_postgres::Client;

use super::accounts::Accounts;
use super::empty_server::EmptyServer;
use super::rounds::Plan;
use crate::system::System;
use crate::throwaway::{Addresses, SharedServers};

/// A backlog that is not worked off by then is a fault, not load.
const SETTLE_LIMIT: Duration = Duration::from_secs(300);
/// How often it is looked whether something is left to do.
const LOOK: Duration = Duration::from_millis(50);

/// The system under test and everything beside it. Dropped, all of it is killed and deleted.
pub struct Stage {
    /// How often and how long everything is measured.
    pub plan: Plan,
    /// The system.
    pub system: System,
    /// Where its API is.
    pub address: SocketAddr,
    /// Its database, as the owner.
    pub database: Client,
    /// Its broker, as `ticketing`.
    pub broker: Connection,
    /// Its accounts.
    pub accounts: Accounts,
    /// The empty handler.
    pub empty: EmptyServer,
    // Last, so that everything else is gone before the servers are.
    servers: SharedServers,
}

impl Stage {
    /// Starts everything.
    ///
    /// # Errors
    /// If something does not start.
    pub async fn start(plan: Plan) -> Result<Self> {
        let servers = tokio::task::spawn_blocking(SharedServers::start).await??;
        let system = System::start(&servers.addresses, &[("RATE_LIMITS", "off")]).await?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, system.wiring.port));
        let (database, connection) =
            tokio_postgres::connect(&system.wiring.database_url, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        let properties = ConnectionProperties::default();
        let broker = Connection::connect(&system.wiring.amqp_url, properties).await?;
        let accounts = Accounts::register(&system.url()).await?;
        let empty = EmptyServer::start().await?;
        Ok(Self { plan, system, address, database, broker, accounts, empty, servers })
    }

    /// Where its servers are, for databases of other figures.
    pub fn addresses(&self) -> &Addresses {
        &self.servers.addresses
    }

    /// The time of its database.
    ///
    /// # Errors
    /// If Postgres does not answer.
    pub async fn now(&self) -> Result<DateTime<Utc>> {
        Ok(self.database.query_one("select now()", &[]).await?.try_get(0)?)
    }

    /// What is left to do: events that are not relayed yet, and events that are not projected yet.
    ///
    /// # Errors
    /// If Postgres does not answer.
    pub async fn backlog(&self) -> Result<i64> {
        let text = "with head as (select coalesce(max(position), 0) as at from events where log = $1) \
            select 2 * head.at - coalesce((select position from relay_cursors where log = $1), 0) \
                - coalesce((select min(position) from checkpoints where log = $1), 0) \
            from head";
        Ok(self.database.query_one(text, &[&LINKS_LOG]).await?.try_get(0)?)
    }

    /// Waits until nothing is left to do: everything is relayed, judged and projected, and no
    /// message waits.
    ///
    /// # Errors
    /// If that takes longer than any load explains.
    pub async fn settled(&self) -> Result<()> {
        let begun = Instant::now();
        let mut look = interval(LOOK);
        while !(self.history_is_done().await? && self.queues_are_empty().await?) {
            if begun.elapsed() > SETTLE_LIMIT {
                bail!("after {} s there is still a backlog", SETTLE_LIMIT.as_secs());
            }
            look.tick().await;
        }
        Ok(())
    }

    async fn history_is_done(&self) -> Result<bool> {
        let text = "with head as (select coalesce(max(position), 0) as at from events where log = $1) \
            select head.at = coalesce((select position from relay_cursors where log = $1), 0) \
               and head.at = coalesce((select min(position) from checkpoints where log = $1), 0) \
               and not exists (select 1 from link_status where rule is null) \
            from head";
        for log in [LINKS_LOG, MARKET_LOG, VENUES_LOG, OUTINGS_LOG] {
            if !self.database.query_one(text, &[&log]).await?.try_get(0)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn queues_are_empty(&self) -> Result<bool> {
        let channel = self.broker.create_channel().await?;
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        let mut waiting = 0;
        for queue in QUEUES {
            let declared = channel.queue_declare(queue.name.into(), passive, FieldTable::default());
            waiting += declared.await?.message_count();
        }
        channel.close(200, "counted".into()).await?;
        Ok(waiting == 0)
    }

    /// Checks everything that was made with `ticketing verify`.
    ///
    /// # Errors
    /// With what it found.
    pub async fn verify(&self) -> Result<()> {
        self.settled().await?;
        self.system.wiring.ticketing_command("verify", &["verify"])?.run().await
    }

    /// Stops and deletes everything.
    ///
    /// # Errors
    /// If something survives.
    pub async fn stop(self) -> Result<()> {
        self.empty.stop().await?;
        // Its end does not matter: nothing is in flight, and the broker goes next.
        let _ = self.broker.close(200, "measured".into()).await;
        drop(self.database);
        self.system.stop().await
    }
}
