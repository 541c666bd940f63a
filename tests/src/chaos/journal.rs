//! The journal: every call of the workload, noted before it is sent and again when its outcome is
//! known. What the checkers reconcile with the history.
//!
//! Kept in memory for the checkers and as JSON lines for people; neither holds a secret. Times are
//! monotonic, from the journal's beginning.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Action {
    /// An account.
    Register,
    /// A login token.
    LogIn,
    /// A link.
    Request,
    /// To know whether the link is open.
    Check,
    /// To use the link.
    Buy,
    /// To offer a ticket.
    List,
    /// To have a ticket held.
    Order,
    /// To pay an order.
    Pay,
    /// To give an order up.
    Cancel,
    /// To give a payment back.
    GiveBack,
    /// What a match needs before anybody can go there: a stadium, seats on sale, a wallet.
    Prepare,
    /// To have seats of a match held.
    Reserve,
    /// To give up a seat that is held.
    GiveUp,
    /// To buy all that is held.
    Purchase,
    /// To give a purchase back.
    Refund,
    /// To go out with others.
    Announce,
    /// To move an outing, or to have more places or fewer: each time another than before.
    Change,
    /// To call an outing off.
    CallOff,
    /// To come along.
    Apply,
    /// To take a guest along.
    Accept,
    /// Not to.
    Decline,
    /// Not to come after all.
    Withdraw,
    /// To come after all.
    Confirm,
    /// To have a booking be no more.
    Leave,
}

/// What was answered, without secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The problem's code, if it is one.
    pub code: Option<String>,
    /// Whether it says when to try again.
    pub retry_after: bool,
    /// What was made: a link request, a ticket, an order, a payment, a hold of several seats, a
    /// purchase, an announcement, a booking.
    pub made: Option<Uuid>,
    /// Until when seats are held.
    pub until: Option<DateTime<Utc>>,
    /// The tickets that were reserved together, or bought.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<Uuid>,
    /// Whether a link was given out.
    pub link: bool,
}

impl Reply {
    /// Whether it says what has become of the call. A server that is not able to, or that works on
    /// the same call already, says nothing.
    pub fn is_definite(&self) -> bool {
        let undecided = ["request_in_flight", "concurrent_change"];
        self.status < 500
            && self.status != 429
            && !self.code.as_deref().is_some_and(|code| undecided.contains(&code))
    }
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Outcome {
    /// With an answer.
    Answered(Reply),
    /// Without one: why. It may have had its effect.
    Lost(String),
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// Its number, in the order in which calls began.
    pub number: usize,
    /// Who calls.
    pub client: usize,
    /// Which replica of `ticketing` is asked.
    pub replica: usize,
    /// What is wanted.
    pub action: Action,
    /// The `Idempotency-Key`.
    pub key: Option<Uuid>,
    /// The link request, ticket, order, payment, match, wallet, purchase, announcement or booking
    /// in question; nothing while it has no id.
    pub about: Option<Uuid>,
    /// When it was sent.
    pub began: Duration,
    /// When its outcome was known.
    pub ended: Option<Duration>,
    /// How it ended; nothing while it runs.
    pub outcome: Option<Outcome>,
}

impl Call {
    /// What was answered.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.outcome {
            Some(Outcome::Answered(reply)) => Some(reply),
            _ => None,
        }
    }

    /// Whether the answer has this status.
    pub fn was_answered(&self, status: u16) -> bool {
        self.reply().is_some_and(|reply| reply.status == status)
    }
}

/// A call before its outcome is known.
#[derive(Clone, Copy, Debug)]
pub struct Intent {
    /// Who calls.
    pub client: usize,
    /// Which replica is asked.
    pub replica: usize,
    /// What is wanted.
    pub action: Action,
    /// The `Idempotency-Key`.
    pub key: Option<Uuid>,
    /// What is in question, as in [`Call`].
    pub about: Option<Uuid>,
}

/// All calls of a run.
#[derive(Debug)]
pub struct Journal {
    start: Instant,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    calls: Vec<Call>,
    file: BufWriter<File>,
}

impl Journal {
    /// An empty journal, also written to `file`.
    ///
    /// # Errors
    /// If the file can not be made.
    pub fn new(file: &Path) -> Result<Self> {
        let made = File::create(file).with_context(|| format!("making {}", file.display()))?;
        let kept = Kept { calls: Vec::new(), file: BufWriter::new(made) };
        Ok(Self { start: Instant::now(), kept: Mutex::new(kept) })
    }

    /// How long ago it was begun.
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Notes that a call is about to be sent; answers its number.
    ///
    /// # Errors
    /// If it can not be written down.
    pub fn begins(&self, intent: Intent) -> Result<usize> {
        let Intent { client, replica, action, key, about } = intent;
        let began = self.now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let number = kept.calls.len();
        let (ended, outcome) = (None, None);
        let call = Call { number, client, replica, action, key, about, began, ended, outcome };
        kept.write(&call)?;
        kept.calls.push(call);
        Ok(number)
    }

    /// Notes how a call ended.
    ///
    /// # Errors
    /// If it can not be written down.
    pub fn ended(&self, number: usize, outcome: Outcome) -> Result<()> {
        let now = self.now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let call = kept.calls.get_mut(number).context("a call that began")?;
        call.ended = Some(now);
        call.outcome = Some(outcome);
        let ended = call.clone();
        kept.write(&ended)
    }

    /// Notes something that is no call, for people who read the file.
    ///
    /// # Errors
    /// If it can not be written down.
    pub fn remark(&self, text: &str) -> Result<()> {
        let line = serde_json::json!({"at": self.now(), "remark": text});
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.write(&line)
    }

    /// Takes out the calls that began at `since` or later, which a restored dump has undone;
    /// answers how many. None of them may still run.
    pub fn forget_since(&self, since: Duration) -> usize {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept.calls.len();
        let first = kept.calls.partition_point(|call| call.began < since);
        kept.calls.truncate(first);
        before - first
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).calls.clone()
    }
}

impl Kept {
    fn write<T: Serialize>(&mut self, line: &T) -> Result<()> {
        serde_json::to_writer(&mut self.file, line)?;
        self.file.write_all(b"\n").context("writing the journal")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_that_tells_is_definite() {
        let reply = |status, code: Option<&str>| Reply {
            status,
            code: code.map(Into::into),
            ..Reply::default()
        };
        for definite in [reply(201, None), reply(400, Some("link_used"))] {
            assert!(definite.is_definite(), "{definite:?}");
        }
        for undecided in [
            reply(503, Some("unavailable")),
            reply(409, Some("request_in_flight")),
            reply(409, Some("concurrent_change")),
        ] {
            assert!(!undecided.is_definite(), "{undecided:?}");
        }
    }

    #[test]
    fn a_call_is_there_before_its_outcome() {
        let path = std::env::temp_dir().join(format!("turnstile-journal-{}", Uuid::new_v4()));
        let journal = Journal::new(&path).expect("made");
        let intent = Intent {
            client: 1,
            replica: 0,
            action: Action::Check,
            key: None,
            about: Some(Uuid::nil()),
        };
        let number = journal.begins(intent).expect("noted");
        assert_eq!(journal.calls()[number].outcome, None);
        journal.ended(number, Outcome::Lost("cut".into())).expect("noted");
        let call = &journal.calls()[number];
        assert!(call.ended >= Some(call.began) && call.outcome.is_some());
        drop(journal);
        assert_eq!(std::fs::read_to_string(&path).expect("written").lines().count(), 2);
        std::fs::remove_file(path).expect("removed");
    }
}
