//! A private Postgres: own data, own port, loopback only, no socket files.
//!
//! Commits are durable as in production (`fsync` and friends stay on): `ticketing` refuses to start
//! otherwise, and the fault tests would prove nothing. Whoever reaches the port is trusted; that is
//! this machine.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};
use tokio_util::sync::CancellationToken;

use crate::account::{Account, private_folder};
use crate::home::Site;
use crate::process::{Launch, Process, stop_leftover};
use crate::programs::PostgresPrograms;

/// The role that owns everything.
pub const ROLE: &str = "turnstile";
/// Ends sessions and writes a checkpoint; "smart" would wait for clients, "immediate" needs
/// recovery.
const FAST_SHUTDOWN: Signal = Signal::INT;
/// Long enough for the recovery after a crash.
const START_LIMIT: Duration = Duration::from_secs(120);
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// Several whole systems share one server in tests, each with pool, writers and listeners.
const MAX_CONNECTIONS: u16 = 300;

/// A private Postgres server, running or not. Dropped, it is killed.
#[derive(Debug)]
pub struct Postgres {
    programs: PostgresPrograms,
    site: Site,
    account: Option<Account>,
    port: u16,
    process: Option<Process>,
}

/// The major version that wrote the data at `site`, if there are any.
pub fn data_version(site: &Site) -> Option<u32> {
    fs::read_to_string(site.folder.join("data/PG_VERSION")).ok()?.trim().parse().ok()
}

impl Postgres {
    /// The server at `site`, not started.
    ///
    /// # Errors
    /// If no account to run it as is found.
    pub fn new(site: Site, programs: PostgresPrograms, port: u16) -> Result<Self> {
        let account = Account::for_server(&site.folder, "postgres")?;
        Ok(Self { programs, site, account, port, process: None })
    }

    /// Starts it, making its data first if there are none; answers when it takes connections.
    ///
    /// # Errors
    /// If it does not start, with the last lines of its log.
    pub async fn start(&mut self) -> Result<()> {
        if self.process.is_some() {
            bail!("Postgres runs already");
        }
        self.initialise().await?;
        let settings = [
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".into(),
            "unix_socket_directories=".into(),
            format!("max_connections={MAX_CONNECTIONS}"),
            "timezone=UTC".into(),
            "log_timezone=UTC".into(),
        ];
        let mut arguments = vec!["-D".into(), self.data().into()];
        for setting in settings {
            arguments.extend(["-c".into(), setting.into()]);
        }
        let launch = self.launch(self.programs.postgres.clone(), arguments);
        let url = self.url("postgres");
        let process = self.process.insert(launch.start()?);
        process.until_ready(START_LIMIT, || answers(&url)).await
    }

    async fn initialise(&self) -> Result<()> {
        let (data, draft) = (self.data(), self.site.folder.join("data.draft"));
        if data.exists() {
            return Ok(());
        }
        private_folder(&self.site.folder, self.account)?;
        // Under another name until it is whole: a start that is cut short leaves no half a data
        // folder.
        if draft.exists() {
            fs::remove_dir_all(&draft).context("an unfinished data folder")?;
        }
        let arguments = ["-A", "trust", "-E", "UTF8", "--locale=C", "-U", ROLE, "-D"];
        let mut arguments = arguments.map(Into::into).to_vec();
        arguments.push(draft.clone().into());
        self.launch(self.programs.initdb.clone(), arguments).run().await?;
        fs::rename(&draft, &data).context("finishing the data folder")
    }

    fn launch(&self, program: PathBuf, arguments: Vec<OsString>) -> Launch {
        Launch {
            name: "Postgres".into(),
            program,
            arguments,
            variables: vec![("PATH".into(), "/usr/bin:/bin".into()), ("LC_ALL".into(), "C".into())],
            clean: true,
            folder: self.site.folder.clone(),
            account: self.account,
            log: self.site.logs.join("postgres.log"),
            pid_file: pid_file(&self.site),
        }
    }

    fn data(&self) -> PathBuf {
        self.site.folder.join("data")
    }

    /// Stops it: sessions are ended, everything is written.
    ///
    /// # Errors
    /// If it can not be stopped.
    pub async fn stop(&mut self) -> Result<()> {
        self.stop_or_kill(&CancellationToken::new()).await
    }

    /// As [`Postgres::stop`], but kills it when `hurry` is given. What was committed is safe either
    /// way.
    ///
    /// # Errors
    /// If it can not be stopped.
    pub async fn stop_or_kill(&mut self, hurry: &CancellationToken) -> Result<()> {
        match self.process.take() {
            Some(process) => process.stop(FAST_SHUTDOWN, STOP_LIMIT, hurry).await,
            None => Ok(()),
        }
    }

    /// Kills it with all its children, as a power failure would; answers when all are gone. Its
    /// lock file stays: the next start finds it stale, as it would in life.
    ///
    /// # Errors
    /// If something of it survives.
    pub async fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Kills the postmaster alone; answers when its children have noticed and are gone too, so that
    /// nobody uses the data any more. The lock file stays.
    ///
    /// # Errors
    /// If something of it survives.
    pub async fn kill_postmaster(&mut self) -> Result<()> {
        match self.process.take() {
            Some(process) => process.kill_alone().await,
            None => Ok(()),
        }
    }

    /// Stops and starts it.
    ///
    /// # Errors
    /// As both.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        self.start().await
    }

    /// Its process while it runs.
    pub fn process(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        url(self.port, database)
    }

    /// Writes a dump of a database, for [`Postgres::restore`].
    ///
    /// # Errors
    /// If `pg_dump` fails.
    pub async fn dump(&self, database: &str) -> Result<()> {
        let file = self.dump_file(database);
        let arguments = ["-Fc".into(), "-f".into(), file.into(), "-d".into()];
        self.tool("pg_dump", arguments, database).await
    }

    /// Deletes a database, with whoever is connected to it, and makes it as it was dumped.
    ///
    /// # Errors
    /// If the server refuses it or `pg_restore` fails.
    pub async fn restore(&self, database: &str) -> Result<()> {
        drop_database(&self.url("postgres"), database).await?;
        self.create_database(database).await?;
        let file = self.dump_file(database);
        let arguments = ["--exit-on-error".into(), file.into(), "-j1".into(), "-d".into()];
        self.tool("pg_restore", arguments, database).await
    }

    async fn tool(&self, name: &str, arguments: [OsString; 4], database: &str) -> Result<()> {
        let mut arguments = arguments.to_vec();
        arguments.push(self.url(database).into());
        let launch = self.launch(self.programs.postgres.with_file_name(name), arguments);
        Launch { name: name.into(), log: self.site.logs.join(format!("{name}.log")), ..launch }
            .run()
            .await
    }

    fn dump_file(&self, database: &str) -> PathBuf {
        self.site.folder.join(format!("{database}.dump"))
    }

    /// Makes an empty database unless it is there.
    ///
    /// # Errors
    /// If the server refuses it.
    pub async fn create_database(&self, name: &str) -> Result<()> {
        create_database(&self.url("postgres"), name, None).await
    }
}

/// Stops a server that an earlier launcher left running at `site`. Answers whether there was one.
///
/// # Errors
/// If it can not be stopped.
pub async fn stop_leftover_server(site: &Site) -> Result<bool> {
    stop_leftover(&pid_file(site), FAST_SHUTDOWN, STOP_LIMIT).await
}

fn pid_file(site: &Site) -> PathBuf {
    site.run.join("postgres.pid")
}

/// The URL of database `database` of the private server on `port`.
pub fn url(port: u16, database: &str) -> String {
    format!("postgres://{ROLE}@127.0.0.1:{port}/{database}")
}

/// Makes a database, by way of `admin_url`, unless it is there: an empty one, or a copy of
/// `template`, which nobody may be connected to.
///
/// # Errors
/// If the server can not be reached or refuses it.
pub async fn create_database(admin_url: &str, name: &str, template: Option<&str>) -> Result<()> {
    let client = connect(admin_url).await?;
    let mut create = format!("CREATE DATABASE {}", quoted(name));
    if let Some(template) = template {
        create.push_str(&format!(" TEMPLATE {}", quoted(template)));
    }
    match client.batch_execute(&create).await {
        Err(error) if error.code() == Some(&SqlState::DUPLICATE_DATABASE) => Ok(()),
        answer => answer.with_context(|| format!("creating the database {name}")),
    }
}

/// Deletes a database with whoever is connected to it, by way of `admin_url`.
///
/// # Errors
/// If the server can not be reached or refuses it.
pub async fn drop_database(admin_url: &str, name: &str) -> Result<()> {
    let client = connect(admin_url).await?;
    let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name));
    client.batch_execute(&drop).await.with_context(|| format!("dropping the database {name}"))
}

/// Whether the database at `url` answers.
///
/// # Errors
/// If it does not: why.
pub async fn reach(url: &str) -> Result<()> {
    let client = connect(url).await?;
    client.batch_execute("SELECT 1").await?;
    Ok(())
}

async fn answers(url: &str) -> bool {
    reach(url).await.is_ok()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // It ends with the client; what goes wrong on it the client's calls report.
    tokio::spawn(connection);
    Ok(client)
}
