//! `turnstile with-system -- <command>`: a whole throwaway Turnstile for as long as a command runs,
//! for tools that test it from outside (`make fuzz-api`). Rate limits are off, time is the real
//! one.
//!
//! The command finds the system through [`URL`] and [`ADMIN_TOKEN`]. Not here: what it does there.

use std::ffi::OsString;
use std::process::ExitStatus;

use anyhow::{Context, Result};
use reqwest::Response;
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;

use crate::local;
use crate::signals::Stop;
use crate::system::System;
use crate::throwaway::SharedServers;

/// The variable with the address of the API, such as `http://127.0.0.1:40001`.
pub const URL: &str = "TURNSTILE_URL";
/// The variable with a login token of an administrator, valid for one hour.
pub const ADMIN_TOKEN: &str = "TURNSTILE_ADMIN_TOKEN";

const ADMIN: &str = "administrator";
/// For a system that is gone with its command, reachable from this machine alone.
const ADMIN_PASSWORD: &str = "seven turnstiles in a row";
/// A tool that sends nonsense on purpose is neither slowed down nor does it see other times.
const SETTINGS: [(&str, &str); 2] = [("RATE_LIMITS", "off"), ("TEST_CLOCK", "")];

/// Starts a system, runs `command` (a program and its arguments) and deletes the system. Answers
/// how the command ended.
///
/// # Errors
/// If the system can not be started or stopped, or the command can not be run.
pub async fn run(command: &[OsString]) -> Result<ExitStatus> {
    let (program, arguments) = command.split_first().context("no command")?;
    let stop = Stop::listen()?;
    let servers = tokio::task::spawn_blocking(SharedServers::start).await??;
    let system = System::start(&servers.addresses, &SETTINGS).await?;
    let ended = async {
        let token = administrator(&system).await.context("making an administrator")?;
        let mut child = Command::new(program)
            .args(arguments)
            .env(URL, system.url())
            .env(ADMIN_TOKEN, token)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        tokio::select! {
            status = child.wait() => Ok(status?),
            // A Ctrl-C reached the command too, so the first signal only waits for it to end.
            () = stop.hurry.cancelled() => Err(anyhow::anyhow!("interrupted")),
        }
    }
    .await;
    let stopped = system.stop().await;
    tokio::task::spawn_blocking(move || drop(servers)).await?;
    stopped.and(ended)
}

/// Registers an account, makes it an administrator and logs it in; answers its token.
async fn administrator(system: &System) -> Result<String> {
    #[derive(Deserialize)]
    struct LoggedIn {
        access_token: String,
    }
    let account = json!({
        "email": "administrator@turnstile.example",
        "username": ADMIN,
        "password": ADMIN_PASSWORD,
        "role": "premium",
    });
    post(system, "/register", &account).await?;
    system.wiring.ticketing_command("grant", &["grant", ADMIN, "admin"])?.run().await?;
    let credentials = json!({"username": ADMIN, "password": ADMIN_PASSWORD});
    let login: LoggedIn = post(system, "/login", &credentials).await?.json().await?;
    Ok(login.access_token)
}

async fn post(system: &System, path: &str, body: &serde_json::Value) -> Result<Response> {
    let sent = local::client().post(format!("{}{path}", system.url())).json(body).send().await?;
    Ok(sent.error_for_status()?)
}
