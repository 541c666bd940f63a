//! What is broken: a Postgres and a RabbitMQ, two `ticketing` and two `rules`, each in a session of
//! its own, on servers nobody else uses, reached by their handles so that they can be killed.
//!
//! [`broker`] is the operator's hand, [`settle`] knows when nothing is left to do, [`usage`] what the processes hold. Not here: what
//! breaks ([`super::faults`]) and what must hold ([`super::checkers`]).

pub mod broker;
pub mod settle;
pub mod usage;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio_postgres::{Client, NoTls};

use super::journal::Journal;
use super::workload::api::Api;
use super::workload::people::{self, Person};
use crate::ports;
use crate::secrets::BrokerUser;
use crate::servers::Servers;
use crate::service::Service;
use crate::temporary::TemporaryHome;
use crate::throwaway::Addresses;
use crate::wiring::Wiring;

/// The database and the virtual host.
pub const PLACE: &str = "chaos";
/// Replicas of each service.
pub const REPLICAS: usize = 2;
/// Accounts of the workload.
const PEOPLE: usize = 8;
/// A standard link opens soon, so that a run sees links that are not open, open, used and closed.
const RULES: &str =
    r#"{"premium": "instant", "standard": "2 seconds", "default": "start of the next day"}"#;

/// A whole Turnstile to be broken. Dropped, all of it is killed and deleted.
#[derive(Debug)]
pub struct World {
    /// The replicas of `ticketing`.
    pub ticketing: Vec<Service>,
    /// The replicas of `rules`.
    pub rules: Vec<Service>,
    /// Settings and commands of `ticketing`, by the servers' own ports.
    pub wiring: Wiring,
    /// The API of the replicas.
    pub api: Api,
    /// The accounts of the workload.
    pub people: Vec<Person>,
    /// What was published to become a dead letter: each such letter holds one of these.
    pub poison: Vec<String>,
    /// The addresses where `rules` tells its health.
    pub rules_urls: Vec<String>,
    _home: TemporaryHome,
    // Last, so that everything else is gone before the servers are.
    /// Postgres and RabbitMQ.
    pub servers: Servers,
}

impl World {
    /// Starts everything; the journal is written to `journal`. `more` are settings of the services.
    ///
    /// # Errors
    /// If something does not start.
    pub async fn start(journal: &std::path::Path, more: &[(&str, &str)]) -> Result<Self> {
        let servers = Servers::throwaway().await?;
        let addresses = Addresses::of(&servers)?;
        addresses.create_place(PLACE).await?;
        let home = TemporaryHome::of_system(&addresses.home, PLACE)?;
        let rules_file = home.home.root().join("rules.json");
        fs::write(&rules_file, RULES).context("writing the rules")?;
        let ports: [u16; 2 * REPLICAS] = ports::free()?;
        let (public, internal) = ports.split_at(REPLICAS);
        let mut wiring = Wiring {
            home: home.home.clone(),
            database_url: addresses.database_url(PLACE),
            amqp_url: addresses.amqp_url(BrokerUser::Ticketing, PLACE),
            rules_amqp_url: addresses.amqp_url(BrokerUser::Rules, PLACE),
            bind_address: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            public_url: "http://localhost".into(),
            rules_bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            more: Vec::new(),
        };
        let own = [("RATE_LIMITS", "off"), ("RUST_BACKTRACE", "0")];
        wiring.more.push(("RULES_FILE".into(), rules_file.display().to_string()));
        for (name, value) in own.iter().chain(more) {
            wiring.more.push(((*name).into(), (*value).into()));
        }
        wiring.generate_keys().await?;
        wiring.migrate().await?;
        let ticketing = replicas(public, |port, name| {
            let wiring = Wiring { port, ..wiring.clone() };
            wiring.ticketing_replica(name)
        })?;
        let rules = replicas(internal, |port, name| {
            let rules_bind = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            Wiring { rules_bind, ..wiring.clone() }.rules_replica(name)
        })?;
        let urls = |ports: &[u16]| -> Vec<String> {
            ports.iter().map(|port| format!("http://127.0.0.1:{port}")).collect()
        };
        let api = Api::new(urls(public), Arc::new(Journal::new(journal)?))?;
        let rules_urls = urls(internal);
        let (people, poison) = (Vec::new(), Vec::new());
        let _home = home;
        Ok(Self { ticketing, rules, wiring, api, people, poison, rules_urls, _home, servers })
    }

    /// Starts the services and registers the workload's accounts.
    ///
    /// # Errors
    /// If a service does not get ready or an account is refused.
    pub async fn open(&mut self) -> Result<()> {
        for service in self.ticketing.iter_mut().chain(&mut self.rules) {
            service.spawn()?;
        }
        for service in self.ticketing.iter_mut().chain(&mut self.rules) {
            service.until_ready().await?;
        }
        self.people = people::welcome(&self.api, "person", PEOPLE).await?;
        Ok(())
    }

    /// A connection to the database, as its owner and not by way of a proxy.
    ///
    /// # Errors
    /// If Postgres does not answer.
    pub async fn sql(&self) -> Result<Client> {
        let (client, connection) =
            tokio_postgres::connect(&self.wiring.database_url, NoTls).await?;
        // It ends with the client; what goes wrong on it the client's calls report.
        tokio::spawn(connection);
        Ok(client)
    }

    /// Where the services and the servers write their logs.
    pub fn log_folders(&self) -> [PathBuf; 2] {
        [&self.wiring.home, self.servers.home()].map(|home| home.root().join("logs"))
    }

    /// Stops the services in good order and deletes everything.
    ///
    /// # Errors
    /// If something survives.
    pub async fn close(mut self) -> Result<()> {
        for service in self.ticketing.iter_mut().chain(&mut self.rules) {
            service.stop().await?;
        }
        self.servers.discard().await
    }
}

/// A service on each of these ports, each with a name of its own.
fn replicas(ports: &[u16], make: impl Fn(u16, usize) -> Result<Service>) -> Result<Vec<Service>> {
    ports.iter().enumerate().map(|(number, port)| make(*port, number + 1)).collect()
}
