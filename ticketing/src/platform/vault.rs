//! The vault: values that belong to events but must not stand in history. They are written with the
//! append ([`super::append::NewSecret`]), read by id and name, and can be deleted without changing
//! history.

use std::collections::HashMap;

use secrecy::SecretString;
use tokio_postgres::Row;
use uuid::Uuid;

use super::database::{Database, DatabaseError};

/// Reads and deletes values; cheap to clone.
#[derive(Clone)]
pub struct Vault {
    database: Database,
}

impl Vault {
    /// The vault of `database`.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// The values of this name that are (still) there, by their ids.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn find(
        &self,
        ids: &[Uuid],
        name: &str,
    ) -> Result<HashMap<Uuid, SecretString>, DatabaseError> {
        let client = self.database.get().await?;
        let text = "select id, value from vault where id = any($1) and name = $2";
        let statement = client.prepare_cached(text).await?;
        let rows = client.query(&statement, &[&ids, &name]).await?;
        let value = |row: &Row| Ok((row.try_get(0)?, row.try_get::<_, String>(1)?.into()));
        Ok(rows.iter().map(value).collect::<Result<_, tokio_postgres::Error>>()?)
    }

    /// The values that are (still) there of ids that have one each, whatever its name.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn find_all(
        &self,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, SecretString>, DatabaseError> {
        let client = self.database.get().await?;
        let statement =
            client.prepare_cached("select id, value from vault where id = any($1)").await?;
        let rows = client.query(&statement, &[&ids]).await?;
        let value = |row: &Row| Ok((row.try_get(0)?, row.try_get::<_, String>(1)?.into()));
        Ok(rows.iter().map(value).collect::<Result<_, tokio_postgres::Error>>()?)
    }

    /// Deletes every value of `id`.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn forget(&self, id: Uuid) -> Result<u64, DatabaseError> {
        let client = self.database.get().await?;
        Ok(client.execute("delete from vault where id = $1", &[&id]).await?)
    }
}
