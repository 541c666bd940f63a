//! What can break, how often and how long in each profile, and what is promised of it. Not here:
//! how it is done ([`super::faults`]).

use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How much is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Every fault once, each wait cut to 3 s.
    Short,
    /// What is promised: the counts and times that stand in the table of results.
    Full,
}

/// Something that breaks.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Fault {
    /// SIGKILL of a `ticketing`.
    KillTicketing,
    /// SIGKILL of a `rules`.
    KillRules,
    /// SIGKILL of the broker's node.
    KillRabbitmq,
    /// SIGKILL of the Postgres postmaster.
    KillPostgres,
    /// SIGKILL of one Postgres backend that serves `ticketing`.
    KillBackend,
    /// SIGSTOP of a `ticketing`.
    FreezeTicketing,
    /// SIGSTOP of a `rules`.
    FreezeRules,
    /// SIGSTOP of the broker.
    FreezeRabbitmq,
    /// SIGSTOP of Postgres with all its backends.
    FreezePostgres,
}

/// How long something is broken in the short profile.
const SHORT_WAIT: Duration = Duration::from_secs(3);

impl Fault {
    /// Its name, as on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// How often it happens.
    pub fn cycles(self, profile: Profile) -> u32 {
        match (profile, self) {
            (Profile::Short, _) => 1,
            (_, Self::KillTicketing | Self::KillRules) => 100,
            (_, Self::KillRabbitmq) => 50,
            (_, Self::KillPostgres | Self::KillBackend) => 25,
            (
                _,
                Self::FreezeTicketing
                | Self::FreezeRules
                | Self::FreezeRabbitmq
                | Self::FreezePostgres,
            ) => 10,
        }
    }

    /// How long it lasts each time; zero for what is over at once.
    pub fn lasting(self, profile: Profile) -> Duration {
        let full = match self {
            Self::FreezeTicketing
            | Self::FreezeRules
            | Self::FreezeRabbitmq
            | Self::FreezePostgres => Duration::from_secs(10),
            Self::KillTicketing
            | Self::KillRules
            | Self::KillRabbitmq
            | Self::KillPostgres
            | Self::KillBackend => Duration::ZERO,
        };
        match profile {
            Profile::Short => full.min(SHORT_WAIT),
            Profile::Full => full,
        }
    }

    /// What is measured of it, and the longest it may take.
    pub fn target(self) -> Target {
        match self {
            Self::KillTicketing | Self::KillRules => Target::new("serving again", 3),
            _ => Target::new("drained", 30),
        }
    }
}

/// What is promised of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// What has to be so.
    pub what: &'static str,
    /// Within which time after the fault.
    pub within: Duration,
}

impl Target {
    const fn new(what: &'static str, seconds: u64) -> Self {
        Self { what, within: Duration::from_secs(seconds) }
    }
}
