//! Sample people for trying things out: accounts with ids that never change and no password, each
//! with a fresh login token. Who was erased stays so. Only for `ticketing generate-data`.

use std::path::Path;

use anyhow::ensure;
use shared_events::account::{AccountId, Tier};
use uuid::Uuid;

use super::caller::{Role, Roles};
use super::grants::Grants;
use super::keys::TokenKeys;
use super::login::caller;
use super::revocations::Revocations;
use super::tokens::LoginTokens;
use crate::platform::clock::Clock;
use crate::platform::database::Database;

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

/// Makes the accounts that were never there, and a token for each of them all but who was erased.
///
/// # Errors
/// If a name or an address is another account's (then nothing is made), a key can not be read,
/// nothing can be signed, or Postgres does not do what is asked.
pub async fn generate(
    database: &Database,
    clock: &Clock,
    keys: &Path,
) -> anyhow::Result<Vec<Sample>> {
    let tokens =
        LoginTokens::new(TokenKeys::open(keys)?, Grants::default(), Revocations::default());
    make(database, clock).await?;
    let client = database.get().await?;
    let find = "select id, username, tier, roles from accounts \
                where id = $1 and erased_at is null";
    let mut samples = Vec::new();
    for (username, _) in PEOPLE {
        let Some(row) = client.query_opt(find, &[&id(username)]).await? else { continue };
        let caller = caller(&row, Uuid::new_v4())?;
        let token = tokens.issue(&caller, clock.now())?;
        samples.push(Sample { id: caller.account, username, token });
    }
    Ok(samples)
}

fn id(username: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, username.as_bytes())
}

fn address(username: &str) -> String {
    format!("{username}@example.com")
}

fn roles(username: &str) -> Roles {
    let names: &[&str] =
        if PEOPLE.contains(&(username, true)) { &[Role::Admin.as_str()] } else { &[] };
    Roles::from_names(names)
}

/// Makes all accounts that are not there, or none.
async fn make(database: &Database, clock: &Clock) -> anyhow::Result<()> {
    let mut client = database.get().await?;
    let transaction = client.transaction().await?;
    let find = "select 1 from accounts \
                where (lower(username) = $1 or lower(email) = $2) and id <> $3 limit 1";
    let insert = "insert into accounts (id, username, email, tier, roles, created_at) \
                  values ($1, $2, $3, $4, $5, $6) on conflict (id) do nothing";
    for (username, _) in PEOPLE {
        let (id, email) = (id(username), address(username));
        let stranger = transaction.query_opt(find, &[&username, &email, &id]).await?;
        ensure!(
            stranger.is_none(),
            "the name {username} or the address {email} is another account's, so nothing was made"
        );
        let (tier, roles) = (Tier::Standard.as_str(), roles(username));
        let (roles, now) = (roles.names(), clock.now());
        transaction.execute(insert, &[&id, &username, &email, &tier, &roles, &now]).await?;
    }
    Ok(transaction.commit().await?)
}
