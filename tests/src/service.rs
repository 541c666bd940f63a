//! A service as a child process: `ticketing` or `rules`, in the program built beside this one
//! (`target/<profile>`). Not here: its settings ([`crate::wiring`]).

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Client, StatusCode};
use rustix::process::Signal;
use tokio_util::sync::CancellationToken;

use crate::home::Home;
use crate::local;
use crate::process::{Launch, Process, stop_leftover};
use crate::supervise::{Unit, end_of};

/// A first start prepares nothing, so it takes a second or two; a slow machine may need more.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Requests in flight are answered and batches finished; longer only if something hangs.
const STOP_LIMIT: Duration = Duration::from_secs(15);

const ASK_LIMIT: Duration = Duration::from_secs(2);

/// The program called `name` that was built together with this one.
///
/// # Errors
/// If it was not built.
pub fn program(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("where this program is")?;
    // Test programs are in `target/<profile>/deps`, the others one above.
    own.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .with_context(|| format!("{name} is not built: cargo build --workspace --bins"))
}

/// A service, running or not. Dropped, it is killed.
#[derive(Debug)]
pub struct Service {
    launch: Launch,
    ready_url: String,
    client: Client,
    process: Option<Process>,
}

impl Service {
    /// What `launch` starts; it is ready when `ready_url` answers 200.
    pub fn new(launch: Launch, ready_url: String) -> Self {
        Self { launch, ready_url, client: local::client(), process: None }
    }

    /// Starts it; answers when it is ready.
    ///
    /// # Errors
    /// If it does not get ready, with the last lines of its log.
    pub async fn start(&mut self) -> Result<()> {
        self.spawn()?;
        self.until_ready().await
    }

    /// Starts it without waiting for anything.
    ///
    /// # Errors
    /// If it runs already or can not be executed.
    pub fn spawn(&mut self) -> Result<()> {
        if self.process.is_some() {
            bail!("{} runs already", self.launch.name);
        }
        self.process = Some(self.launch.start()?);
        Ok(())
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// If it ends before, or takes too long.
    pub async fn until_ready(&mut self) -> Result<()> {
        let Some(process) = &mut self.process else {
            bail!("{} was not started", self.launch.name)
        };
        let (client, url) = (&self.client, &self.ready_url);
        let ready = || async move {
            let answer = client.get(url).timeout(ASK_LIMIT).send().await;
            answer.is_ok_and(|answer| answer.status() == StatusCode::OK)
        };
        process.until_ready(START_LIMIT, ready).await
    }

    /// Stops it in good order.
    ///
    /// # Errors
    /// If it can not be stopped.
    pub async fn stop(&mut self) -> Result<()> {
        self.stop_or_kill(&CancellationToken::new()).await
    }

    /// As [`Service::stop`], but kills it when `hurry` is given.
    ///
    /// # Errors
    /// If it can not be stopped.
    pub async fn stop_or_kill(&mut self, hurry: &CancellationToken) -> Result<()> {
        match self.process.take() {
            Some(process) => process.stop(Signal::TERM, STOP_LIMIT, hurry).await,
            None => Ok(()),
        }
    }

    /// Kills it, as a power failure would; answers when it is gone.
    ///
    /// # Errors
    /// If it survives.
    pub async fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(process) => process.kill().await,
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
}

impl Unit for Service {
    fn name(&self) -> &str {
        &self.launch.name
    }
    async fn start(&mut self) -> Result<()> {
        Self::start(self).await
    }
    async fn ended(&mut self) -> String {
        end_of(self.process()).await
    }
    async fn kill(&mut self) -> Result<()> {
        Self::kill(self).await
    }
    async fn stop_or_kill(&mut self, hurry: &CancellationToken) -> Result<()> {
        Self::stop_or_kill(self, hurry).await
    }
}

/// Stops services that an earlier launcher left running from `home`. Answers whether there were
/// any.
///
/// # Errors
/// If one can not be stopped.
pub async fn stop_leftover_services(home: &Home) -> Result<bool> {
    let mut found = false;
    for name in ["ticketing", "rules"] {
        found |= stop_leftover(&home.pid_file(name), Signal::TERM, STOP_LIMIT).await?;
    }
    Ok(found)
}
