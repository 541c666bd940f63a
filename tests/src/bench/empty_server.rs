//! The reference for everything over HTTP: an empty poem handler behind the accept loop of
//! `ticketing`, in a process of its own (`turnstile empty-server`), so that it pays for switching
//! as the services do.
//!
//! The contract is one line on its standard output, its port; it ends when its standard input does.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;

use anyhow::{Context, Result};
use poem::Response;
use poem::endpoint::make_sync;
use ticketing::api::server;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::say;
use crate::signals::end_of_input;

/// As many connections as `ticketing` has by default.
const MAX_CONNECTIONS: usize = 10_000;
/// The name of the command.
const COMMAND: &str = "empty-server";

/// Runs the command `turnstile empty-server`.
///
/// # Errors
/// If it can not listen.
pub async fn serve() -> Result<()> {
    let listener = server::listen(Ipv4Addr::LOCALHOST.into(), 0)?;
    let address = listener.local_addr()?;
    let shutdown = CancellationToken::new();
    let endpoint = make_sync(|_| Response::default());
    let serving = server::serve(listener, endpoint, MAX_CONNECTIONS, shutdown.clone());
    let serving = tokio::spawn(serving);
    say::say(address.port().to_string());
    end_of_input().await;
    shutdown.cancel();
    serving.await.context("serving")
}

/// The running process. Dropped, it is killed; it also ends by itself with this program.
#[derive(Debug)]
pub struct EmptyServer {
    /// Where it answers.
    pub address: SocketAddr,
    child: Child,
}

impl EmptyServer {
    /// Starts it; answers when it listens.
    ///
    /// # Errors
    /// If it does not.
    pub async fn start() -> Result<Self> {
        let own = std::env::current_exe().context("where this program is")?;
        let mut child = Command::new(own)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting the empty server")?;
        let output = child.stdout.take().context("its output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await.context("reading its port")?;
        let port: u16 = line.trim().parse().context("the empty server's port")?;
        Ok(Self { address: (Ipv4Addr::LOCALHOST, port).into(), child })
    }

    /// Its process id.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Stops it.
    ///
    /// # Errors
    /// If it can not be stopped.
    pub async fn stop(mut self) -> Result<()> {
        self.child.kill().await.context("stopping the empty server")
    }
}
