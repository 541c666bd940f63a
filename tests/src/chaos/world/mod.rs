//! What is broken: a Postgres and a RabbitMQ, two `ticketing` and two `rules`, each in a session of
//! its own, on servers nobody else uses, reached by their handles so that they can be killed.
//!
//! [`broker`] is the operator's hand, [`letters`] reads dead ones, [`tap`] collects messages,
//! [`settle`] knows when nothing is left to do, [`usage`] what the processes hold. Not here: what
//! breaks ([`super::faults`]) and what must hold ([`super::checkers`]).

pub mod broker;
pub mod letters;
pub mod settle;
pub mod tap;
pub mod usage;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio_postgres::{Client, NoTls};

use super::journal::Journal;
use super::proxy::{Protocol, Proxy};
use super::workload::Workload;
use super::workload::api::Api;
use super::workload::hall::{Hall, Match};
use super::workload::people::{self, Person};
use crate::rabbitmq::amqp_url;
use crate::secrets::BrokerUser;
use crate::servers::Servers;
use crate::service::Service;
use crate::temporary::TemporaryHome;
use crate::throwaway::Addresses;
use crate::wiring::Wiring;
use crate::{ports, postgres};

/// Replicas of each service.
pub const REPLICAS: usize = 2;
/// How long an order holds its ticket: so short that orders run out while the run goes on.
pub const HOLD: Duration = Duration::from_secs(2);
/// How much longer while it is paid: together no longer than a fault of the short profile lasts, so
/// that payments which it holds up come too late.
const PAYMENT: Duration = Duration::from_secs(1);
/// How long a seat of a match is held.
pub const SEAT_HOLD: Duration = Duration::from_secs(2);
/// Accounts of the workload.
const PEOPLE: usize = 8;
/// A standard link opens soon, so that a run sees links that are not open, open, used and closed.
const RULES: &str =
    r#"{"premium": "instant", "standard": "2 seconds", "default": "start of the next day"}"#;

/// Settings of the services beside those that every world has.
pub type Settings<'a> = [(&'a str, &'a str)];

/// A whole Turnstile to be broken. Dropped, all of it is killed and deleted.
pub struct World {
    /// The replicas of `ticketing`.
    pub ticketing: Vec<Service>,
    /// The replicas of `rules`.
    pub rules: Vec<Service>,
    /// Between the services and Postgres.
    pub database_proxy: Proxy,
    /// Between the services and RabbitMQ.
    pub broker_proxy: Proxy,
    /// Settings and commands of `ticketing`, by the servers' own ports.
    pub wiring: Wiring,
    /// The API of the replicas.
    pub api: Api,
    /// The name of the database and the virtual host.
    pub place: String,
    /// The accounts of the workload.
    pub people: Vec<Person>,
    /// More accounts, for what they are too few for.
    pub crowd: Vec<Person>,
    /// Where they go to matches; nothing until it is open.
    hall: Option<Hall>,
    /// What was published to become a dead letter: each such letter holds one of these.
    pub poison: Vec<String>,
    /// The addresses where `rules` tells its health.
    pub rules_urls: Vec<String>,
    /// Clients at work.
    workload: Option<Workload>,
    _home: TemporaryHome,
    // Last, so that everything else is gone before the servers are.
    /// Postgres and RabbitMQ.
    pub servers: Servers,
}

impl World {
    /// Makes everything on running servers that nobody else uses, in a database and a virtual host
    /// called `place`; [`World::open`] starts the services. The journal is written to `journal`;
    /// `more` are settings of the services.
    ///
    /// # Errors
    /// If something can not be made.
    pub async fn on(
        servers: Servers,
        place: &str,
        journal: &Path,
        more: &Settings<'_>,
    ) -> Result<Self> {
        let addresses = Addresses::of(&servers)?;
        addresses.create_place(place).await?;
        let home = TemporaryHome::of_system(&addresses.home, place)?;
        let rules_file = home.home.root().join("rules.json");
        fs::write(&rules_file, RULES).context("writing the rules")?;
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let database = local(servers.postgres.port());
        let database_proxy = Proxy::start(database, Protocol::Postgres).await?;
        let broker_proxy = Proxy::start(local(addresses.amqp_port), Protocol::Amqp).await?;
        let mut wiring = Wiring {
            home: home.home.clone(),
            database_url: addresses.database_url(place),
            amqp_url: addresses.amqp_url(BrokerUser::Ticketing, place),
            rules_amqp_url: addresses.amqp_url(BrokerUser::Rules, place),
            bind_address: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            public_url: "http://localhost".into(),
            rules_bind: local(0),
            more: vec![("RULES_FILE".into(), rules_file.display().to_string())],
        };
        let [hold, payment, seat] =
            [HOLD, PAYMENT, SEAT_HOLD].map(|time| time.as_secs().to_string());
        let always = [
            ("RATE_LIMITS", "off"),
            ("RUST_BACKTRACE", "0"),
            ("HOLD_SECONDS", hold.as_str()),
            ("PAYMENT_SECONDS", payment.as_str()),
            ("SEAT_HOLD_SECONDS", seat.as_str()),
        ];
        let more = always.iter().chain(more).map(|&(name, value)| (name.into(), value.into()));
        wiring.more.extend(more);
        wiring.generate_keys().await?;
        wiring.migrate().await?;
        let amqp = |user| amqp_url(broker_proxy.port(), user, &addresses.passwords, place);
        let broken = Wiring {
            database_url: postgres::url(database_proxy.port(), place),
            amqp_url: amqp(BrokerUser::Ticketing),
            rules_amqp_url: amqp(BrokerUser::Rules),
            ..wiring.clone()
        };
        let ports: [u16; 2 * REPLICAS] = ports::free()?;
        let (public, internal) = ports.split_at(REPLICAS);
        let ticketing = replicas(public, |port, number| {
            Wiring { port, ..broken.clone() }.ticketing_replica(number)
        })?;
        let rules = replicas(internal, |port, number| {
            Wiring { rules_bind: local(port), ..broken.clone() }.rules_replica(number)
        })?;
        Ok(Self {
            ticketing,
            rules,
            database_proxy,
            broker_proxy,
            wiring,
            api: Api::new(urls(public), Arc::new(Journal::new(journal)?))?,
            people: Vec::new(),
            crowd: Vec::new(),
            hall: None,
            poison: Vec::new(),
            rules_urls: urls(internal),
            place: place.to_owned(),
            workload: None,
            _home: home,
            servers,
        })
    }

    /// Starts the services, registers the workload's accounts, and opens the hall.
    ///
    /// # Errors
    /// If a service does not get ready, or something is refused.
    pub async fn open(&mut self) -> Result<()> {
        for service in self.ticketing.iter_mut().chain(&mut self.rules) {
            service.spawn()?;
        }
        for service in self.ticketing.iter_mut().chain(&mut self.rules) {
            service.until_ready().await?;
        }
        self.people = people::welcome(&self.api, "person", PEOPLE).await?;
        let mut admins = people::welcome(&self.api, "admin", 1).await?;
        let admin = admins.pop().context("an administrator")?;
        let grant = ["grant", &admin.username, "admin"];
        self.wiring.ticketing_command("grant", &grant)?.run().await?;
        let hall = Hall::open(&self.api, admin).await?;
        hall.give_wallets(&self.api, &self.people).await?;
        self.hall = Some(hall);
        Ok(())
    }

    /// Where people go to matches.
    ///
    /// # Errors
    /// If it is not open.
    pub fn hall(&self) -> Result<&Hall> {
        self.hall.as_ref().context("the hall is not open")
    }

    /// One more match there, with so many seats on sale.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn another_match(&mut self, seats: usize) -> Result<Match> {
        self.hall.as_mut().context("the hall is not open")?.sell(&self.api, seats).await
    }

    /// Lets clients loose once it is open, unless they are.
    pub fn work(&mut self, seed: u64) {
        if let (None, Some(hall)) = (&self.workload, &self.hall) {
            self.workload = Some(Workload::start(&self.api, &self.people, hall.usual, seed));
        }
    }

    /// Lets every client finish what it is at and know its outcome.
    ///
    /// # Errors
    /// If one could not.
    pub async fn rest(&mut self) -> Result<()> {
        match self.workload.take() {
            Some(workload) => workload.stop().await.context("the workload"),
            None => Ok(()),
        }
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

    /// Copies all logs to a folder, which is made anew.
    ///
    /// # Errors
    /// If it can not be written.
    pub fn keep_logs(&self, to: &Path) -> Result<()> {
        if to.exists() {
            fs::remove_dir_all(to)?;
        }
        fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
        for folder in self.log_folders() {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
        Ok(())
    }

    /// Stops the services in good order and answers the servers, for another world.
    ///
    /// # Errors
    /// If a service survives.
    pub async fn close(mut self) -> Result<Servers> {
        for service in self.ticketing.iter_mut().chain(&mut self.rules) {
            service.stop().await?;
        }
        Ok(self.servers)
    }
}

/// A service on each of these ports, each with a number of its own from 1.
fn replicas(ports: &[u16], make: impl Fn(u16, usize) -> Result<Service>) -> Result<Vec<Service>> {
    (1..).zip(ports).map(|(number, port)| make(*port, number)).collect()
}

fn urls(ports: &[u16]) -> Vec<String> {
    ports.iter().map(|port| format!("http://127.0.0.1:{port}")).collect()
}
