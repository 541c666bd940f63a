//! A crowd of buyers with login tokens, and an administrator: accounts written straight into the
//! table, tokens signed with the system's own key. Registering as many would take longer than what
//! they do.

use anyhow::Result;
use ticketing::accounts::grants::Grants;
use ticketing::accounts::keys::TokenKeys;
use ticketing::accounts::revocations::Revocations;
use ticketing::accounts::tokens::LoginTokens;
use ticketing::accounts::{AccountId, Caller, Role, Roles, Tier};
use uuid::Uuid;

use super::stage::Stage;

/// Accounts as registering makes them, but without a password: nobody logs in.
const WRITE: &str = "insert into accounts (id, username, email, tier, roles, created_at) \
    select id, name, name || '@example.org', 'standard', $3::text[], now() \
    from unnest($1::uuid[], $2::text[]) a(id, name)";

/// Somebody who is logged in.
#[derive(Clone, Debug)]
pub struct Member {
    /// Which account.
    pub id: Uuid,
    /// Its login token, valid for an hour.
    pub token: String,
}

/// Makes so many new standard accounts.
///
/// # Errors
/// If Postgres or the key refuses.
pub async fn buyers(stage: &Stage, count: usize) -> Result<Vec<Member>> {
    accounts(stage, count, &[]).await
}

/// Makes an account that administrates.
///
/// # Errors
/// If Postgres or the key refuses.
pub async fn administrator(stage: &Stage) -> Result<Member> {
    let mut made = accounts(stage, 1, &[Role::Admin.as_str()]).await?;
    made.pop().ok_or_else(|| anyhow::anyhow!("an administrator"))
}

async fn accounts(stage: &Stage, count: usize, roles: &[&str]) -> Result<Vec<Member>> {
    let ids: Vec<Uuid> = (0..count).map(|_| Uuid::now_v7()).collect();
    let names: Vec<String> = ids.iter().map(|id| format!("crowd-{}", id.simple())).collect();
    stage.database.execute(WRITE, &[&ids, &names, &roles]).await?;
    let keys = TokenKeys::open(&stage.system.wiring.home.key("login"))?;
    let tokens = LoginTokens::new(keys, Grants::default(), Revocations::default());
    let now = stage.now().await?;
    let member = |(id, name): (Uuid, String)| {
        let caller = Caller {
            account: AccountId(id),
            username: name.into(),
            tier: Tier::Standard,
            roles: Roles::from_names(roles),
            session: Uuid::new_v4(),
        };
        Ok(Member { id, token: tokens.issue(&caller, now)? })
    };
    ids.into_iter().zip(names).map(member).collect()
}
