//! What changed in the accounts within the lifetime of a token, held in memory: a token says what
//! was true when it was issued, this says what is true now. Every replica reads it from the
//! accounts twice a second, as a whole.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use shared_events::account::{AccountId, Tier};

use super::caller::Roles;
use super::tokens::TOKEN_LIFETIME;
use crate::platform::causes::causes;
use crate::platform::clock::Clock;
use crate::platform::database::{Database, DatabaseError};

/// How often the accounts are asked.
const REFRESH_EVERY: Duration = Duration::from_millis(500);
/// Changes are kept this much longer than tokens live: clocks differ, and so do the beginnings of a
/// second.
const MARGIN: TimeDelta = TimeDelta::minutes(5);

/// What an account is entitled to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The tier.
    pub tier: Tier,
    /// The roles.
    pub roles: Roles,
    /// Tokens issued before are no longer accepted.
    pub tokens_valid_from: Option<DateTime<Utc>>,
}

/// The accounts that changed lately; cheap to clone, all clones are the same.
#[derive(Clone, Default)]
pub struct Grants(Arc<RwLock<HashMap<AccountId, Standing>>>);

impl Grants {
    /// What changed in this account lately, if anything did.
    pub fn find(&self, account: AccountId) -> Option<Standing> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&account).copied()
    }

    pub(super) fn replace(&self, changed: HashMap<AccountId, Standing>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = changed;
    }

    /// Reads the accounts that changed lately.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer; what was known stays.
    pub async fn refresh(
        &self,
        database: &Database,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        let client = database.get().await?;
        let changed =
            "select id, tier, roles, tokens_valid_from from accounts where changed_at > $1";
        let statement = client.prepare_cached(changed).await?;
        let since = now - TOKEN_LIFETIME - MARGIN;
        let mut accounts = HashMap::new();
        for row in client.query(&statement, &[&since]).await? {
            let tier: &str = row.try_get(1)?;
            let roles: Vec<&str> = row.try_get(2)?;
            let standing = Standing {
                tier: tier.parse().unwrap_or(Tier::Default),
                roles: Roles::from_names(&roles),
                tokens_valid_from: row.try_get(3)?,
            };
            accounts.insert(AccountId(row.try_get(0)?), standing);
        }
        self.replace(accounts);
        Ok(())
    }

    /// Keeps itself current until cancelled.
    pub async fn run(self, database: Database, clock: Clock) {
        let mut tick = tokio::time::interval(REFRESH_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tick.tick().await;
            let outcome = self.refresh(&database, clock.now()).await;
            if let Err(error) = &outcome
                && !failing
            {
                tracing::warn!(
                    error = causes(error),
                    "grants are as they were: the accounts can not be read"
                );
            }
            failing = outcome.is_err();
        }
    }
}
