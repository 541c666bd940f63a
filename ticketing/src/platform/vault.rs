//! The vault: values that belong to events but must not stand in history. They are written with the
//! append ([`super::append::NewSecret`]), read by id and name, and can be deleted without changing
//! history.

use secrecy::SecretString;
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

    /// A value, if it is (still) there.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn find(&self, id: Uuid, name: &str) -> Result<Option<SecretString>, DatabaseError> {
        let client = self.database.get().await?;
        let text = "select value from vault where id = $1 and name = $2";
        let statement = client.prepare_cached(text).await?;
        let row = client.query_opt(&statement, &[&id, &name]).await?;
        Ok(row.map(|row| row.try_get::<_, String>(0)).transpose()?.map(SecretString::from))
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
