//! Names and addresses joined to ids when something is shown or sent: events and read models carry
//! ids only. Not here: what of it whom may be told (that is for whoever asks).

use std::collections::HashMap;

use shared_events::account::AccountId;
use tokio_postgres::Row;
use uuid::Uuid;

use super::profile::{DeliveryType, Language};
use super::time_zone::TimeZone;
use crate::platform::database::{Database, DatabaseError};

/// Joins names to accounts. Events and read models carry ids only.
#[derive(Clone)]
pub struct People(Database);

/// How somebody is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// What others call them.
    pub name: String,
    /// Where mail reaches them; `None` if that is not known.
    pub address: Option<String>,
    /// How they want to be told: mail only goes to those who want it.
    pub delivery: DeliveryType,
    /// In which language.
    pub language: Language,
    /// As whose clock shows times.
    pub time_zone: TimeZone,
}

impl People {
    /// Looks into the accounts of this database.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// The usernames of these accounts; those that do not exist, or were erased, are left out.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn usernames(
        &self,
        accounts: &[AccountId],
    ) -> Result<HashMap<AccountId, String>, DatabaseError> {
        let text = "select id, username from accounts where id = any($1) and erased_at is null";
        self.find(text, accounts, |row| row.try_get(1)).await
    }

    /// What others call these accounts: never an address. Those that do not exist, or were
    /// erased, are left out.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn names(
        &self,
        accounts: &[AccountId],
    ) -> Result<HashMap<AccountId, String>, DatabaseError> {
        let text = "select id, username, first_name, last_name from accounts \
                    where id = any($1) and erased_at is null";
        self.find(text, accounts, name).await
    }

    /// How these accounts are reached; those that do not exist, or were erased, are left out.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn contacts(
        &self,
        accounts: &[AccountId],
    ) -> Result<HashMap<AccountId, Contact>, DatabaseError> {
        let text = "select a.id, a.username, a.first_name, a.last_name, a.email, \
                        p.delivery_type, p.language, p.time_zone \
                    from accounts a left join profiles p on p.account_id = a.id \
                    where a.id = any($1) and a.erased_at is null";
        let contact = |row: &Row| {
            Ok(Contact {
                name: name(row)?,
                address: row.try_get(4)?,
                delivery: stored(row, 5)?,
                language: stored(row, 6)?,
                time_zone: stored(row, 7)?,
            })
        };
        self.find(text, accounts, contact).await
    }

    async fn find<T>(
        &self,
        text: &str,
        accounts: &[AccountId],
        read: impl Fn(&Row) -> Result<T, tokio_postgres::Error>,
    ) -> Result<HashMap<AccountId, T>, DatabaseError> {
        let ids: Vec<_> = accounts.iter().map(|account| account.0).collect();
        let client = self.0.get().await?;
        let statement = client.prepare_cached(text).await?;
        let rows = client.query(&statement, &[&ids]).await?;
        let found = rows.iter().map(|row| Ok((AccountId(row.try_get(0)?), read(row)?)));
        found.collect::<Result<_, tokio_postgres::Error>>().map_err(Into::into)
    }
}

/// What is stored was judged before; what no version knows any more is as if it was not told.
pub(super) fn stored<T: std::str::FromStr + Default>(
    row: &Row,
    column: usize,
) -> Result<T, tokio_postgres::Error> {
    let text: Option<String> = row.try_get(column)?;
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or_default())
}

/// The name of a row that begins with id, username, first and last name.
fn name(row: &Row) -> Result<String, tokio_postgres::Error> {
    let (first, last): (Option<String>, Option<String>) = (row.try_get(2)?, row.try_get(3)?);
    Ok(called(row.try_get(0)?, row.try_get(1)?, first.as_deref(), last.as_deref()))
}

/// What others call somebody: by name, else by username. Who signed up with an address, or came
/// from a provider, has a username that is not for others: they are told apart by their id.
pub(super) fn called(id: Uuid, username: &str, first: Option<&str>, last: Option<&str>) -> String {
    let names: Vec<_> = [first, last].into_iter().flatten().map(str::trim).collect();
    let name = names.join(" ").trim().to_owned();
    let simple = id.simple().to_string();
    if !name.is_empty() {
        name
    } else if username.contains('@') || username == simple {
        format!("user-{}", simple.get(24..).unwrap_or_default())
    } else {
        username.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_called_by_name_then_by_username_and_never_by_address() {
        let id = Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_dead_beef);
        assert_eq!(called(id, "john", Some("John"), Some("Doe")), "John Doe");
        assert_eq!(called(id, "john", None, Some("Doe")), "Doe");
        assert_eq!(called(id, "john", Some("  "), None), "john");
        assert_eq!(called(id, "john@example.com", None, None), "user-deadbeef");
        assert_eq!(called(id, &id.simple().to_string(), None, None), "user-deadbeef");
    }
}
