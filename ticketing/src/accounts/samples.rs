//! Sample people for trying things out: accounts with ids that never change and no password, each
//! with a fresh login token. Only for `ticketing generate-data`.

use std::path::Path;

use shared_events::account::{AccountId, Tier};
use uuid::Uuid;

use super::caller::{Caller, Role, Roles};
use super::grants::Grants;
use super::keys::TokenKeys;
use super::revocations::Revocations;
use super::tokens::LoginTokens;
use crate::platform::clock::Clock;
use crate::platform::database::{Database, DatabaseError};

/// What the ids of sample people are made of.
const NAMESPACE: Uuid = Uuid::from_u128(0x7075_7270_6c65_4000_8000_7361_6d70_6c65);
/// The people of the original system, and whether they administrate.
const PEOPLE: [(&str, bool); 5] =
    [("user", false), ("sudo", true), ("author", false), ("guest_1", false), ("guest_2", false)];

/// Somebody who is there to try things out.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Which account.
    pub id: AccountId,
    /// Its name.
    pub username: &'static str,
    /// A login token, valid for an hour.
    pub token: String,
}

/// Makes the accounts that are not there, and a token for each of them all.
///
/// # Errors
/// If a key can not be read, nothing can be signed, or Postgres does not do what is asked.
pub async fn generate(
    database: &Database,
    clock: &Clock,
    keys: &Path,
) -> anyhow::Result<Vec<Sample>> {
    let tokens =
        LoginTokens::new(TokenKeys::open(keys)?, Grants::default(), Revocations::default());
    let mut samples = Vec::new();
    for (username, is_administrator) in PEOPLE {
        let id = Uuid::new_v5(&NAMESPACE, username.as_bytes());
        let names: &[&str] = if is_administrator { &[Role::Admin.as_str()] } else { &[] };
        let roles = Roles::from_names(names);
        let id = make(database, clock, id, username, &roles.names()).await?;
        let caller = Caller {
            account: AccountId(id),
            username: username.into(),
            tier: Tier::Standard,
            roles,
            session: Uuid::new_v4(),
        };
        let token = tokens.issue(&caller, clock.now())?;
        samples.push(Sample { id: AccountId(id), username, token });
    }
    Ok(samples)
}

/// Makes an account unless there is one of this name; its id.
async fn make(
    database: &Database,
    clock: &Clock,
    id: Uuid,
    username: &str,
    roles: &[&str],
) -> Result<Uuid, DatabaseError> {
    let client = database.get().await?;
    let insert = "insert into accounts (id, username, email, tier, roles, created_at) \
                  values ($1, $2, $3, $4, $5, $6) on conflict do nothing";
    let (email, tier) = (format!("{username}@example.com"), Tier::Standard.as_str());
    let now = clock.now();
    client.execute(insert, &[&id, &username, &email, &tier, &roles, &now]).await?;
    let find = "select id from accounts where lower(username) = lower($1)";
    Ok(client.query_one(find, &[&username]).await?.try_get(0)?)
}
