//! `turnstile chaos` (`make chaos`): breaks a whole Turnstile by a plan that follows from a printed
//! seed, while clients use it, and reconciles every answer with the history afterwards.
//!
//! A [`fault`] is named there with its counts and brought about in [`faults`]; [`plan`] says when
//! it strikes, [`trial`] performs it on a [`world`] under a [`workload`] whose [`journal`] the
//! [`checkers`] compare with the [`findings`], and with an [`audit`] at the end of a [`session`].
//! The [`controls`] show that checkers turn red; [`state`] and [`report`] keep what was shown. To
//! add a fault: a variant with its counts, a function and an arm. To add a checker: a file with a
//! pure function and its line in the list.
//!
//! Deliberately not here: a switch in the services that makes them weaker. Everything is broken
//! from outside.

pub mod audit;
pub mod checkers;
pub mod controls;
pub mod dice;
pub mod fault;
pub mod faults;
pub mod findings;
pub mod journal;
pub mod plan;
pub mod proxy;
pub mod report;
pub mod session;
pub mod state;
pub mod trial;
pub mod workload;
pub mod world;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use uuid::Uuid;

use crate::say;
use crate::servers::Servers;
use crate::signals::Stop;
use controls::Control;
use fault::{Fault, Profile};
use session::complaints;
use state::{Row, State};
use trial::Outcome;

/// What to break.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Everything follows from it; a new one each time unless given.
    #[arg(long)]
    pub seed: Option<u64>,
    /// How often each fault happens, instead of the profile's counts.
    #[arg(long)]
    pub cycles: Option<u32>,
    /// Only these faults; in the short profile all in one run.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub fault: Vec<Fault>,
    /// How much is broken. `full` performs each fault in a run of its own, then the controls unless
    /// faults are named, and goes on where it was stopped.
    #[arg(long, value_enum, default_value = "short")]
    pub profile: Profile,
    /// Only these controls: a checker has to turn red.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub control: Vec<Control>,
    /// All controls.
    #[arg(long)]
    pub controls: bool,
    /// Forget what the full profile has shown so far.
    #[arg(long)]
    pub fresh: bool,
    /// Only write tests/RESULTS.md from what the full profile has shown.
    #[arg(long)]
    pub report: bool,
}

/// Performs what the options say, and tells what was found.
///
/// # Errors
/// If a server does not start, a fault can not be brought about, a checker turns red (in a control:
/// does not), or somebody asks to stop.
pub async fn run(options: &Options) -> Result<()> {
    let stop = Stop::listen()?;
    tokio::select! {
        done = perform(options) => done,
        () = stop.asked.cancelled() => bail!("stopped before everything was broken"),
    }
}

async fn perform(options: &Options) -> Result<()> {
    let folder = folder()?;
    if options.fresh {
        State::forget(&folder)?;
    }
    if options.report {
        return tell_report(&State::open(&folder, options.seed, fresh_seed)?);
    }
    let chosen = match options.control.as_slice() {
        [] if options.controls => Control::value_variants(),
        some => some,
    };
    if !chosen.is_empty() {
        return some_controls(chosen, options.seed.unwrap_or_else(fresh_seed), &folder).await;
    }
    let faults = match options.fault.as_slice() {
        [] => Fault::value_variants(),
        some => some,
    };
    if options.profile == Profile::Full {
        return each_alone(options, faults, &folder).await;
    }
    let seed = options.seed.unwrap_or_else(fresh_seed);
    say::say(format!("Seed {seed}."));
    finish(&one_run(options, faults, seed, &folder).await?.failures(), seed)
}

/// Performs these faults in one run and tells what came of it.
async fn one_run(
    options: &Options,
    faults: &[Fault],
    seed: u64,
    folder: &Path,
) -> Result<session::Run> {
    let plan = plan::plan(seed, faults, options.profile, options.cycles);
    let journal = folder.join(format!("journal-{seed}.jsonl"));
    let run = session::perform(&plan, options.profile, seed, &journal, tell).await?;
    show(&complaints(&run.audit));
    Ok(run)
}

/// Each of these faults in a run of its own, then each control if all faults are meant; what was
/// survived already is not done again.
async fn each_alone(options: &Options, faults: &[Fault], folder: &Path) -> Result<()> {
    let mut state = State::open(folder, options.seed, fresh_seed)?;
    let seed = state.seed;
    say::say(format!("Seed {seed}."));
    for &fault in faults {
        let times = options.cycles.unwrap_or_else(|| fault.cycles(options.profile));
        if state.faults.get(&fault).is_some_and(|row| row.is_survived(times)) {
            say_progress(&format!("{} was survived before.", fault.name()));
            continue;
        }
        let row = match one_run(options, &[fault], seed, folder).await {
            Ok(run) => Row::of(&run, today()),
            // The others are performed all the same.
            Err(error) => {
                say::say(format!("RED {}: {error:#}", fault.name()));
                Row::failed(format!("{error:#}"), today())
            }
        };
        state.faults.insert(fault, row);
        state.keep(folder)?;
    }
    if options.fault.is_empty() {
        missing_controls(&mut state, folder).await?;
        tell_report(&state)?;
    }
    let of_faults = state.faults.iter().flat_map(|(fault, row)| {
        row.failures.iter().map(move |text| format!("{}: {text}", fault.name()))
    });
    let of_controls = state
        .controls
        .iter()
        .filter(|(control, shown)| !shown.is_good(**control))
        .map(|(control, _)| control.name());
    finish(&of_faults.chain(of_controls).collect::<Vec<_>>(), seed)
}

async fn missing_controls(state: &mut State, folder: &Path) -> Result<()> {
    let missing = |control: &&Control| {
        !state.controls.get(control).is_some_and(|shown| shown.is_good(**control))
    };
    for &control in Control::value_variants().iter().filter(missing).collect::<Vec<_>>() {
        let servers = Servers::throwaway().await?;
        let (servers, shown) = controls::perform(control, state.seed, folder, servers).await?;
        servers.discard().await?;
        state.controls.insert(control, shown);
        state.keep(folder)?;
    }
    Ok(())
}

async fn some_controls(chosen: &[Control], seed: u64, folder: &Path) -> Result<()> {
    say::say(format!("Seed {seed}."));
    let mut servers = Servers::throwaway().await?;
    let mut failures = Vec::new();
    for &control in chosen {
        let shown;
        (servers, shown) = controls::perform(control, seed, folder, servers).await?;
        let is_good = shown.is_good(control);
        let (mark, name) = (if is_good { "ok " } else { "BAD" }, control.name());
        let red = match shown.green(control).as_slice() {
            [] => "turned red".to_owned(),
            green => format!("stayed green: {}", green.join(", ")),
        };
        say::say(format!("{mark} {name:<16} {} {red}", control.guards()));
        show(&shown.broken);
        if !is_good {
            failures.push(format!("{name}: {red}; without it: {:?}", shown.whole));
        }
    }
    servers.discard().await?;
    show(&failures);
    finish(&failures, seed)
}

fn tell_report(state: &State) -> Result<()> {
    say::say(format!("Written to {}.", report::write(state)?.display()));
    Ok(())
}

fn finish(failures: &[String], seed: u64) -> Result<()> {
    if failures.is_empty() {
        say::say("Nothing was lost and nothing happened twice.");
        return Ok(());
    }
    bail!("{} failures with seed {seed}", failures.len())
}

/// Failures of one thing that are shown.
const SHOWN: usize = 10;

fn show(failures: &[String]) {
    failures.iter().take(SHOWN).for_each(|text| say::say(format!("    {text}")));
    if failures.len() > SHOWN {
        say::say(format!("    and {} more", failures.len() - SHOWN));
    }
}

/// A seed that is short enough to be typed.
fn fresh_seed() -> u64 {
    const LARGEST: u128 = 1_000_000_000;
    u64::try_from(Uuid::new_v4().as_u128() % LARGEST).unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "the day on which this program ran")]
fn today() -> String {
    chrono::Utc::now().format("%Y-%m-%d").to_string()
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

fn tell(outcome: &Outcome) {
    let worst = outcome.took.iter().max().copied().unwrap_or_default();
    let failures = outcome.failures();
    let mark = if failures.is_empty() { "ok " } else { "RED" };
    say::say(format!(
        "{mark} {:<20} {:>5} times, {} within {:.1} s, {} calls",
        outcome.fault.name(),
        outcome.fired,
        outcome.fault.target().what,
        worst.as_secs_f64(),
        outcome.calls
    ));
    show(&failures);
}
