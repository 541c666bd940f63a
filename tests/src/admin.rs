//! `turnstile verify`, `grant` and `generate-data`: commands of `ticketing` on the home of
//! `make run`, beside a running system or alone. Alone they need only the database, so only that
//! is started.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::home::Home;
use crate::run::{DATABASE, wire};
use crate::service::program;
use crate::settings::Settings;
use crate::signals::Stop;
use crate::wiring::Wiring;
use crate::{postgres, process, say, servers};

/// A system that is just being started gets this long to bring its database up.
const BESIDE_LIMIT: Duration = Duration::from_secs(60);
const BESIDE_ASK: Duration = Duration::from_millis(200);

/// Runs `ticketing <arguments>` with the terminal's input and output; answers how it ended.
///
/// # Errors
/// If there is no database to run it on, or it can not be run.
pub async fn ticketing(settings: &Settings, arguments: &[&str]) -> Result<ExitStatus> {
    let home = Home::open(&settings.home)?;
    if settings.database_url().is_none() && !home.has_data() {
        bail!("there is no database in {} yet: make run", home.root().display());
    }
    let known = home.known_ports()?;
    let ports = known.map_or_else(|| home.ports().map(|(ports, _)| ports), Ok)?;
    let wiring = wire(settings, &settings.broker()?, &home, &ports)?;
    if settings.database_url().is_some() {
        return command(&wiring, arguments).await;
    }
    // A server that a killed launcher left running serves as well as one with a launcher.
    let lock = home.lock()?;
    let runs = process::runs(&home.pid_file("postgres"));
    if lock.is_err() || runs {
        until_reachable(&wiring).await?;
        return command(&wiring, arguments).await;
    }
    alone(settings, &home, arguments).await
}

async fn alone(settings: &Settings, home: &Home, arguments: &[&str]) -> Result<ExitStatus> {
    let stop = Stop::listen()?;
    let (ports, _) = home.ports()?;
    let wiring = wire(settings, &settings.broker()?, home, &ports)?;
    let mut postgres = servers::postgres(home, &ports, say::note)?;
    let answer = async {
        postgres.start().await?;
        postgres.create_database(DATABASE).await?;
        command(&wiring, arguments).await
    };
    let answer = tokio::select! {
        answer = answer => answer,
        () = stop.asked.cancelled() => Err(anyhow::anyhow!("interrupted")),
    };
    let stopped = postgres.stop_or_kill(&stop.hurry).await;
    answer.and_then(|status| stopped.map(|()| status))
}

async fn command(wiring: &Wiring, arguments: &[&str]) -> Result<ExitStatus> {
    Command::new(program("ticketing")?)
        .args(arguments)
        .envs(wiring.variables())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .context("running ticketing")
}

async fn until_reachable(wiring: &Wiring) -> Result<()> {
    let since = Instant::now();
    while let Err(error) = postgres::reach(&wiring.database_url).await {
        if since.elapsed() > BESIDE_LIMIT {
            return Err(error).context("the running system's database can not be reached");
        }
        sleep(BESIDE_ASK).await;
    }
    Ok(())
}
