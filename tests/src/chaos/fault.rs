//! What can break, how often and how long in each profile, and what is promised of it. Not here:
//! how it is done ([`super::faults`]).

use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use shared_events::topology::QUEUES;

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
    /// SIGSTOP of one Postgres backend that serves `ticketing`.
    FreezeBackend,
    /// The replies to two COMMITs are lost.
    LoseCommitReplies,
    /// A publisher confirm is lost.
    LoseConfirms,
    /// Consumers' acks are lost.
    LoseAcks,
    /// A connection to the broker is cut in the middle of a frame.
    CutMidFrame,
    /// Nothing passes between services and broker, and no connection ends.
    Silence,
    /// The broker has no memory left and blocks publishers.
    MemoryAlarm,
    /// A work queue is deleted with what is in it.
    DeleteQueue,
    /// A work queue is unbound.
    UnbindQueue,
    /// Every message is published three times.
    RepeatMessages,
    /// Old messages come again, forwards and backwards, and the history too.
    ReplayHistory,
    /// Messages that nobody can read.
    Poison,
    /// A consumer takes all it can get and dies, again and again.
    CrashLoop,
    /// An append holds the log's lock.
    HeldAppend,
    /// No rule service runs, and its queue is deleted meanwhile.
    RulesAbsent,
    /// An old dump is restored beside the living broker.
    RestoreDump,
    /// Services start without Postgres and RabbitMQ.
    AbsentAtStart,
    /// Clients leave in the middle of their requests.
    ClientsLeave,
    /// A hundred uses of one link at once, after a prefetch of it.
    ParallelUses,
    /// Many logins at once.
    LoginsAtOnce,
    /// Many orders of one ticket at once, from all accounts but one in turn.
    OrdersAtOnce,
    /// Many buyers of few seats at once, and SIGKILL of a `ticketing` that answers them.
    FlashSale,
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
        match self {
            _ if profile == Profile::Short => 1,
            // Two replies each.
            Self::LoseCommitReplies => 250,
            Self::KillTicketing | Self::KillRules | Self::OrdersAtOnce => 100,
            Self::KillRabbitmq => 50,
            Self::LoseConfirms | Self::LoseAcks => 32,
            Self::CutMidFrame => 31,
            Self::KillPostgres | Self::KillBackend => 25,
            Self::CrashLoop | Self::RepeatMessages | Self::ClientsLeave => 20,
            Self::FreezeTicketing
            | Self::FreezeRules
            | Self::FreezeRabbitmq
            | Self::FreezePostgres
            | Self::FreezeBackend
            | Self::ReplayHistory
            | Self::ParallelUses
            | Self::FlashSale => 10,
            // Each queue once.
            Self::DeleteQueue | Self::UnbindQueue => QUEUES.len() as u32,
            Self::Silence => 5,
            Self::Poison | Self::HeldAppend | Self::RestoreDump => 3,
            Self::AbsentAtStart => 2,
            Self::MemoryAlarm | Self::RulesAbsent | Self::LoginsAtOnce => 1,
        }
    }

    /// Whether it hits one after the other, from one that the seed chooses, and not any each time.
    pub fn goes_round(self) -> bool {
        matches!(self, Self::DeleteQueue | Self::UnbindQueue)
    }

    /// How long it lasts each time; zero for what is over at once.
    pub fn lasting(self, profile: Profile) -> Duration {
        let full = match self {
            Self::FreezeTicketing
            | Self::FreezeRules
            | Self::FreezeRabbitmq
            | Self::FreezePostgres
            | Self::FreezeBackend
            | Self::HeldAppend => Duration::from_secs(10),
            Self::Silence | Self::MemoryAlarm | Self::AbsentAtStart => Duration::from_secs(60),
            Self::RulesAbsent => Duration::from_secs(600),
            Self::RestoreDump => SHORT_WAIT,
            _ => Duration::ZERO,
        };
        match profile {
            Profile::Short => full.min(SHORT_WAIT),
            Profile::Full => full,
        }
    }

    /// How much of it there is each time, for what comes in numbers: messages, clients, logins.
    pub fn amount(self, profile: Profile) -> usize {
        let (short, full) = match self {
            Self::RepeatMessages => (60, 250),
            Self::ReplayHistory => (400, 10_000),
            Self::ClientsLeave => (100, 500),
            Self::LoginsAtOnce => (60, 1_000),
            Self::OrdersAtOnce => (100, 1_000),
            Self::ParallelUses => (100, 100),
            Self::FlashSale => (200, 10_000),
            _ => (1, 1),
        };
        match profile {
            Profile::Short => short,
            Profile::Full => full,
        }
    }

    /// How many events of each log it sends again, the last ones.
    pub fn history(self, profile: Profile) -> i64 {
        match (self, profile) {
            (Self::ReplayHistory, Profile::Short) => 10 * self.amount(profile) as i64,
            (Self::ReplayHistory, Profile::Full) => i64::MAX,
            _ => 0,
        }
    }

    /// What is measured of it, and the longest it may take.
    pub fn target(self) -> Target {
        match self {
            Self::KillTicketing | Self::KillRules => Target::new("serving again", SECOND * 3),
            Self::Silence => Target::new("reconnected and drained", SECOND * 25),
            Self::LoginsAtOnce => Target::new("99 % of other answers", HALF_A_SECOND),
            _ => Target::new("drained", SECOND * 30),
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);
const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// What is promised of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// What has to be so.
    pub what: &'static str,
    /// Within which time after the fault.
    pub within: Duration,
}

impl Target {
    const fn new(what: &'static str, within: Duration) -> Self {
        Self { what, within }
    }
}
