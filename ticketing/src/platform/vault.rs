//! The vault: values that belong to events but must not stand in history. They are written with the
//! append ([`super::append::NewSecret`]), read by id and name, and can be deleted without changing
//! history.

use std::collections::HashMap;

use secrecy::SecretString;
use tokio_postgres::Row;
use uuid::Uuid;

use super::database::{Database, DatabaseError};

/// A text in more values than this is rare no more: lists go through what they have in order then,
/// because a page is full soon.
const RARE: i64 = 10_000;
/// The shortest text that an index of values, made of three characters at a time, can find.
const SHORTEST_INDEXED: usize = 3;

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

    /// The values of this name with a text in them, whatever its case, unless it is too short to be
    /// looked for or they are many. An index of the values of this name makes it quick.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn rare(
        &self,
        name: &'static str,
        text: &str,
    ) -> Result<Option<Vec<Uuid>>, DatabaseError> {
        if text.chars().count() < SHORTEST_INDEXED {
            return Ok(None);
        }
        // The name is no parameter: the index of its values is known by it.
        let find = format!(
            "select id from vault where name = '{name}' and lower(value) like lower($1) limit $2"
        );
        let client = self.database.get().await?;
        let statement = client.prepare_cached(&find).await?;
        let rows = client.query(&statement, &[&containing(text), &(RARE + 1)]).await?;
        let ids = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<_>, _>>()?;
        Ok((ids.len() as i64 <= RARE).then_some(ids))
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

/// A pattern of `like` for texts with this one in them.
fn containing(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{escaped}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_looked_for_as_it_stands() {
        assert_eq!(containing("row 7"), "%row 7%");
        assert_eq!(containing(r"100%_\"), r"%100\%\_\\%");
    }
}
