//! Sessions that ended within the lifetime of a login token, held in memory: their tokens are still
//! well signed, and refused. Every replica reads them twice a second; what ends here is known here
//! at once.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::tokens::TOKEN_LIFETIME;
use crate::platform::causes::causes;
use crate::platform::clock::Clock;
use crate::platform::database::{Database, DatabaseError};

/// How often the sessions are asked.
const REFRESH_EVERY: Duration = Duration::from_millis(500);
/// Ends are kept this much longer than tokens live: clocks differ, and so do the beginnings of a
/// second.
const MARGIN: TimeDelta = TimeDelta::minutes(5);

/// The sessions that ended lately, each until its last token has expired; cheap to clone, all
/// clones are the same.
#[derive(Clone, Default)]
pub struct Revocations(Arc<RwLock<HashMap<Uuid, DateTime<Utc>>>>);

impl Revocations {
    /// Whether a session has ended.
    pub fn contains(&self, session: Uuid) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(&session)
    }

    /// A session has ended; its last token expires at `until`.
    pub(super) fn add(&self, session: Uuid, until: DateTime<Utc>) {
        let mut ended = self.0.write().unwrap_or_else(PoisonError::into_inner);
        ended.insert(session, until + MARGIN);
    }

    /// Reads the sessions that ended within the lifetime of a token, and forgets those whose tokens
    /// have expired.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer; what was known stays.
    pub async fn refresh(
        &self,
        database: &Database,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        self.read(database, now, now - TOKEN_LIFETIME).await
    }

    /// Reads the sessions that ended since, or a little earlier.
    async fn read(
        &self,
        database: &Database,
        now: DateTime<Utc>,
        since: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        let client = database.get().await?;
        let text = "select id, ended_at from sessions where ended_at > $1";
        let statement = client.prepare_cached(text).await?;
        let rows = client.query(&statement, &[&(since - MARGIN)]).await?;
        let mut ended = Vec::with_capacity(rows.len());
        for row in rows {
            let ended_at: DateTime<Utc> = row.try_get(1)?;
            ended.push((row.try_get(0)?, ended_at + TOKEN_LIFETIME + MARGIN));
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.extend(ended);
        known.retain(|_, until| *until > now);
        Ok(())
    }

    /// Keeps itself current until cancelled.
    pub async fn run(self, database: Database, clock: Clock) {
        let mut tick = tokio::time::interval(REFRESH_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failing = false;
        let mut since = clock.now() - TOKEN_LIFETIME;
        loop {
            tick.tick().await;
            let now = clock.now();
            let outcome = self.read(&database, now, since).await;
            if outcome.is_ok() {
                since = now;
            }
            if let (Err(error), false) = (&outcome, failing) {
                let error = causes(error);
                tracing::warn!(error, "ended sessions are not heard of: they can not be read");
            }
            failing = outcome.is_err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_session_is_known_at_once() {
        let (revocations, session) = (Revocations::default(), Uuid::from_u128(7));
        assert!(!revocations.contains(session));
        revocations.clone().add(session, DateTime::UNIX_EPOCH);
        assert!(revocations.contains(session));
    }
}
