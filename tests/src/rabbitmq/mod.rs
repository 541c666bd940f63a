//! A private RabbitMQ node: own data, own ports, own Erlang name service (epmd), loopback only.
//!
//! [`config`] writes what it reads at its start, [`management`] speaks to its HTTP API. Which
//! exchanges and queues there are is the services' business; here are only users, virtual hosts and
//! permissions.

pub mod config;
pub mod definitions;
pub mod management;

use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::Signal;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::account::{Account, private_folder};
use crate::files::{read_json, write_private};
use crate::home::Site;
use crate::ports::{Ports, is_free_here};
use crate::process::{Launch, Process, stop_leftover};
use crate::programs::RabbitMqPrograms;
use crate::rabbitmq::management::Management;
use crate::secrets::{BrokerUser, Passwords};
use crate::supervise::end_of;

/// A start takes some 5 s; with many messages on disk, longer.
const START_LIMIT: Duration = Duration::from_secs(120);
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// epmd keeps nothing, so it need not be asked twice.
const EPMD_STOP_LIMIT: Duration = Duration::from_secs(2);
const EPMD_START_LIMIT: Duration = Duration::from_secs(10);

/// A private RabbitMQ node, running or not. Dropped, it is killed.
#[derive(Debug)]
pub struct RabbitMq {
    programs: RabbitMqPrograms,
    site: Site,
    account: Option<Account>,
    ports: Ports,
    passwords: Passwords,
    node_name: String,
    // Order matters: fields are dropped, and so killed, in this order.
    node: Option<Process>,
    epmd: Option<Process>,
}

impl RabbitMq {
    /// The node at `site`, not started. Its name is made once and kept: RabbitMQ finds its data by
    /// it.
    ///
    /// # Errors
    /// If no account to run it as is found, or the site can not be written.
    pub fn new(
        site: Site,
        programs: RabbitMqPrograms,
        ports: Ports,
        passwords: Passwords,
    ) -> Result<Self> {
        let account = Account::for_server(&site.folder, "rabbitmq")?;
        private_folder(&site.folder, account)?;
        let name_file = site.folder.join("node_name.json");
        let node_name = match read_json(&name_file)? {
            Some(name) => name,
            None => {
                // Unique on the machine, in case two homes ever share an epmd.
                let name = format!("turnstile-{}@localhost", Uuid::new_v4().simple());
                write_private(&name_file, &serde_json::to_vec(&name)?)?;
                name
            }
        };
        let (node, epmd) = (None, None);
        Ok(Self { programs, site, account, ports, passwords, node_name, node, epmd })
    }

    /// Starts epmd and the node; answers when AMQP and the management API take connections.
    ///
    /// # Errors
    /// If one does not start, with the last lines of its log.
    pub async fn start(&mut self) -> Result<()> {
        if self.node.is_some() {
            bail!("RabbitMQ runs already");
        }
        config::write(&self.site.folder, self.account, &self.ports, &self.passwords)?;
        self.start_epmd().await?;
        let management = self.management();
        let node = self.node.insert(self.node_launch().start()?);
        let amqp = self.ports.amqp;
        tokio::select! {
            ready = node.until_ready(START_LIMIT, || management.listens_on(amqp)) => ready,
            // Without it the node would wait for it, unheard.
            how = end_of(self.epmd.as_mut()) => bail!("epmd ended while RabbitMQ started ({how})"),
        }
    }

    async fn start_epmd(&mut self) -> Result<()> {
        if self.epmd.as_ref().is_some_and(Process::is_alive) {
            return Ok(());
        }
        let port = self.ports.epmd;
        if !is_free_here(port) {
            bail!("port {port}, which is epmd's, is taken");
        }
        let launch = Launch {
            name: "epmd".into(),
            program: self.programs.epmd.clone(),
            arguments: Vec::new(),
            variables: self.variables(),
            clean: true,
            folder: self.site.folder.clone(),
            account: self.account,
            log: self.site.logs.join("epmd.log"),
            pid_file: self.site.run.join("epmd.pid"),
        };
        let listens = || async move { TcpStream::connect(("127.0.0.1", port)).await.is_ok() };
        self.epmd.insert(launch.start()?).until_ready(EPMD_START_LIMIT, listens).await
    }

    fn node_launch(&self) -> Launch {
        Launch {
            name: "RabbitMQ".into(),
            program: self.programs.server.clone(),
            arguments: Vec::new(),
            variables: self.variables(),
            clean: true,
            folder: self.site.folder.clone(),
            account: self.account,
            log: self.site.logs.join("rabbitmq.log"),
            pid_file: self.site.run.join("rabbitmq.pid"),
        }
    }

    fn variables(&self) -> Vec<(String, std::ffi::OsString)> {
        config::variables(&self.site.folder, &self.ports, &self.node_name, &self.programs.path)
    }

    /// Stops the node, then epmd.
    ///
    /// # Errors
    /// If one can not be stopped.
    pub async fn stop(&mut self) -> Result<()> {
        self.stop_or_kill(&CancellationToken::new()).await
    }

    /// As [`RabbitMq::stop`], but kills it when `hurry` is given. Confirmed messages are safe
    /// either way.
    ///
    /// # Errors
    /// If one can not be stopped.
    pub async fn stop_or_kill(&mut self, hurry: &CancellationToken) -> Result<()> {
        if let Some(node) = self.node.take() {
            node.stop(Signal::TERM, STOP_LIMIT, hurry).await?;
        }
        if let Some(epmd) = self.epmd.take() {
            epmd.stop(Signal::TERM, EPMD_STOP_LIMIT, hurry).await?;
        }
        Ok(())
    }

    /// Kills the node with all its children, as a power failure would; answers when all are gone.
    ///
    /// # Errors
    /// If something of it survives.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(node) = self.node.take() {
            node.kill().await?;
        }
        if let Some(epmd) = self.epmd.take() {
            epmd.kill().await?;
        }
        Ok(())
    }

    /// Stops and starts it.
    ///
    /// # Errors
    /// As both.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        self.start().await
    }

    /// Waits for the end of the node and answers how it ended. An epmd that dies meanwhile is
    /// started again here: the node registers with it again by itself, within a minute.
    pub async fn ended(&mut self) -> String {
        loop {
            tokio::select! {
                how = end_of(self.node.as_mut()) => return how,
                _ = end_of(self.epmd.as_mut()) => {}
            }
            self.epmd = None;
            if let Err(error) = self.start_epmd().await {
                return format!("{error:#}");
            }
        }
    }

    /// The node's process while it runs.
    pub fn process(&mut self) -> Option<&mut Process> {
        self.node.as_mut()
    }

    /// Its management API, as the administrator.
    pub fn management(&self) -> Management {
        let user = BrokerUser::Operator;
        Management::new(self.ports.management, user.name(), self.passwords.of(user))
    }

    /// The AMQP URL for `user` in `vhost`.
    pub fn amqp_url(&self, user: BrokerUser, vhost: &str) -> String {
        amqp_url(self.ports.amqp, user, &self.passwords, vhost)
    }

    /// Runs RabbitMQ's own `rabbitmqctl` on the node.
    ///
    /// # Errors
    /// If it can not be run, or answers with failure.
    pub async fn control(&self, arguments: &[&str]) -> Result<()> {
        let launch = Launch {
            name: "rabbitmqctl".into(),
            program: self.programs.server.with_file_name("rabbitmqctl"),
            arguments: arguments.iter().map(Into::into).collect(),
            log: self.site.logs.join("rabbitmqctl.log"),
            pid_file: self.site.run.join("rabbitmqctl.pid"),
            ..self.node_launch()
        };
        launch.run().await
    }

    /// Makes a virtual host in which the two services have the permissions they have in production.
    ///
    /// # Errors
    /// If the node refuses it.
    pub async fn create_vhost(&self, name: &str) -> Result<()> {
        self.management().create_vhost(name).await
    }
}

/// The AMQP URL for `user` in `vhost` of the private node on `port`.
pub fn amqp_url(port: u16, user: BrokerUser, passwords: &Passwords, vhost: &str) -> String {
    format!("amqp://{}:{}@127.0.0.1:{port}/{vhost}", user.name(), passwords.of(user))
}

/// Stops a node, and its epmd, that an earlier launcher left running at `site`. Answers whether
/// there was one.
///
/// # Errors
/// If it can not be stopped.
pub async fn stop_leftover_node(site: &Site) -> Result<bool> {
    let node = stop_leftover(&site.run.join("rabbitmq.pid"), Signal::TERM, STOP_LIMIT).await?;
    let epmd = stop_leftover(&site.run.join("epmd.pid"), Signal::TERM, EPMD_STOP_LIMIT).await?;
    Ok(node || epmd)
}
