//! Granting a tier or a role from the command line: `ticketing grant <username> <tier|admin>`.
//! Replicas know of it within a second, and it overrides tokens that were issued before.

use std::fmt;
use std::str::FromStr;

use shared_events::account::Tier;

use super::caller::Role;
use crate::platform::clock::Clock;
use crate::platform::database::{Database, DatabaseError};

/// What is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// This tier instead of the present one.
    Tier(Tier),
    /// This role besides the present ones.
    Role(Role),
}

/// The text names neither a tier nor a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected premium, standard, default or admin")]
pub struct UnknownGrant;

impl FromStr for Grant {
    type Err = UnknownGrant;

    fn from_str(text: &str) -> Result<Self, UnknownGrant> {
        let role = Role::ALL.into_iter().find(|role| role.as_str() == text).map(Self::Role);
        role.or_else(|| text.parse().ok().map(Self::Tier)).ok_or(UnknownGrant)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tier(tier) => tier.as_str(),
            Self::Role(role) => role.as_str(),
        })
    }
}

/// Why nothing was granted.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// Nobody has this name.
    #[error("there is no account {0:?}")]
    UnknownUser(String),
    /// Postgres did not do what was asked.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Grants it to the account of this name, whatever its case. Granting what is there changes
/// nothing.
///
/// # Errors
/// [`GrantError`] says why nothing was granted.
pub async fn grant(
    database: &Database,
    clock: &Clock,
    username: &str,
    grant: Grant,
) -> Result<(), GrantError> {
    // A command line runs for itself: it has to ask what the replicas keep knowing. Replicas look
    // at lately changed accounts by this time.
    clock.measure(database).await?;
    clock.follow_test_clock(database).await?;
    let client = database.get().await?;
    let (change, value) = match grant {
        Grant::Tier(tier) => {
            let change =
                "update accounts set tier = $2, changed_at = $3 where lower(username) = lower($1)";
            (change, tier.as_str())
        }
        Grant::Role(role) => {
            let change = "update accounts set roles = array_append(array_remove(roles, $2), $2), \
                          changed_at = $3 where lower(username) = lower($1)";
            (change, role.as_str())
        }
    };
    let changed = client.execute(change, &[&username, &value, &clock.now()]).await;
    if changed.map_err(DatabaseError::from)? == 0 {
        return Err(GrantError::UnknownUser(username.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_or_a_role_can_be_granted() {
        for text in ["premium", "standard", "default", "admin"] {
            assert_eq!(text.parse::<Grant>().unwrap().to_string(), text);
        }
        assert_eq!("Admin".parse::<Grant>(), Err(UnknownGrant));
    }
}
