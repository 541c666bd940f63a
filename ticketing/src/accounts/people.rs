//! The doors with names and addresses: signing up and signing in by e-mail address, and reading
//! one's own account. Not here: sessions (`sessions.rs`), and whether a password fits
//! (`password.rs`).

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use shared_events::account::{AccountId, Tier};
use uuid::Uuid;

use super::Accounts;
use super::caller::{Caller, Roles};
use super::login::{Credentials, Recognised, credentials};
use super::password::{self, HashError};
use super::register::is_address;
use super::sessions::{RefreshError, Tokens};
use crate::platform::database::DatabaseError;
use crate::platform::idempotency::{Begun, IdempotencyKey, StoredAnswer, store};

/// The longest first or last name, in characters.
pub(super) const LONGEST_NAME: usize = 100;
/// The index that makes addresses unique, and that of usernames: who signs up has the address as
/// username too.
const UNIQUE: [&str; 2] = ["accounts_username_key", "accounts_email_key"];

/// Somebody who signs up.
pub struct SignUp {
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The address.
    pub email: String,
    /// The password.
    pub password: SecretString,
}

/// An account as its owner sees it.
#[derive(Clone, Debug)]
pub struct Person {
    /// Which account.
    pub id: AccountId,
    /// The address; `None` if a provider told none.
    pub email: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
}

/// Why nobody was signed up or in.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// Fields break rules: each with its rule.
    #[error("some fields are not valid")]
    Invalid(Vec<(&'static str, String)>),
    /// The address belongs to an account.
    #[error("the address is taken")]
    Taken,
    /// There is no account with this address and password.
    #[error("wrong address or password")]
    WrongCredentials,
    /// The idempotency key was used by somebody else who signed up, or with another password.
    #[error("the idempotency key was used to sign up otherwise")]
    KeyReused,
    /// Signing up with this idempotency key is being worked on.
    #[error("signing up with this idempotency key is in flight")]
    InFlight,
    /// The password can not be hashed now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// No session can be started.
    #[error(transparent)]
    Session(RefreshError),
    /// Postgres did not do what was asked.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<RefreshError> for SignError {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Refused => Self::WrongCredentials,
            error => Self::Session(error),
        }
    }
}

impl SignUp {
    /// What an idempotency key stands for: everything but the password, of which not even a quick
    /// hash may be stored.
    pub fn fingerprint(&self) -> Vec<u8> {
        let [first, last] =
            [&self.first_name, &self.last_name].map(|name| name.as_deref().unwrap_or_default());
        // No text that comes in a body has a NUL.
        [&self.email, first, last].join("\0").into_bytes()
    }

    fn check(&self) -> Result<(), SignError> {
        let mut broken = Vec::new();
        for (name, value) in [("firstName", &self.first_name), ("lastName", &self.last_name)] {
            if let Err(rule) = check_name(value.as_deref()) {
                broken.push((name, rule.to_owned()));
            }
        }
        if !is_address(&self.email) {
            broken.push(("email", "must be an e-mail address".to_owned()));
        }
        if let Err(unfit) = password::check(&self.password) {
            broken.push(("password", unfit.to_string()));
        }
        if broken.is_empty() { Ok(()) } else { Err(SignError::Invalid(broken)) }
    }
}

impl Accounts {
    /// Makes an account, or recognises that it was made with the same key, and starts a session: a
    /// repeat has one of its own.
    ///
    /// # Errors
    /// [`SignError`] says why there is none.
    pub async fn sign_up(
        &self,
        sign_up: SignUp,
        key: Option<IdempotencyKey>,
    ) -> Result<(Person, Tokens), SignError> {
        sign_up.check()?;
        let _in_flight = match &key {
            None => None,
            Some(key) => match self.idempotency.begin(key).await? {
                Begun::First(guard) => Some(guard),
                known => return self.repeat_sign_up(known, &sign_up).await,
            },
        };
        let hash = self.passwords.hash(sign_up.password.clone()).await?;
        let person = Person {
            id: AccountId(Uuid::now_v7()),
            email: Some(sign_up.email.clone()),
            first_name: sign_up.first_name.clone(),
            last_name: sign_up.last_name.clone(),
        };
        match (self.insert_with_key(&person, &hash, key.as_ref()).await, &key) {
            // Another replica may have been first with the same key.
            (Err(SignError::Taken | SignError::InFlight), Some(key)) => {
                let known = self.idempotency.find(key).await?.ok_or(SignError::Taken)?;
                return self.repeat_sign_up(known, &sign_up).await;
            }
            (outcome, _) => outcome?,
        }
        let tokens = self.start_session(new_caller(&person), Some(&hash)).await?;
        Ok((person, tokens))
    }

    /// A key that is known: the same signing up only if the password is the same too.
    async fn repeat_sign_up(
        &self,
        known: Begun,
        sign_up: &SignUp,
    ) -> Result<(Person, Tokens), SignError> {
        match known {
            Begun::First(_) | Begun::InFlight => Err(SignError::InFlight),
            Begun::OtherRequest => Err(SignError::KeyReused),
            Begun::Replay(_) => {
                let signed = self.sign_in(&sign_up.email, sign_up.password.clone()).await;
                signed.map_err(|error| match error {
                    SignError::WrongCredentials => SignError::KeyReused,
                    error => error,
                })
            }
        }
    }

    /// Writes the account, and the key, or neither.
    async fn insert_with_key(
        &self,
        person: &Person,
        password_hash: &str,
        key: Option<&IdempotencyKey>,
    ) -> Result<(), SignError> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(DatabaseError::from)?;
        self.insert_person(&*transaction, person, Some(password_hash), None).await?;
        if let Some(key) = key {
            // A repeat is answered from the account: a key is kept without personal data, and
            // without cookies.
            let body = serde_json::json!({ "id": person.id.0 }).to_string();
            let answer = StoredAnswer { status: 201, body };
            let (about, now) = (Some(person.id.0), self.clock.now());
            let stored = store(&transaction, key, &answer, about, now).await;
            if !stored.map_err(DatabaseError::from)? {
                return Err(SignError::InFlight);
            }
        }
        transaction.commit().await.map_err(DatabaseError::from)?;
        Ok(())
    }

    /// A session for who knows the password.
    ///
    /// # Errors
    /// [`SignError::WrongCredentials`] takes as long as success.
    pub async fn sign_in(
        &self,
        email: &str,
        password: SecretString,
    ) -> Result<(Person, Tokens), SignError> {
        let (person, found) = self.find_by_address(email).await?.unzip();
        let recognised = self.recognise(found, password).await?;
        let (person, recognised) = person.zip(recognised).ok_or(SignError::WrongCredentials)?;
        let Recognised { caller, password_hash } = recognised;
        let tokens = self.start_session(caller, Some(&password_hash)).await?;
        Ok((person, tokens))
    }

    /// The account of this id.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn find_person(&self, id: AccountId) -> Result<Option<Person>, DatabaseError> {
        let client = self.database.get().await?;
        let text = "select id, email, first_name, last_name from accounts where id = $1";
        let statement = client.prepare_cached(text).await?;
        let row = client.query_opt(&statement, &[&id.0]).await?;
        Ok(row.as_ref().map(person).transpose()?)
    }

    /// The account of this id as a caller of a session.
    pub(super) async fn find_caller(
        &self,
        id: AccountId,
        session: Uuid,
    ) -> Result<Option<Caller>, DatabaseError> {
        let client = self.database.get().await?;
        let text = "select id, username, tier, roles from accounts where id = $1";
        let statement = client.prepare_cached(text).await?;
        let row = client.query_opt(&statement, &[&id.0]).await?;
        let caller = row.map(|row| super::login::caller(&row, session)).transpose()?;
        Ok(caller)
    }

    async fn find_by_address(
        &self,
        email: &str,
    ) -> Result<Option<(Person, Credentials)>, DatabaseError> {
        let client = self.database.get().await?;
        let text = "select id, username, tier, roles, password_hash, email, first_name, last_name \
                    from accounts where lower(email) = lower($1)";
        let statement = client.prepare_cached(text).await?;
        let Some(row) = client.query_opt(&statement, &[&email]).await? else { return Ok(None) };
        let person = Person {
            id: AccountId(row.try_get(0)?),
            email: row.try_get(5)?,
            first_name: row.try_get(6)?,
            last_name: row.try_get(7)?,
        };
        Ok(Some((person, credentials(&row)?)))
    }

    /// Writes a new account. Whether its address is taken is decided by the indexes.
    pub(super) async fn insert_person(
        &self,
        client: &impl tokio_postgres::GenericClient,
        person: &Person,
        password_hash: Option<&str>,
        verified_at: Option<DateTime<Utc>>,
    ) -> Result<(), SignError> {
        let insert = "insert into accounts (id, username, email, password_hash, tier, created_at, \
                          first_name, last_name, email_verified_at) \
                      values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let inserted = client
            .execute(
                insert,
                &[
                    &person.id.0,
                    &username(person),
                    &person.email,
                    &password_hash,
                    &Tier::Standard.as_str(),
                    &self.clock.now(),
                    &person.first_name,
                    &person.last_name,
                    &verified_at,
                ],
            )
            .await;
        match inserted.map_err(DatabaseError::from) {
            Ok(_) => Ok(()),
            Err(error) if error.violated_constraint().is_some_and(|n| UNIQUE.contains(&n)) => {
                Err(SignError::Taken)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Judges a first or last name.
///
/// # Errors
/// The rule that it breaks.
pub(super) fn check_name(name: Option<&str>) -> Result<(), &'static str> {
    let name = name.unwrap_or_default();
    if name.chars().count() > LONGEST_NAME {
        Err("must have at most 100 characters")
    } else if name.contains(char::is_control) {
        Err("must not hold control characters")
    } else {
        Ok(())
    }
}

/// Who signs up is known by the address; without one by the account's id.
fn username(person: &Person) -> String {
    person.email.clone().unwrap_or_else(|| person.id.0.simple().to_string())
}

pub(super) fn new_caller(person: &Person) -> Caller {
    Caller {
        account: person.id,
        username: username(person).into(),
        tier: Tier::Standard,
        roles: Roles::default(),
        session: Uuid::new_v4(),
    }
}

fn person(row: &tokio_postgres::Row) -> Result<Person, tokio_postgres::Error> {
    Ok(Person {
        id: AccountId(row.try_get(0)?),
        email: row.try_get(1)?,
        first_name: row.try_get(2)?,
        last_name: row.try_get(3)?,
    })
}
