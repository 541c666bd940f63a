//! What became of notices: state, never rebuilt. One row for each notice and channel, so nothing is
//! sent twice. Not here: when it is decided (`mailer.rs`), and what people read (`reading.rs`).
//!
//! ```text
//! waiting --claimed by a lease--> claimed --intent recorded--> sending --> sent
//!    ^                              |  |                          |-----> refused, failed
//!    |-- lease over, 4xx, no server-|  |--> off, bounced, refused,|-----> unknown (lease over)
//!    |                                      failed, late          |-- 4xx --> waiting
//! off: decided when it was due (switched off, stopped, no address, bounced before)
//! late: also while it waited
//! ```
//! A claim is known again by its number (`attempts`): whoever comes back after its lease finds
//! another one there and may not go on.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use shared_events::topology::{MARKET_LOG, OUTINGS_LOG};
use tokio_postgres::Row;
use uuid::Uuid;

use super::kind::Kind;
use super::market;
use super::notice::ALL;
use super::outcome::Outcome;
use super::outings;
use super::stops::{StopToken, digest};
use crate::platform::database::{Database, DatabaseError};

/// How long a claim holds: longer than a mail can take.
pub(super) const LEASE: TimeDelta = TimeDelta::minutes(2);
/// What was due longer ago is not sent any more: a server that is set up late does not send the
/// past.
pub(super) const STALE: TimeDelta = TimeDelta::hours(24);
/// For how long an address that bounced is not tried again.
pub(super) const BOUNCE_PAUSE: TimeDelta = TimeDelta::days(7);
/// Notices whose sending is decided at once: a page of a look.
const PLANNED_AT_ONCE: i64 = 200;
/// How many of the next to be sent are looked at to see whether they are late.
const SETTLED_AT_ONCE: i64 = 200;
/// The most time that a page looks at: a day of notices that are decided already takes too long.
const LOOKED_AT_ONCE: TimeDelta = TimeDelta::hours(1);
/// A projection that lacks something older than this is behind: what it planned may be withdrawn.
const BEHIND: TimeDelta = TimeDelta::seconds(2);
/// What is planned and may be withdrawn, with the projection that does and the log it follows.
const PLANNERS: [(&str, &str, &[Kind]); 2] = [
    (market::NAME, MARKET_LOG, &[Kind::OrderExpiring]),
    (outings::NAME, OUTINGS_LOG, &[Kind::ReminderDay, Kind::ReminderHour]),
];

/// A place among all notices in the order of their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) due_at: DateTime<Utc>,
    pub(super) id: Uuid,
}

/// Some of what is due and undecided.
pub(super) struct Candidates {
    pub(super) all: Vec<Candidate>,
    /// Where the next page begins; `None` if this was the last.
    pub(super) more: Option<Place>,
}

/// A notice that is due, and what the database says against sending it.
pub(super) struct Candidate {
    pub(super) notice: Uuid,
    pub(super) person: Uuid,
    /// Whether its address bounced lately.
    pub(super) bounced: bool,
    /// Whether the person has switched it off.
    pub(super) switched_off: bool,
    /// Whether who reads mail at the address wants none.
    pub(super) stopped: bool,
}

/// A notice that is claimed for sending.
pub(super) struct Claimed {
    pub(super) notice: Uuid,
    pub(super) person: Uuid,
    /// How often it was claimed, this time included: the number of the claim.
    pub(super) attempts: i32,
    /// How often the server has put it off.
    pub(super) put_off: i32,
}

/// What a [`Candidate`] tells of the notice `n`: whether its address bounced after `$1`, and
/// whether it is switched off, or the address stopped.
const AGAINST: &str = concat!(
    "exists (select from deliveries b where b.person = n.person \
        and b.channel = 'email' and b.state = 'bounced' and b.settled_at > $1), \
    exists (select from switched_off s where s.account_id = n.person \
        and s.kind = n.kind and s.channel = 'email'), \
    exists (select from stopped_addresses s join accounts a on s.address = ",
    digest!("a.email"),
    " where a.id = n.person)"
);

/// The next to be sent at `$1`, at most `$2`: due, or claimed and let go.
const NEXT: &str = "select notice from deliveries \
    where channel = 'email' and next_at <= $1 \
        and (state = 'waiting' or state = 'claimed' and claimed_until <= $1) \
    order by next_at limit $2 for update skip locked";

fn candidate(row: &Row) -> Result<Candidate, tokio_postgres::Error> {
    Ok(Candidate {
        notice: row.try_get(0)?,
        person: row.try_get(1)?,
        bounced: row.try_get(2)?,
        switched_off: row.try_get(3)?,
        stopped: row.try_get(4)?,
    })
}

/// The deliveries by e-mail; cheap to clone.
#[derive(Clone)]
pub(super) struct Deliveries(pub(super) Database);

impl Deliveries {
    /// Notes that mails are sent from now on, unless they have been before: what was due by then
    /// is not sent.
    pub(super) async fn begin(&self, now: DateTime<Utc>) -> Result<(), DatabaseError> {
        let text = "update notices_begin set mailed_from = $1 where mailed_from is null";
        self.execute(text, &[&now]).await?;
        Ok(())
    }

    /// The kinds that are held back, because the projection that would withdraw them is behind.
    pub(super) async fn held_back(&self, now: DateTime<Utc>) -> Result<Vec<Kind>, DatabaseError> {
        let text = "select p.projection from unnest($1::text[], $2::text[]) p(projection, log) \
                    where (select e.recorded_at from events e where e.log = p.log \
                        and e.position > coalesce((select c.position from checkpoints c \
                            where c.projection = p.projection), 0) \
                        order by e.position limit 1) < $3";
        let projections: Vec<&str> = PLANNERS.iter().map(|(projection, ..)| *projection).collect();
        let logs: Vec<&str> = PLANNERS.iter().map(|(_, log, _)| *log).collect();
        let client = self.0.get().await?;
        let statement = client.prepare_cached(text).await?;
        let rows = client.query(&statement, &[&projections, &logs, &(now - BEHIND)]).await?;
        let behind: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
        let behind = behind?;
        let held = PLANNERS.iter().filter(|(name, ..)| behind.iter().any(|one| one == name));
        Ok(held.flat_map(|(.., kinds)| kinds.iter().copied()).collect())
    }

    /// What is due by now, comes soon after that place, and is not decided; none of the kinds that
    /// are held back, or that only a newer version knows.
    pub(super) async fn candidates(
        &self,
        after: Place,
        now: DateTime<Utc>,
        held: &[Kind],
    ) -> Result<Candidates, DatabaseError> {
        let text = format!(
            "select n.id, n.person, {AGAINST}, n.due_at \
             from {ALL} n \
             where (n.due_at, n.id) > ($2, $3) and n.due_at <= $4 and n.withdrawn_at is null \
                 and n.due_at >= (select mailed_from from notices_begin) \
                 and n.kind = any($5) \
                 and not exists (select from deliveries d \
                     where d.notice = n.id and d.channel = 'email') \
                 and exists (select from accounts a \
                     where a.id = n.person and a.erased_at is null) \
             order by n.due_at, n.id limit $6"
        );
        let client = self.0.get().await?;
        let statement = client.prepare_cached(&text).await?;
        let (bounced, to) = (now - BOUNCE_PAUSE, now.min(after.due_at + LOOKED_AT_ONCE));
        let kinds = Kind::ALL.iter().filter(|kind| !held.contains(kind));
        let kinds: Vec<&str> = kinds.map(|kind| kind.as_str()).collect();
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
            [&bounced, &after.due_at, &after.id, &to, &kinds, &PLANNED_AT_ONCE];
        let rows = client.query(&statement, &values).await?;
        let full = rows.len() as i64 == PLANNED_AT_ONCE;
        let more = match rows.last().filter(|_| full) {
            Some(row) => Some(Place { due_at: row.try_get(5)?, id: row.try_get(0)? }),
            None => (to < now).then_some(Place { due_at: to, id: Uuid::max() }),
        };
        let all: Result<_, tokio_postgres::Error> = rows.iter().map(candidate).collect();
        Ok(Candidates { all: all?, more })
    }

    /// What is against sending these notices at this moment.
    pub(super) async fn standing(
        &self,
        notices: &[Uuid],
        now: DateTime<Utc>,
    ) -> Result<HashMap<Uuid, Candidate>, DatabaseError> {
        let text = format!("select n.id, n.person, {AGAINST} from {ALL} n where n.id = any($2)");
        let client = self.0.get().await?;
        let statement = client.prepare_cached(&text).await?;
        let rows = client.query(&statement, &[&(now - BOUNCE_PAUSE), &notices]).await?;
        let all: Result<Vec<Candidate>, tokio_postgres::Error> =
            rows.iter().map(candidate).collect();
        Ok(all?.into_iter().map(|candidate| (candidate.notice, candidate)).collect())
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

    /// Settles those of the next that make no sense any more, so that they take no room of what
    /// does. Returns how many.
    pub(super) async fn settle_late(&self, now: DateTime<Utc>) -> Result<u64, DatabaseError> {
        let text = format!(
            "with head as materialized ({NEXT}) \
             update deliveries d set state = 'late', reason = null, settled_at = $1, \
                 claimed_until = null \
             from head, {ALL} n \
             where d.notice = head.notice and d.channel = 'email' and n.id = head.notice \
                 and n.withdrawn_at is null and (n.until <= $1 or n.due_at <= $3)"
        );
        self.execute(&text, &[&now, &SETTLED_AT_ONCE, &(now - STALE)]).await
    }

    /// Claims some of what is due, or was claimed and let go.
    pub(super) async fn claim(
        &self,
        now: DateTime<Utc>,
        at_once: usize,
    ) -> Result<Vec<Claimed>, DatabaseError> {
        let text = format!(
            "update deliveries set state = 'claimed', claimed_until = $3, attempts = attempts + 1 \
             where channel = 'email' and notice in ({NEXT}) \
             returning notice, person, attempts, put_off"
        );
        let client = self.0.get().await?;
        let statement = client.prepare_cached(&text).await?;
        let rows = client.query(&statement, &[&now, &(at_once as i64), &(now + LEASE)]).await?;
        let claimed = |row: &Row| {
            Ok(Claimed {
                notice: row.try_get(0)?,
                person: row.try_get(1)?,
                attempts: row.try_get(2)?,
                put_off: row.try_get(3)?,
            })
        };
        rows.iter().map(claimed).collect()
    }

    /// Records that the mail is about to be handed over, and by which token who reads it stops mail
    /// to that address: from here on nobody hands it over again, whatever becomes of this process.
    /// False if the claim is somebody else's by now.
    pub(super) async fn intend(
        &self,
        it: &Claimed,
        (token, address): (StopToken, &str),
        now: DateTime<Utc>,
    ) -> Result<bool, DatabaseError> {
        let text = concat!(
            "with intended as (\
                 update deliveries set state = 'sending', claimed_until = $3 \
                 where notice = $1 and channel = 'email' and attempts = $2 and state = 'claimed' \
                 returning notice) \
             insert into mail_tokens (token, address, made_at) \
             select sha256(uuid_send($4)), ",
            digest!("$5"),
            ", date_trunc('day', $6::timestamptz) from intended"
        );
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
            [&it.notice, &it.attempts, &(now + LEASE), &token.0, &address, &now];
        Ok(self.execute(text, &values).await? == 1)
    }

    /// Records what became of it. Whoever gave the mail up as unknown meanwhile is corrected. Doing
    /// it again changes nothing.
    pub(super) async fn record(
        &self,
        it: &Claimed,
        outcome: &Outcome,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        let (next_at, settled_at) = match outcome {
            Outcome::Waiting(then, _) | Outcome::Again(then, _) => (Some(then), None),
            _ => (None, Some(now)),
        };
        let put_off = i32::from(matches!(outcome, Outcome::Waiting(..)));
        let text = "update deliveries set state = $3, reason = $4, \
                        next_at = coalesce($5, next_at), settled_at = $6, claimed_until = null, \
                        put_off = put_off + $7 \
                    where notice = $1 and channel = 'email' and attempts = $2 \
                        and state in ('claimed', 'sending', 'unknown')";
        let (state, reason) = (outcome.state(), outcome.reason());
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
            [&it.notice, &it.attempts, &state, &reason, &next_at, &settled_at, &put_off];
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
