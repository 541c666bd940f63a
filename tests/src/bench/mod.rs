//! `turnstile bench` (`make bench`): measures a whole Turnstile on this machine, each figure beside
//! a reference that is measured in the same run, in turns with it.
//!
//! To add a figure: a file in [`figures`] with one function that answers [`row::Row`]s, a
//! variant of [`Figure`] and an arm in [`measure`]. A figure says what is called, what it is
//! compared with, and how an answer is known to be right; turns, backlog and statistics are
//! [`rounds`], load is [`load`], the system under test is [`stage`].
//!
//! A missed target is shown and fails nothing: what a machine reaches is for people to judge.
//!
//! Deliberately not here: faults (nothing is broken while it is measured).

pub mod accounts;
pub mod broker;
pub mod crowd;
pub mod empty_server;
pub mod figures;
pub mod history;
pub mod http;
pub mod load;
pub mod pgbench;
pub mod relay;
pub mod report;
pub mod rounds;
pub mod row;
pub mod sale;
pub mod seed;
pub mod stage;
pub mod store;
pub mod usage;
pub mod watch;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::say;
use crate::signals::Stop;
use rounds::Plan;
use row::Row;
use stage::Stage;

/// The whole run is given up after this long.
const LIMIT: Duration = Duration::from_secs(2 * 60 * 60);

/// What to measure and how long.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Two rounds of 1 s instead of five of 3 s: to see that everything works, not to compare.
    #[arg(long)]
    pub quick: bool,
    /// Only these figures.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub only: Vec<Figure>,
}

/// Everything that can be measured, in the order in which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Figure {
    /// Start to ready, and memory at rest and under load.
    Process,
    /// Requests for a link that are accepted, without and with a login.
    Accept,
    /// Checks of a link that is open.
    Check,
    /// Uses of links, each once.
    Buy,
    /// Tickets of the market ordered, and whole purchases.
    Market,
    /// Seats of matches reserved, and their map.
    Venues,
    /// Seats that everybody wants at one instant.
    FlashSale,
    /// Requests until their link is seen by a check.
    Flows,
    /// The time from a request to its link, at a fixed rate.
    Latency,
    /// Logins, and checks meanwhile.
    Logins,
    /// A projection rebuilt from history.
    Rebuild,
    /// Requests accepted with few and with many events stored.
    Size,
}

/// Runs the benchmark, prints the table and writes `bench.json` beside the built programs' folder.
///
/// # Errors
/// If a server does not start, a figure fails (the others are measured all the same), or somebody
/// asks to stop.
pub async fn run(options: &Options) -> Result<()> {
    let stop = Stop::listen()?;
    tokio::select! {
        done = tokio::time::timeout(LIMIT, perform(options)) => {
            done.with_context(|| format!("given up after {} s", LIMIT.as_secs()))?
        }
        () = stop.asked.cancelled() => bail!("stopped before everything was measured"),
    }
}

async fn perform(options: &Options) -> Result<()> {
    let plan = if options.quick { Plan::QUICK } else { Plan::FULL };
    let load_before = usage::load_average();
    say::note("Starting servers and services of their own …");
    let mut stage = Stage::start(plan).await?;
    let mut rows = Vec::new();
    let mut failures = Vec::new();
    for &figure in Figure::value_variants() {
        if !options.only.is_empty() && !options.only.contains(&figure) {
            continue;
        }
        say::note(format!("Measuring {figure:?} …"));
        match measure(figure, &mut stage).await {
            Ok(measured) => rows.extend(measured),
            Err(error) => failures.push(format!("{figure:?}: {error:#}")),
        }
    }
    say::note("Verifying the history that this has made …");
    if let Err(error) = stage.verify().await {
        failures.push(format!("verify: {error:#}"));
    }
    stage.stop().await?;
    say::say(report::table(&rows));
    let file = report::write(&rows, &failures, plan, &load_before)?;
    say::say(format!("Written to {}.", file.display()));
    if failures.is_empty() {
        Ok(())
    } else {
        bail!("not everything was measured:\n{}", failures.join("\n"))
    }
}

async fn measure(figure: Figure, stage: &mut Stage) -> Result<Vec<Row>> {
    match figure {
        Figure::Process => figures::process::measure(stage).await,
        Figure::Accept => figures::accept::measure(stage).await,
        Figure::Check => figures::check::measure(stage).await,
        Figure::Buy => figures::buy::measure(stage).await,
        Figure::Market => figures::market::measure(stage).await,
        Figure::Venues => figures::venues::measure(stage).await,
        Figure::FlashSale => figures::flash_sale::measure(stage).await,
        Figure::Flows => figures::flows::measure(stage).await,
        Figure::Latency => figures::latency::measure(stage).await,
        Figure::Logins => figures::logins::measure(stage).await,
        Figure::Rebuild => figures::rebuild::measure(stage).await,
        Figure::Size => figures::size::measure(stage).await,
    }
}
