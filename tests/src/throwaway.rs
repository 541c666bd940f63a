//! `turnstile servers`: throwaway servers in a process of their own, so that they vanish even when
//! whoever asked for them is killed; and the handle by which tests ask.
//!
//! The contract is one line of JSON ([`Addresses`]) on its standard output; it ends when its
//! standard input does.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use ticketing::config::DatabaseSettings;
use ticketing::platform::database::Database;
use tokio::sync::Mutex;

use crate::postgres;
use crate::rabbitmq::{amqp_url, management::Management};
use crate::say;
use crate::secrets::{BrokerUser, Passwords};
use crate::servers::Servers;
use crate::service::program;
use crate::signals::{Stop, end_of_input};

/// Where throwaway servers are and how to use them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Addresses {
    /// The servers' home; what runs from a home inside it ends with them.
    pub home: PathBuf,
    /// Postgres as its owner, database `postgres`.
    pub database_admin_url: String,
    /// Postgres' port.
    pub database_port: u16,
    /// RabbitMQ's host.
    pub amqp_host: String,
    /// RabbitMQ's AMQP port.
    pub amqp_port: u16,
    /// RabbitMQ's management API and console.
    pub management_url: String,
    /// Its port.
    pub management_port: u16,
    /// The passwords of the users `ticketing`, `rules` and `operator`.
    pub passwords: Passwords,
}

impl Addresses {
    /// Those of running `servers`.
    ///
    /// # Errors
    /// If the home can not be read.
    pub fn of(servers: &Servers) -> Result<Self> {
        let ports = servers.home().known_ports()?.context("ports of running servers")?;
        Ok(Self {
            home: servers.home().root().to_owned(),
            database_admin_url: servers.postgres.url("postgres"),
            database_port: ports.postgres,
            amqp_host: "127.0.0.1".into(),
            amqp_port: ports.amqp,
            management_url: servers.rabbitmq.management().url().to_owned(),
            management_port: ports.management,
            passwords: servers.passwords()?,
        })
    }

    /// The URL of one database.
    pub fn database_url(&self, database: &str) -> String {
        postgres::url(self.database_port, database)
    }

    /// The AMQP URL for `user` in `vhost`.
    pub fn amqp_url(&self, user: BrokerUser, vhost: &str) -> String {
        amqp_url(self.amqp_port, user, &self.passwords, vhost)
    }

    /// The broker's management API, as the administrator.
    pub fn management(&self) -> Management {
        let user = BrokerUser::Operator;
        Management::new(self.management_port, user.name(), self.passwords.of(user))
    }

    /// Makes an empty database and a virtual host, both called `name` (letters, digits, `_`).
    ///
    /// # Errors
    /// If a server refuses it.
    pub async fn create_place(&self, name: &str) -> Result<()> {
        self.create(name, None).await
    }

    /// As [`Addresses::create_place`], with the schema in the database.
    ///
    /// # Errors
    /// If a server refuses it.
    pub async fn create_migrated_place(&self, name: &str) -> Result<()> {
        let template = self.migrated().await?;
        self.create(name, Some(template)).await
    }

    async fn create(&self, name: &str, template: Option<&str>) -> Result<()> {
        let management = self.management();
        tokio::try_join!(
            postgres::create_database(&self.database_admin_url, name, template),
            management.create_vhost(name)
        )?;
        Ok(())
    }

    /// The database that is copied: to migrate each anew takes several times as long.
    async fn migrated(&self) -> Result<&'static str> {
        static NAME: &str = "turnstile_migrated";
        static SERVERS: Mutex<BTreeSet<u16>> = Mutex::const_new(BTreeSet::new());
        let mut migrated = SERVERS.lock().await;
        if !migrated.contains(&self.database_port) {
            postgres::create_database(&self.database_admin_url, NAME, None).await?;
            database(&self.database_url(NAME))?.migrate().await?;
            migrated.insert(self.database_port);
        }
        Ok(NAME)
    }

    /// Deletes what [`Addresses::create_place`] made, with all that is in it.
    ///
    /// # Errors
    /// If a server refuses it.
    pub async fn delete_place(&self, name: &str) -> Result<()> {
        let management = self.management();
        tokio::try_join!(
            postgres::drop_database(&self.database_admin_url, name),
            management.delete_vhost(name)
        )?;
        Ok(())
    }
}

/// The database at `url` as `ticketing` uses it, in this process.
///
/// # Errors
/// If it is no address of Postgres.
pub fn database(url: &str) -> Result<Database> {
    let settings = DatabaseSettings {
        database_url: url.to_owned(),
        database_pool_size: 8,
        allow_unsafe_database: false,
    };
    Ok(Database::new(&settings)?)
}

/// Runs the command `turnstile servers`.
///
/// # Errors
/// If the servers do not start or can not be stopped.
pub async fn serve() -> Result<()> {
    // Out of reach of what is sent to the caller's process group: a Ctrl-C there, or its killing.
    // It fails for the leader of a group, which a shell's command is; then the shell is the caller
    // and there is no other.
    let _ = rustix::process::setsid();
    let stop = Stop::listen()?;
    let servers = tokio::select! {
        servers = Servers::throwaway() => servers?,
        () = stop.asked.cancelled() => return Ok(()),
        () = end_of_input() => return Ok(()),
    };
    say::say(serde_json::to_string(&Addresses::of(&servers)?)?);
    tokio::select! {
        () = stop.asked.cancelled() => {}
        () = end_of_input() => {}
    }
    servers.discard().await
}

/// Throwaway servers in a process of their own. They vanish when this is dropped, and when this
/// program ends, however it does.
#[derive(Debug)]
pub struct SharedServers {
    /// Where they are.
    pub addresses: Addresses,
    input: Option<ChildStdin>,
    child: Child,
}

impl SharedServers {
    /// Starts them; takes some 6 s. Blocks, and belongs to no runtime: tests with runtimes of their
    /// own share it.
    ///
    /// # Errors
    /// If `turnstile` is not built or its servers do not start.
    pub fn start() -> Result<Self> {
        let mut child = Command::new(program("turnstile")?)
            .arg("servers")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting `turnstile servers`")?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("the output of `turnstile servers`")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).context("reading `turnstile servers`")?;
        let addresses = serde_json::from_str(&line)
            .context("`turnstile servers` did not start; what it said stands above")?;
        Ok(Self { addresses, input, child })
    }
}

impl Drop for SharedServers {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn servers_that_can_not_start_end_although_the_caller_waits() {
        let mut child = Command::new(program("turnstile").unwrap())
            .arg("servers")
            .env("TMPDIR", "/dev/null/no-folder")
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "still there");
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(!status.success());
    }
}
