//! Reading accounts, for administrators: one by its id, or pages of them. Never their password
//! hashes, and none that was erased.

use chrono::{DateTime, Utc};
use shared_events::account::{AccountId, Tier};
use tokio_postgres::Row;
use uuid::Uuid;

use super::Accounts;
use super::caller::Role;
use crate::platform::database::DatabaseError;

/// An account as administrators see it.
pub(super) struct AccountRow {
    pub(super) id: Uuid,
    pub(super) username: String,
    /// `None` if a provider told none.
    pub(super) email: Option<String>,
    pub(super) tier: String,
    pub(super) roles: Vec<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) changed_at: Option<DateTime<Utc>>,
}

/// Which accounts a list has.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    pub(super) tier: Option<Tier>,
    pub(super) role: Option<Role>,
    /// A part of the username or the address, whatever its case.
    pub(super) text: Option<String>,
}

const COLUMNS: &str =
    "select id, username, email, tier, roles, created_at, changed_at from accounts";

fn account(row: &Row) -> Result<AccountRow, tokio_postgres::Error> {
    Ok(AccountRow {
        id: row.try_get(0)?,
        username: row.try_get(1)?,
        email: row.try_get(2)?,
        tier: row.try_get(3)?,
        roles: row.try_get(4)?,
        created_at: row.try_get(5)?,
        changed_at: row.try_get(6)?,
    })
}

impl Accounts {
    /// The account of this id.
    pub(super) async fn find(&self, id: AccountId) -> Result<Option<AccountRow>, DatabaseError> {
        let client = self.database.get().await?;
        let statement = client
            .prepare_cached(&format!("{COLUMNS} where id = $1 and erased_at is null"))
            .await?;
        let row = client.query_opt(&statement, &[&id.0]).await?;
        Ok(row.as_ref().map(account).transpose()?)
    }

    /// Accounts after this one, oldest first (ids grow with time).
    pub(super) async fn list(
        &self,
        filter: &Filter,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<AccountRow>, DatabaseError> {
        let list = format!(
            "{COLUMNS} where id > $1 and erased_at is null and ($2::text is null or tier = $2) \
             and ($3::text is null or $3 = any(roles)) \
             and ($4::text is null or position(lower($4) in lower(username)) > 0 \
                  or position(lower($4) in lower(email)) > 0) \
             order by id limit $5"
        );
        let client = self.database.get().await?;
        let statement = client.prepare_cached(&list).await?;
        let after = after.unwrap_or(Uuid::nil());
        let tier = filter.tier.map(Tier::as_str);
        let role = filter.role.map(Role::as_str);
        let rows = client.query(&statement, &[&after, &tier, &role, &filter.text, &limit]).await?;
        Ok(rows.iter().map(account).collect::<Result<_, _>>()?)
    }
}
