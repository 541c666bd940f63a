//! What somebody does not want to be told, by kind and channel. Everything is told unless it was
//! switched off. What is switched off in the product is not listed as long as it is; what was
//! switched off by e-mail when it became due is never sent.

use std::collections::HashSet;

use shared_events::AccountId;
use tokio_postgres::Row;

use super::kind::{Channel, Kind};
use crate::platform::database::{Database, DatabaseError};

/// A switch that somebody sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Switch {
    pub(super) kind: Kind,
    pub(super) channel: Channel,
    pub(super) on: bool,
}

/// The account is no more.
#[derive(Debug, thiserror::Error)]
pub(super) enum SwitchError {
    /// The account is no more.
    #[error("the account is no more")]
    Gone,
    /// Postgres did not do what was asked.
    #[error(transparent)]
    Database(DatabaseError),
}

impl From<DatabaseError> for SwitchError {
    fn from(error: DatabaseError) -> Self {
        match error.violated_constraint() {
            Some("switched_off_account_id_fkey") => Self::Gone,
            _ => Self::Database(error),
        }
    }
}

impl From<tokio_postgres::Error> for SwitchError {
    fn from(error: tokio_postgres::Error) -> Self {
        DatabaseError::from(error).into()
    }
}

/// The switches of all people; cheap to clone.
#[derive(Clone)]
pub(super) struct Switches(pub(super) Database);

impl Switches {
    /// What somebody has switched off: names of kinds and channels.
    pub(super) async fn off(
        &self,
        account: AccountId,
    ) -> Result<HashSet<(String, String)>, DatabaseError> {
        let client = self.0.get().await?;
        let text = "select kind, channel from switched_off where account_id = $1";
        let statement = client.prepare_cached(text).await?;
        let rows = client.query(&statement, &[&account.0]).await?;
        let pair = |row: &Row| Ok((row.try_get(0)?, row.try_get(1)?));
        Ok(rows.iter().map(pair).collect::<Result<_, tokio_postgres::Error>>()?)
    }

    /// Sets switches, all or none.
    pub(super) async fn set(
        &self,
        account: AccountId,
        switches: &[Switch],
    ) -> Result<(), SwitchError> {
        let names = |on: bool| -> (Vec<&str>, Vec<&str>) {
            let meant = switches.iter().filter(|switch| switch.on == on);
            meant.map(|switch| (switch.kind.as_str(), switch.channel.as_str())).unzip()
        };
        let ((on, on_by), (off, off_by)) = (names(true), names(false));
        let mut client = self.0.get().await?;
        let transaction = client.transaction().await?;
        let delete = "delete from switched_off s using unnest($2::text[], $3::text[]) o(kind, channel) \
                      where s.account_id = $1 and s.kind = o.kind and s.channel = o.channel";
        let statement = transaction.prepare_cached(delete).await?;
        transaction.execute(&statement, &[&account.0, &on, &on_by]).await?;
        let insert = "insert into switched_off (account_id, kind, channel) \
                      select $1, * from unnest($2::text[], $3::text[]) on conflict do nothing";
        let statement = transaction.prepare_cached(insert).await?;
        transaction.execute(&statement, &[&account.0, &off, &off_by]).await?;
        transaction.commit().await?;
        Ok(())
    }
}
