//! `turnstile chaos` (`make chaos`): breaks a whole Turnstile by a plan that follows from a printed
//! seed, while clients use it, and reconciles every answer with the history afterwards.
//!
//! A [`fault`] is named there with its counts and brought about in [`faults`]; [`plan`] says when it
//! strikes, [`trial`] performs it on a [`world`] under a [`workload`] whose [`journal`] the
//! [`checkers`] compare with the [`findings`]. To add a fault: a variant with its counts, a function
//! and an arm. To add a checker: a file with a pure function and its line in the list.
//!
//! Deliberately not here: a switch in the services that makes them weaker. Everything is broken from
//! outside.

pub mod checkers;
pub mod dice;
pub mod fault;
pub mod faults;
pub mod findings;
pub mod journal;
pub mod plan;
pub mod proxy;
pub mod trial;
pub mod workload;
pub mod world;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use uuid::Uuid;

use crate::say;
use crate::servers::Servers;
use crate::signals::Stop;
use fault::{Fault, Profile};
use world::World;

/// What to break.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Everything follows from it; a new one each time unless given.
    #[arg(long)]
    pub seed: Option<u64>,
    /// How often each fault happens, instead of the profile's counts.
    #[arg(long)]
    pub cycles: Option<u32>,
    /// Only these faults.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub fault: Vec<Fault>,
    /// How much is broken.
    #[arg(long, value_enum, default_value = "short")]
    pub profile: Profile,
}

/// Performs what the options say, and tells what was found.
///
/// # Errors
/// If a server does not start, a fault can not be brought about, a checker turns red, or somebody
/// asks to stop.
pub async fn run(options: &Options) -> Result<()> {
    let stop = Stop::listen()?;
    tokio::select! {
        done = perform(options) => done,
        () = stop.asked.cancelled() => bail!("stopped before everything was broken"),
    }
}

async fn perform(options: &Options) -> Result<()> {
    let seed = options.seed.unwrap_or_else(fresh_seed);
    say::say(format!("Seed {seed}."));
    let faults = match options.fault.as_slice() {
        [] => Fault::value_variants(),
        some => some,
    };
    let plan = plan::plan(seed, faults, options.profile, options.cycles);
    let journal = folder()?.join(format!("journal-{seed}.jsonl"));
    say_progress("Starting servers and services of their own …");
    let mut world = World::on(Servers::throwaway().await?, PLACE, &journal, &[]).await?;
    world.open().await?;
    let mut failures = Vec::new();
    for trial in &plan {
        let outcome = trial::perform(&mut world, trial, seed).await?;
        say::say(line(&outcome));
        let found = outcome.failures();
        found.iter().take(SHOWN).for_each(|text| say::say(format!("    {text}")));
        failures.extend(found);
    }
    world.close().await?.discard().await?;
    if failures.is_empty() {
        say::say("Nothing was lost and nothing happened twice.");
        return Ok(());
    }
    bail!(
        "{} failures with seed {seed}; every call stands in {}",
        failures.len(),
        journal.display()
    )
}

/// The database and the virtual host of a run.
const PLACE: &str = "chaos";
/// Failures of one fault that are shown.
const SHOWN: usize = 10;

/// A seed that is short enough to be typed.
fn fresh_seed() -> u64 {
    const LARGEST: u128 = 1_000_000_000;
    u64::try_from(Uuid::new_v4().as_u128() % LARGEST).unwrap_or_default()
}

/// Where journals and results are kept: beside the built programs.
fn folder() -> Result<PathBuf> {
    let program = std::env::current_exe().context("where this program is")?;
    let target = program.ancestors().nth(2).context("the folder of what is built")?;
    let folder = target.join("chaos");
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    Ok(folder)
}

/// Tells how far it is; on standard error, because standard output has the results.
fn say_progress(text: &str) {
    say::note(text);
}

fn line(outcome: &trial::Outcome) -> String {
    let worst = outcome.took.iter().max().copied().unwrap_or_default();
    let mark = if outcome.failures().is_empty() { "ok " } else { "RED" };
    format!(
        "{mark} {:<20} {:>4} times, {} within {:.1} s, {} calls",
        outcome.fault.name(),
        outcome.fired,
        outcome.fault.target().what,
        worst.as_secs_f64(),
        outcome.calls
    )
}
