//! Controls: each breaks one thing the system stands on, from outside, switches off the healing
//! that would hide it, and shows that a checker turns red; and that without the breaking it stays
//! green.
//!
//! The shipped services have no weakened mode. [`sql`] changes the function that writes, the
//! proxies forge what the broker says.

mod scenario;
mod sql;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::checkers::{self, Verdict};
use super::findings;
use super::proxy::Sabotage;
use super::say_progress;
use super::session::complaints;
use super::world::{World, settle};
use crate::servers::Servers;

/// A day: a request without a verdict stays without one for as long as a run lasts.
const NO_HEALING: [(&str, &str); 1] = [("RESEND_AFTER_SECONDS", "86400")];
/// What is broken is not waited for longer than what is whole ever takes.
const BROKEN_SETTLES: Duration = Duration::from_secs(10);

/// What is broken.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Control {
    /// Positions come from a sequence, without the log's lock.
    NaiveCursor,
    /// Publishers are told that the broker has what it does not have yet.
    NoConfirm,
    /// Messages that reach no queue are not returned.
    NoMandatory,
    /// Messages are acknowledged before they have had their effect.
    AckFirst,
    /// Nobody looks whether a message was processed before.
    NoDedupe,
    /// Nobody looks whether a stream has moved on.
    NoUnique,
    /// The same, while one order is paid many times at once.
    PaidTwice,
    /// Keys are neither found nor stored.
    NoIdempotency,
}

impl Control {
    /// Its name, as on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The checker that has to turn red.
    pub fn checker(self) -> &'static str {
        match self {
            Self::NaiveCursor | Self::NoConfirm | Self::NoMandatory | Self::AckFirst => "liveness",
            Self::NoDedupe | Self::NoIdempotency => "effect once",
            Self::NoUnique => "one holder",
            Self::PaidTwice => "money",
        }
    }

    /// Breaks it, before the services start.
    ///
    /// # Errors
    /// If the schema is not what this was written for.
    async fn sabotage(self, world: &World) -> Result<()> {
        let forge = |which| world.broker_proxy.sabotage(which);
        match self {
            Self::NoConfirm => forge(Sabotage::NoConfirm),
            Self::NoMandatory => forge(Sabotage::NoMandatory),
            Self::AckFirst => forge(Sabotage::AckFirst),
            Self::NaiveCursor
            | Self::NoDedupe
            | Self::NoUnique
            | Self::PaidTwice
            | Self::NoIdempotency => {
                let statements = sql::of(self)?;
                world.sql().await?.batch_execute(&statements).await.context("sabotaging")?;
            }
        }
        Ok(())
    }
}

/// What a control has shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shown {
    /// What the checkers said of the broken system.
    pub broken: Vec<String>,
    /// What they said of the whole one under the same scenario.
    pub whole: Vec<String>,
    /// Whether the named checker was among those that turned red.
    pub turned_red: bool,
}

impl Shown {
    /// Whether the checker is worth something: red when it should be, and only then.
    pub fn is_good(&self) -> bool {
        self.turned_red && self.whole.is_empty()
    }
}

/// Performs a control on running servers that nobody else uses; answers them for the next one.
///
/// # Errors
/// If a system does not start, or the whole one does not settle.
pub async fn perform(
    control: Control,
    seed: u64,
    folder: &Path,
    servers: Servers,
) -> Result<(Servers, Shown)> {
    let (servers, whole) = play(control, false, seed, folder, servers).await?;
    let (servers, broken) = play(control, true, seed, folder, servers).await?;
    let red =
        |verdict: &Verdict| verdict.checker == control.checker() && !verdict.violations.is_empty();
    let turned_red = broken.iter().any(red);
    let shown = Shown { broken: complaints(&broken), whole: complaints(&whole), turned_red };
    Ok((servers, shown))
}

async fn play(
    control: Control,
    is_broken: bool,
    seed: u64,
    folder: &Path,
    servers: Servers,
) -> Result<(Servers, Vec<Verdict>)> {
    let kind = if is_broken { "broken" } else { "whole" };
    let place = format!("{}_{kind}", control.name());
    let journal = folder.join(format!("journal-{place}-{seed}.jsonl"));
    let mut world = World::on(servers, &place, &journal, &NO_HEALING).await?;
    if is_broken {
        control.sabotage(&world).await?;
    }
    world.open().await?;
    world.work(seed);
    let played = scenario::play(control, &mut world).await;
    let rested = world.rest().await;
    if is_broken {
        // What is broken may also fail in other ways, and never gets done; the checkers decide.
        let settled = settle::caught_up(&world, BROKEN_SETTLES).await.map(drop);
        for error in [played, rested, settled].into_iter().filter_map(Result::err) {
            say_progress(&format!("  {} broken: {error:#}", control.name()));
        }
    } else {
        played?;
        rested?;
        settle::settled(&world).await?;
    }
    let verdicts = checkers::check(&findings::collect(&world).await?);
    Ok((world.close().await?, verdicts))
}
