//! Erasing again who was erased lately: what was written of them meanwhile, by a replica that had
//! not heard of it. Not here: what is erased (`erase.rs`).
//!
//! What contexts forget is found in read tables. Somebody who is erased at 12:00:
//!
//! | when | what |
//! | --- | --- |
//! | until 12:00:01 | another replica still takes their token |
//! | 12:01 to 13:00 | every round erases them again, with what that replica wrote |
//! | after 13:00 | none does, unless one of these holds |
//! | a projection has not applied an event of 12:50 | rounds look back an hour from that time |
//! | something of theirs is awaited, or a round failed | they are in the next round too |
//! | a process starts | its first round looks back a month, as it knows of none before |
//!
//! Each of these is looked at when a round begins, for the one after it: so what a projection comes
//! to know, or what comes at last, between two rounds is erased by the second.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Accounts;
use crate::platform::causes::causes;
use crate::platform::database::DatabaseError;

/// How often a round begins, by the service's clock.
const AGAIN_EVERY: TimeDelta = TimeDelta::seconds(60);
/// How often it is looked whether one is to begin.
const LOOK: Duration = Duration::from_secs(1);
/// How long ago that is: far longer than any replica takes to hear of it.
const LATELY: TimeDelta = TimeDelta::minutes(60);
/// How long ago it is for the first round of a process.
const AT_START: TimeDelta = TimeDelta::days(30);

/// Who is erased again.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Late {
    /// Whoever was erased after this.
    since: DateTime<Utc>,
    /// And these: who could not be erased in the round before, or of whom something was awaited.
    others: HashSet<Uuid>,
}

impl Late {
    /// Before the first round.
    fn at_start(now: DateTime<Utc>) -> Self {
        Self { since: now - AT_START, others: HashSet::new() }
    }

    /// After a round, at whose beginning a projection had not applied an event of `behind`.
    fn after(now: DateTime<Utc>, behind: Option<DateTime<Utc>>, others: HashSet<Uuid>) -> Self {
        Self { since: behind.map_or(now, |behind| behind.min(now)) - LATELY, others }
    }
}

impl Accounts {
    /// Erases again who was erased lately, from time to time, until cancelled.
    pub async fn erase_again(self: Arc<Self>, shutdown: CancellationToken) {
        let mut look = tokio::time::interval(LOOK);
        let mut begins_at = self.clock.now();
        let mut late = Late::at_start(begins_at);
        loop {
            tokio::select! {
                _ = look.tick() => {}
                () = shutdown.cancelled() => return,
            }
            let now = self.clock.now();
            if now < begins_at {
                continue;
            }
            begins_at = now + AGAIN_EVERY;
            match self.erase_late(&late, &shutdown).await {
                Ok(next) => late = next,
                Err(error) => {
                    tracing::warn!(error = causes(&error), "who was erased lately was not again");
                }
            }
        }
    }

    /// A round: who is to be erased in the next one. Whoever can not be erased stands in nobody's
    /// way.
    async fn erase_late(
        &self,
        late: &Late,
        shutdown: &CancellationToken,
    ) -> Result<Late, DatabaseError> {
        let now = self.clock.now();
        // What is applied from here on may come too late for this round.
        let behind = self.not_applied_since().await?;
        let mut others = self.still_awaited().await?;
        for id in self.erased_lately(late).await? {
            if shutdown.is_cancelled() {
                return Ok(late.clone());
            }
            if let Err(error) = self.erase_once_more(id).await {
                tracing::warn!(account = %id, error = causes(&error), "somebody was not erased again");
                others.insert(id);
            }
        }
        Ok(Late::after(now, behind, others))
    }

    async fn erased_lately(&self, late: &Late) -> Result<Vec<Uuid>, DatabaseError> {
        let others: Vec<_> = late.others.iter().copied().collect();
        let client = self.database.get().await?;
        let text = "select id from accounts where erased_at > $1 \
                    union select id from accounts where id = any($2) order by id";
        let rows = client.query(text, &[&late.since, &others]).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    }

    /// Who was erased and something is still to come of.
    async fn still_awaited(&self) -> Result<HashSet<Uuid>, DatabaseError> {
        let client = self.database.get().await?;
        let mut found = HashSet::new();
        for awaited in &self.erasing.awaited {
            let text = format!(
                "select id from accounts where erased_at is not null and id in ({awaited})"
            );
            for row in client.query(&text, &[]).await? {
                found.insert(row.try_get(0)?);
            }
        }
        Ok(found)
    }

    /// When the oldest event was recorded that a projection has not applied; `None` if all have
    /// applied all.
    async fn not_applied_since(&self) -> Result<Option<DateTime<Utc>>, DatabaseError> {
        let (logs, names): (Vec<_>, Vec<_>) = self.erasing.read.iter().copied().unzip();
        let client = self.database.get().await?;
        let text = "select min(next.recorded_at) from unnest($1::text[], $2::text[]) p(log, name) \
                    cross join lateral (select recorded_at from events e \
                        where e.log = p.log and e.position > coalesce( \
                            (select position from checkpoints c where c.projection = p.name), 0) \
                        order by e.position limit 1) next";
        Ok(client.query_one(text, &[&logs, &names]).await?.try_get(0)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_looks_back_an_hour_from_what_was_not_applied_in_the_one_before() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let since = |behind| Late::after(now, behind, HashSet::new()).since;
        assert_eq!(since(None), now - TimeDelta::minutes(60));
        let days_ago = now - TimeDelta::days(3);
        assert_eq!(since(Some(days_ago)), days_ago - TimeDelta::minutes(60));
        // Clocks differ.
        assert_eq!(since(Some(now + TimeDelta::seconds(1))), since(None));
        assert_eq!(Late::at_start(now).since, now - TimeDelta::days(30));
    }
}
