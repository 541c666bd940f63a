//! A database of its own with a history as long as wanted, kept in several lengths, and what works
//! on it: a `ticketing` of its own, or a command.

use anyhow::{Context, Result};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use super::history;
use super::stage::Stage;
use crate::ports;
use crate::postgres;
use crate::secrets::BrokerUser;
use crate::service::Service;
use crate::throwaway::Addresses;
use crate::wiring::Wiring;

/// From this version on a database is copied by way of the log of changes unless told otherwise,
/// which takes twice as long and leaves much to write behind.
const COPIES_THROUGH_ITS_LOG: i32 = 150_000;

/// A database beside the system's, and a virtual host.
pub struct Store {
    /// How to reach it: the system's wiring, with this database, virtual host and a port.
    pub wiring: Wiring,
    addresses: Addresses,
    admin: Client,
    place: String,
    kept: Vec<String>,
    strategy: &'static str,
}

impl Store {
    /// An empty one, with the schema.
    ///
    /// # Errors
    /// If a server refuses anything.
    pub async fn make(stage: &Stage) -> Result<Self> {
        let addresses = stage.addresses().clone();
        let place = format!("turnstile_{}", Uuid::new_v4().simple());
        addresses.create_place(&place).await?;
        let port = ports::free_one()?;
        let wiring = Wiring {
            database_url: addresses.database_url(&place),
            amqp_url: addresses.amqp_url(BrokerUser::Ticketing, &place),
            rules_amqp_url: addresses.amqp_url(BrokerUser::Rules, &place),
            port,
            public_url: format!("http://localhost:{port}"),
            ..stage.system.wiring.clone()
        };
        wiring.migrate().await?;
        let admin = connect(&addresses.database_admin_url).await?;
        let version = "select current_setting('server_version_num')::integer";
        let version: i32 = admin.query_one(version, &[]).await?.try_get(0)?;
        let strategy = if version < COPIES_THROUGH_ITS_LOG { "" } else { "strategy file_copy" };
        Ok(Self { wiring, addresses, admin, place, kept: Vec::new(), strategy })
    }

    /// A connection to it, as its owner.
    ///
    /// # Errors
    /// If Postgres does not answer.
    pub async fn connect(&self) -> Result<Client> {
        connect(&self.wiring.database_url).await
    }

    /// Fills it up to `count` events and keeps a copy of that.
    ///
    /// # Errors
    /// If Postgres refuses anything.
    pub async fn fill_and_keep(&mut self, count: usize) -> Result<()> {
        history::fill_with_used_links(&mut self.connect().await?, count).await?;
        let copy = self.copy_of(count);
        self.copy(&self.place, &copy).await?;
        self.kept.push(copy);
        Ok(())
    }

    /// Makes it again what it was with `count` events.
    ///
    /// # Errors
    /// If no such copy was kept, or Postgres refuses anything.
    pub async fn take_back(&self, count: usize) -> Result<()> {
        postgres::drop_database(&self.addresses.database_admin_url, &self.place).await?;
        self.copy(&self.copy_of(count), &self.place).await
    }

    /// Its `ticketing`, not started.
    ///
    /// # Errors
    /// If it was not built.
    pub fn ticketing(&self) -> Result<Service> {
        // A log and pid file of its own.
        let launch = self.wiring.ticketing_command("ticketing-beside", &["serve"])?;
        Ok(Service::new(launch, format!("{}/readyz", self.wiring.ticketing_url())))
    }

    /// Shows that its history and projections agree.
    ///
    /// # Errors
    /// With what does not.
    pub async fn verify(&self) -> Result<()> {
        self.wiring.ticketing_command("verify-beside", &["verify"])?.run().await
    }

    /// Deletes it with all its copies.
    ///
    /// # Errors
    /// If a server refuses it.
    pub async fn discard(self) -> Result<()> {
        for copy in &self.kept {
            postgres::drop_database(&self.addresses.database_admin_url, copy).await?;
        }
        self.addresses.delete_place(&self.place).await
    }

    async fn copy(&self, from: &str, to: &str) -> Result<()> {
        self.whoever_left(from).await?;
        let copy = format!("create database {to} template {from} {}", self.strategy);
        self.admin.batch_execute(&copy).await.context("copying a database")
    }

    /// Ends what is still connected to a database: a copy is only made of one that nobody uses.
    async fn whoever_left(&self, database: &str) -> Result<()> {
        let end = "select pg_terminate_backend(pid, 5000) from pg_stat_activity \
            where datname = $1 and pid <> pg_backend_pid()";
        self.admin.query(end, &[&database]).await?;
        Ok(())
    }

    fn copy_of(&self, count: usize) -> String {
        format!("{}_{count}", self.place)
    }
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
