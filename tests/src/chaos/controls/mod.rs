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
    /// The checkpoint of a projection moves beyond what it has applied, so that events are left
    /// out: those of the notices of outings, which nothing else would miss.
    NaiveCheckpoint,
}

impl Control {
    /// Its name, as on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The checker whose parts have to turn red.
    pub fn checker(self) -> &'static str {
        match self {
            Self::NaiveCursor | Self::NoConfirm | Self::NoMandatory | Self::AckFirst => "liveness",
            Self::NoDedupe | Self::NoIdempotency | Self::NaiveCheckpoint => "effect once",
            Self::NoUnique => "one holder",
            Self::PaidTwice => "money",
        }
    }

    /// The parts of that checker that have to turn red, each of them: those that its scenario is
    /// about.
    pub fn parts(self) -> &'static [&'static str] {
        match self {
            Self::NaiveCursor
            | Self::NoConfirm
            | Self::NoMandatory
            | Self::AckFirst
            | Self::NoDedupe
            | Self::NoIdempotency => &["links"],
            Self::NoUnique => &["links", "market", "seats", "places", "time"],
            Self::PaidTwice => &["market"],
            Self::NaiveCheckpoint => &["notices"],
        }
    }

    /// What has to turn red, in words.
    pub fn guards(self) -> String {
        format!("{}: {}", self.checker(), self.parts().join(", "))
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
            | Self::NoIdempotency
            | Self::NaiveCheckpoint => {
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
    /// The parts of the named checker that turned red; none in what was kept before it had parts,
    /// so that it is shown again.
    #[serde(default)]
    pub red: Vec<String>,
}

impl Shown {
    fn of(control: Control, broken: &[Verdict], whole: &[Verdict]) -> Self {
        let red = broken.iter().filter(|verdict| verdict.checker == control.checker());
        let red = red.filter(|verdict| !verdict.violations.is_empty());
        let red = red.map(|verdict| verdict.part.to_owned()).collect();
        Self { broken: complaints(broken), whole: complaints(whole), red }
    }

    /// The parts that should have turned red and stayed green.
    pub fn green(&self, control: Control) -> Vec<&'static str> {
        let is_red = |part: &&str| self.red.iter().any(|red| red == *part);
        control.parts().iter().copied().filter(|part| !is_red(part)).collect()
    }

    /// Whether the checker is worth something: red when it should be, and only then.
    pub fn is_good(&self, control: Control) -> bool {
        self.green(control).is_empty() && self.whole.is_empty()
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
    Ok((servers, Shown::of(control, &broken, &whole)))
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

#[cfg(test)]
mod tests {
    use super::super::checkers::CHECKERS;
    use super::*;

    fn red(checker: &'static str, part: &'static str) -> Verdict {
        Verdict { checker, part, violations: vec!["wrong".to_owned()] }
    }

    fn parts(checker: &str) -> Vec<&'static str> {
        let checker = CHECKERS.iter().find(|one| one.name == checker).expect("a checker");
        checker.parts.iter().map(|(name, _)| *name).collect()
    }

    #[test]
    fn every_control_has_parts_of_a_checker_turn_red() {
        for control in Control::value_variants() {
            let known = parts(control.checker());
            assert!(!control.parts().is_empty(), "{control:?}");
            assert!(control.parts().iter().all(|part| known.contains(part)), "{control:?}");
        }
        assert_eq!(Control::NoUnique.parts(), parts("one holder"));
    }

    #[test]
    fn every_part_has_to_turn_red_and_only_when_it_is_broken() {
        let control = Control::NoUnique;
        let mut all: Vec<Verdict> =
            control.parts().iter().map(|part| red("one holder", part)).collect();
        assert!(Shown::of(control, &all, &[]).is_good(control));
        assert!(!Shown::of(control, &all, &[red("liveness", "links")]).is_good(control));
        let last = all.pop().expect("a part");
        all.push(Verdict { violations: Vec::new(), ..last.clone() });
        all.push(Verdict { checker: "effect once", ..last.clone() });
        let shown = Shown::of(control, &all, &[]);
        assert_eq!(shown.green(control), [last.part]);
        assert!(!shown.is_good(control));
    }

    #[test]
    fn what_was_kept_before_checkers_had_parts_is_shown_again() {
        let kept = r#"{"broken": ["one holder: …"], "whole": [], "turned_red": true}"#;
        let kept: Shown = serde_json::from_str(kept).expect("what was kept");
        assert!(!kept.is_good(Control::NoUnique));
    }
}
