//! What became of notices: state, never rebuilt. One row for each notice and channel, so nothing is
//! sent twice. Not here: when it is decided (`mailer.rs`), and what people read (`reading.rs`).
//!
//! ```text
//! waiting --claimed by a lease--> claimed --intent recorded--> sending --> sent
//!    ^                              |  |                          |-----> refused, failed
//!    |-- lease over, 4xx, no server-|  |--> bounced, refused,     |-----> unknown (lease over)
//!    |                                      failed, late          |-- 4xx --> waiting
//! off: decided when it was due (switched off, no address, bounced before)
//! ```
//! A claim is known again by its number (`attempts`): whoever comes back after its lease finds
//! another one there and may not go on.

use chrono::{DateTime, TimeDelta, Utc};
use tokio_postgres::Row;
use uuid::Uuid;

use super::notice::ALL;
use crate::platform::database::{Database, DatabaseError};

/// How long a claim holds: longer than a mail can take.
pub(super) const LEASE: TimeDelta = TimeDelta::minutes(2);
/// What was due longer ago is not sent any more: a server that is set up late does not send the
/// past.
pub(super) const STALE: TimeDelta = TimeDelta::hours(24);
/// For how long an address that bounced is not tried again.
pub(super) const BOUNCE_PAUSE: TimeDelta = TimeDelta::days(7);
/// Notices whose sending is decided at once.
const PLANNED_AT_ONCE: i64 = 200;

/// A notice that is due and of which nothing is decided.
pub(super) struct Candidate {
    pub(super) notice: Uuid,
    pub(super) person: Uuid,
    /// Whether its address bounced lately.
    pub(super) bounced: bool,
    /// Whether the person has switched it off.
    pub(super) switched_off: bool,
}

/// A notice that is claimed for sending.
pub(super) struct Claimed {
    pub(super) notice: Uuid,
    pub(super) person: Uuid,
    /// How often it was claimed, this time included: the number of the claim.
    pub(super) attempts: i32,
    /// The short link that was made for it.
    pub(super) link: Option<String>,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The server has it.
    Sent,
    /// The server knows no such address.
    Bounced(String),
    /// The server does not want it.
    Refused(String),
    /// It was tried as often as it is.
    Failed(String),
    /// Whether the server has it is not known.
    Unknown,
    /// It makes no sense any more.
    Late,
    /// It is not to be sent any more.
    Off(&'static str),
    /// It is tried again then.
    Waiting(DateTime<Utc>, String),
}

impl Outcome {
    /// The state it leaves.
    pub(super) fn state(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Bounced(_) => "bounced",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::Unknown => "unknown",
            Self::Late => "late",
            Self::Off(_) => "off",
            Self::Waiting(..) => "waiting",
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Self::Bounced(why) | Self::Refused(why) | Self::Failed(why) | Self::Waiting(_, why) => {
                Some(why)
            }
            Self::Off(why) => Some(why),
            Self::Sent | Self::Unknown | Self::Late => None,
        }
    }
}

/// The deliveries by e-mail; cheap to clone.
#[derive(Clone)]
pub(super) struct Deliveries(pub(super) Database);

impl Deliveries {
    /// What became due after `since` and of which nothing is decided.
    pub(super) async fn candidates(
        &self,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Candidate>, DatabaseError> {
        let text = format!(
            "select n.id, n.person, \
                 exists (select from deliveries b where b.person = n.person \
                     and b.channel = 'email' and b.state = 'bounced' and b.settled_at > $3), \
                 exists (select from switched_off s where s.account_id = n.person \
                     and s.kind = n.kind and s.channel = 'email') \
             from {ALL} n \
             where n.due_at > $1 and n.due_at <= $2 and n.withdrawn_at is null \
                 and not exists (select from deliveries d \
                     where d.notice = n.id and d.channel = 'email') \
                 and exists (select from accounts a where a.id = n.person) \
             order by n.due_at limit $4"
        );
        let client = self.0.get().await?;
        let statement = client.prepare_cached(&text).await?;
        let bounced = now - BOUNCE_PAUSE;
        let rows = client.query(&statement, &[&since, &now, &bounced, &PLANNED_AT_ONCE]).await?;
        let candidate = |row: &Row| {
            Ok(Candidate {
                notice: row.try_get(0)?,
                person: row.try_get(1)?,
                bounced: row.try_get(2)?,
                switched_off: row.try_get(3)?,
            })
        };
        rows.iter().map(candidate).collect()
    }

    /// Decides of each notice whether it is sent: with a reason it is not. Another replica may have
    /// decided before.
    pub(super) async fn decide(
        &self,
        decided: &[(Candidate, Option<&'static str>)],
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        let notices: Vec<Uuid> = decided.iter().map(|(candidate, _)| candidate.notice).collect();
        let people: Vec<Uuid> = decided.iter().map(|(candidate, _)| candidate.person).collect();
        let reasons: Vec<Option<&str>> = decided.iter().map(|(_, reason)| *reason).collect();
        let text = "insert into deliveries \
                        (notice, channel, person, state, reason, attempts, next_at, settled_at) \
                    select notice, 'email', person, \
                        case when reason is null then 'waiting' else 'off' end, reason, 0, $4::timestamptz, \
                        case when reason is null then null else $4::timestamptz end \
                    from unnest($1::uuid[], $2::uuid[], $3::text[]) d(notice, person, reason) \
                    on conflict do nothing";
        let client = self.0.get().await?;
        let statement = client.prepare_cached(text).await?;
        client.execute(&statement, &[&notices, &people, &reasons, &now]).await?;
        Ok(())
    }

    /// Claims some of what is due, or was claimed and let go.
    pub(super) async fn claim(
        &self,
        now: DateTime<Utc>,
        at_once: i64,
    ) -> Result<Vec<Claimed>, DatabaseError> {
        let text = "update deliveries set state = 'claimed', claimed_until = $2, \
                        attempts = attempts + 1 \
                    where channel = 'email' and notice in (\
                        select notice from deliveries \
                        where channel = 'email' and next_at <= $1 \
                            and (state = 'waiting' or state = 'claimed' and claimed_until <= $1) \
                        order by next_at limit $3 for update skip locked) \
                    returning notice, person, attempts, link";
        let client = self.0.get().await?;
        let statement = client.prepare_cached(text).await?;
        let rows = client.query(&statement, &[&now, &(now + LEASE), &at_once]).await?;
        let claimed = |row: &Row| {
            Ok(Claimed {
                notice: row.try_get(0)?,
                person: row.try_get(1)?,
                attempts: row.try_get(2)?,
                link: row.try_get(3)?,
            })
        };
        rows.iter().map(claimed).collect()
    }

    /// Keeps the short link, so that another attempt has the same one.
    pub(super) async fn keep_link(&self, it: &Claimed, link: &str) -> Result<(), DatabaseError> {
        let text = "update deliveries set link = $3 \
                    where notice = $1 and channel = 'email' and attempts = $2";
        self.execute(text, &[&it.notice, &it.attempts, &link]).await?;
        Ok(())
    }

    /// Records that the mail is about to be handed over: from here on nobody hands it over again,
    /// whatever becomes of this process. False if the claim is somebody else's by now.
    pub(super) async fn intend(
        &self,
        it: &Claimed,
        now: DateTime<Utc>,
    ) -> Result<bool, DatabaseError> {
        let text = "update deliveries set state = 'sending', claimed_until = $3 \
                    where notice = $1 and channel = 'email' and attempts = $2 \
                        and state = 'claimed'";
        Ok(self.execute(text, &[&it.notice, &it.attempts, &(now + LEASE)]).await? == 1)
    }

    /// Records what became of it. Whoever gave the mail up as unknown meanwhile is corrected.
    pub(super) async fn record(
        &self,
        it: &Claimed,
        outcome: &Outcome,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        let (next_at, settled_at) = match outcome {
            Outcome::Waiting(then, _) => (Some(then), None),
            _ => (None, Some(now)),
        };
        let text = "update deliveries set state = $3, reason = $4, \
                        next_at = coalesce($5, next_at), settled_at = $6, claimed_until = null \
                    where notice = $1 and channel = 'email' and attempts = $2 \
                        and state in ('claimed', 'sending', 'unknown')";
        let (state, reason) = (outcome.state(), outcome.reason());
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
            [&it.notice, &it.attempts, &state, &reason, &next_at, &settled_at];
        self.execute(text, &values).await?;
        Ok(())
    }

    /// Gives up what was about to be handed over when its process died: whether the server has it
    /// is not known, so it is not sent again. Returns how many.
    pub(super) async fn give_up(&self, now: DateTime<Utc>) -> Result<u64, DatabaseError> {
        let text = "update deliveries set state = 'unknown', settled_at = $1, claimed_until = null \
                    where state = 'sending' and claimed_until <= $1";
        self.execute(text, &[&now]).await
    }

    /// How many are on their way.
    pub(super) async fn backlog(&self) -> Result<i64, DatabaseError> {
        let text = "select count(*) from deliveries \
                    where state in ('waiting', 'claimed', 'sending')";
        let client = self.0.get().await?;
        let statement = client.prepare_cached(text).await?;
        Ok(client.query_one(&statement, &[]).await?.try_get(0)?)
    }

    async fn execute(
        &self,
        text: &str,
        values: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<u64, DatabaseError> {
        let client = self.0.get().await?;
        let statement = client.prepare_cached(text).await?;
        Ok(client.execute(&statement, values).await?)
    }
}
