//! The check query: is the link there? Waits a moment for a verdict that is not there yet, so that
//! a client who checks at once gets its premium link.
//!
//! Readiness is a comparison with the clock at the moment of asking; asking changes nothing. Links
//! that open later are remembered, with their owner, and answered from memory until they do: a
//! verdict is never changed, and nothing else can happen to a link before it opens. What is open or
//! gone is read each time. Not here: using a link (`buy_ticket.rs`).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::sync::Cache;
use secrecy::SecretString;
use shared_events::{AccountId, Envelope, LinkRequestEvent, RequestId, Requester};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::status::{Found, LinkStatus, LinkStatuses};
use crate::platform::clock::Clock;
use crate::platform::event_store::ReadError;
use crate::platform::log_signal::{LogSignal, StreamWatch};

/// The longest a check waits for a verdict.
pub const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// Checks that may wait at once; one more is answered with what there is.
pub const MAX_WAITING: usize = 1_000;
/// Links that open later and are known without asking the store, at a few hundred bytes each.
const KEPT: u64 = 16_384;

/// Answers checks; cheap to clone.
#[derive(Clone)]
pub struct Checks {
    statuses: LinkStatuses,
    signal: Arc<LogSignal>,
    clock: Clock,
    waiting: Arc<Semaphore>,
    /// Links that open later, with their owner: nothing can happen to them before.
    not_yet: Cache<RequestId, (Option<AccountId>, DateTime<Utc>)>,
}

/// What a check finds.
#[derive(Clone, Debug)]
pub enum Checked {
    /// The link works now.
    Open {
        /// Its token.
        token: SecretString,
    },
    /// Not yet; without a time while there is no verdict.
    NotYet {
        /// When it opens, if that is known.
        opens_at: Option<DateTime<Utc>>,
    },
    /// It works no longer, or never will.
    Gone(Gone),
}

/// Why there is no link (any more).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It was used.
    Used,
    /// Its time is over.
    Expired,
    /// The rule gives none.
    Refused {
        /// Why.
        reason: String,
    },
}

impl Checks {
    /// Checks against these statuses, woken by this signal.
    pub fn new(statuses: LinkStatuses, signal: Arc<LogSignal>, clock: Clock) -> Self {
        let waiting = Arc::new(Semaphore::new(MAX_WAITING));
        Self { statuses, signal, clock, waiting, not_yet: Cache::new(KEPT) }
    }

    /// Checks a request for `caller`; `None` if there is none, or it is somebody else's.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn check(
        &self,
        id: RequestId,
        caller: Option<AccountId>,
    ) -> Result<Option<Checked>, ReadError> {
        if let Some((owner, opens_at)) = self.not_yet.get(&id)
            && self.clock.now() < opens_at
        {
            let checked = Checked::NotYet { opens_at: Some(opens_at) };
            return Ok(is_readable_by(owner, caller).then_some(checked));
        }
        // Registered first, read second: a verdict in between wakes the watch.
        let watch = self.signal.watch_stream(id.0);
        let found = self.statuses.find(id).await?;
        let found = found.filter(|found| is_readable_by(found.status.owner(), caller));
        let Some(mut found) = found else { return Ok(None) };
        if !found.status.is_evaluated()
            && let Some(evaluated) = self.wait_for_verdict(id, watch).await?
        {
            found = evaluated;
        }
        let owner = found.status.owner();
        let checked = judge(&found.status, found.token, self.clock.now());
        if let Checked::NotYet { opens_at: Some(opens_at) } = checked {
            self.not_yet.insert(id, (owner, opens_at));
        }
        Ok(Some(checked))
    }

    /// The events of a request, oldest first, for `caller`; `None` if there is no such request, or
    /// it is somebody else's.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn history(
        &self,
        id: RequestId,
        caller: Option<AccountId>,
    ) -> Result<Option<Vec<Envelope<LinkRequestEvent>>>, ReadError> {
        let events = self.statuses.history(id).await?;
        let Some(first) = events.first() else { return Ok(None) };
        Ok(is_readable_by(owner(&first.payload), caller).then_some(events))
    }

    /// Whether the link has lost its token before its time: its owner was erased, and whoever else
    /// was given the link can not use it either.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn is_erased(&self, id: RequestId) -> Result<bool, ReadError> {
        let Some(Found { status, token }) = self.statuses.find(id).await? else {
            return Ok(false);
        };
        let is_unused = status.token_id.is_some() && status.bought_at.is_none();
        let has_time = status.closes_at.is_some_and(|closes_at| self.clock.now() < closes_at);
        Ok(is_unused && has_time && token.is_none() && status.owner().is_some())
    }

    async fn wait_for_verdict(
        &self,
        id: RequestId,
        mut watch: StreamWatch,
    ) -> Result<Option<Found>, ReadError> {
        let Ok(_place) = self.waiting.try_acquire() else { return Ok(None) };
        let until = Instant::now() + LONGEST_WAIT;
        while timeout_at(until, watch.changed()).await.is_ok() {
            match self.statuses.find(id).await? {
                Some(found) if found.status.is_evaluated() => return Ok(Some(found)),
                _ => {}
            }
        }
        Ok(None)
    }
}

/// Whose request it is that begins with this event; `None` is a guest.
fn owner(first: &LinkRequestEvent) -> Option<AccountId> {
    match first {
        LinkRequestEvent::Requested { requester: Requester::Account(owner), .. } => Some(*owner),
        _ => None,
    }
}

/// A request may be read by its account, a guest's by anybody who knows its id.
fn is_readable_by(owner: Option<AccountId>, caller: Option<AccountId>) -> bool {
    owner.is_none() || owner == caller
}

/// What a status means at a moment. A token that housekeeping has deleted belongs to a link whose
/// time is over.
fn judge(status: &LinkStatus, token: Option<SecretString>, now: DateTime<Utc>) -> Checked {
    if let Some(reason) = &status.refused {
        return Checked::Gone(Gone::Refused { reason: reason.clone() });
    }
    if status.bought_at.is_some() {
        return Checked::Gone(Gone::Used);
    }
    let (Some(opens_at), Some(closes_at)) = (status.opens_at, status.closes_at) else {
        return Checked::NotYet { opens_at: None };
    };
    if now < opens_at {
        return Checked::NotYet { opens_at: Some(opens_at) };
    }
    match token {
        Some(token) if now < closes_at => Checked::Open { token },
        _ => Checked::Gone(Gone::Expired),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn issued(now: DateTime<Utc>) -> LinkStatus {
        LinkStatus {
            rule: Some("10 minutes".into()),
            opens_at: Some(now),
            closes_at: Some(now + TimeDelta::hours(1)),
            ..LinkStatus::default()
        }
    }

    fn judged(status: &LinkStatus, now: DateTime<Utc>) -> Checked {
        judge(status, Some("token".into()), now)
    }

    #[test]
    fn a_link_is_ready_from_its_first_instant_until_just_before_its_last() {
        let opens = DateTime::UNIX_EPOCH;
        let tick = TimeDelta::microseconds(1);
        let status = issued(opens);
        assert!(matches!(judged(&status, opens - tick), Checked::NotYet { opens_at: Some(_) }));
        assert!(matches!(judged(&status, opens), Checked::Open { .. }));
        let closes = opens + TimeDelta::hours(1);
        assert!(matches!(judged(&status, closes - tick), Checked::Open { .. }));
        assert!(matches!(judged(&status, closes), Checked::Gone(Gone::Expired)));
    }

    #[test]
    fn a_used_link_is_gone_for_good() {
        let now = DateTime::UNIX_EPOCH;
        let status = LinkStatus { bought_at: Some(now), ..issued(now) };
        for later in [TimeDelta::zero(), TimeDelta::hours(2)] {
            assert!(matches!(judged(&status, now + later), Checked::Gone(Gone::Used)));
        }
    }

    #[test]
    fn without_a_verdict_nothing_is_known() {
        let nothing = judged(&LinkStatus::default(), DateTime::UNIX_EPOCH);
        assert!(matches!(nothing, Checked::NotYet { opens_at: None }));
    }
}
