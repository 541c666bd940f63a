//! Making a short link, and what its maker learns of it and does to it. Whether a code is taken is
//! decided by the table's key. A repeat with the same idempotency key is the same link.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use shared_events::AccountId;

use super::allowed_hosts::NotAllowed;
use super::{ShortLinks, code};
use crate::platform::database::DatabaseError;
use crate::platform::idempotency::{Begun, IdempotencyKey, StoredAnswer, store};

/// The most visits that can be allowed.
pub(super) const MOST_VISITS: i64 = 1_000_000_000;

/// The most links of one account that are kept at a time.
const MOST_LINKS: i64 = 1_000;
/// The latest end that can be said, from now.
const LONGEST_LIFE: TimeDelta = TimeDelta::days(3_653);

/// A link to be made.
#[derive(Clone, Debug)]
pub(super) struct NewLink {
    /// Who asked for it.
    pub(super) maker: AccountId,
    pub(super) url: String,
    /// From when on it leads nowhere.
    pub(super) expires_at: Option<DateTime<Utc>>,
    /// How often it may be visited.
    pub(super) visits: Option<i64>,
}

/// What a repeat is answered with: nothing but the address that was made.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Made {
    pub(super) url: String,
}

/// A link as its maker sees it.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) code: String,
    pub(super) url: String,
    pub(super) visits: i64,
    pub(super) visit_limit: Option<i64>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
}

/// Why there is no short link.
#[derive(Debug, thiserror::Error)]
pub(super) enum ShortenError {
    /// Members break rules: each with its rule.
    #[error("some members are not valid")]
    Invalid(Vec<(&'static str, String)>),
    /// The idempotency key was used for another link.
    #[error("the idempotency key was used for another link")]
    KeyReused,
    /// A link with this idempotency key is being made.
    #[error("a link with this idempotency key is being made")]
    InFlight,
    /// The maker's account is no more.
    #[error("the maker's account is no more")]
    MakerGone,
    /// The maker has as many as can be kept.
    #[error("there are too many links of this account")]
    TooMany,
    /// There was no code to be had.
    #[error("no code that is free was found")]
    NoCode,
    /// Postgres did not do what was asked.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl ShortLinks {
    /// Makes a link, or recognises that it was made with the same key.
    ///
    /// # Errors
    /// [`ShortenError`] says why there is none.
    pub(super) async fn make(
        &self,
        link: NewLink,
        key: Option<IdempotencyKey>,
    ) -> Result<Made, ShortenError> {
        let now = self.clock.now();
        let _in_flight = match &key {
            None => None,
            Some(key) => match self.idempotency.begin(key).await? {
                Begun::First(guard) => Some(guard),
                known => return repeat(known),
            },
        };
        let link = NewLink { url: self.judge(&link, now)?, ..link };
        if self.made(link.maker).await? >= MOST_LINKS {
            return Err(ShortenError::TooMany);
        }
        for _ in 0..code::ATTEMPTS {
            let code = code::new().map_err(|_| ShortenError::NoCode)?;
            match self.insert(&link, &code, key.as_ref(), now).await? {
                Inserted::Made(made) => return Ok(made),
                Inserted::CodeTaken => {}
                // Another replica was first with the same key.
                Inserted::KeyTaken => {
                    let known = match &key {
                        Some(key) => self.idempotency.find(key).await?,
                        None => None,
                    };
                    return repeat(known.unwrap_or(Begun::InFlight));
                }
            }
        }
        Err(ShortenError::NoCode)
    }

    /// How many links of this maker are kept, as far as that matters. Of several that are made at
    /// once each may count none of the others.
    async fn made(&self, maker: AccountId) -> Result<i64, DatabaseError> {
        let client = self.database.get().await?;
        let text = "select count(*) from (\
                    select from short_links where account_id = $1 limit $2) made";
        let statement = client.prepare_cached(text).await?;
        Ok(client.query_one(&statement, &[&maker.0, &MOST_LINKS]).await?.try_get(0)?)
    }

    /// The address as it is kept.
    fn judge(&self, link: &NewLink, now: DateTime<Utc>) -> Result<String, ShortenError> {
        let mut broken = Vec::new();
        let url = self.allowed.judge(&link.url);
        let url = url.map_err(|rule: NotAllowed| broken.push(("url", rule.to_string()))).ok();
        if link.expires_at.is_some_and(|end| end <= now || end > now + LONGEST_LIFE) {
            let rule = "must be in the future, and within ten years";
            broken.push(("expires_at", rule.to_owned()));
        }
        if link.visits.is_some_and(|visits| !(1..=MOST_VISITS).contains(&visits)) {
            broken.push(("visits", format!("must be 1 to {MOST_VISITS}")));
        }
        match url {
            Some(url) if broken.is_empty() => Ok(url),
            _ => Err(ShortenError::Invalid(broken)),
        }
    }

    /// Writes the link, and the key with its answer, or neither.
    async fn insert(
        &self,
        link: &NewLink,
        code: &str,
        key: Option<&IdempotencyKey>,
        now: DateTime<Utc>,
    ) -> Result<Inserted, ShortenError> {
        let insert = "insert into short_links \
                          (code, account_id, url, visits, visit_limit, expires_at, dead_from, \
                           created_at) \
                      values ($1, $2, $3, 0, $4, $5, $5, $6) on conflict (code) do nothing";
        let maker = link.maker.0;
        let mut client = self.database.get().await?;
        let statement = client.prepare_cached(insert).await.map_err(DatabaseError::from)?;
        let transaction = client.transaction().await.map_err(DatabaseError::from)?;
        let inserted = transaction
            .execute(&statement, &[&code, &maker, &link.url, &link.visits, &link.expires_at, &now])
            .await;
        match inserted.map_err(DatabaseError::from) {
            Ok(0) => return Ok(Inserted::CodeTaken),
            Ok(_) => {}
            Err(error) if error.violated_constraint() == Some("short_links_account_id_fkey") => {
                return Err(ShortenError::MakerGone);
            }
            Err(error) => return Err(error.into()),
        }
        let made = Made { url: self.address(code) };
        if let Some(key) = key {
            // Serialising a string can not fail.
            let body = serde_json::to_string(&made).unwrap_or_default();
            let answer = StoredAnswer { status: 201, body };
            let stored = store(&transaction, key, &answer, None, now).await;
            if !stored.map_err(DatabaseError::from)? {
                return Ok(Inserted::KeyTaken);
            }
        }
        transaction.commit().await.map_err(DatabaseError::from)?;
        Ok(Inserted::Made(made))
    }

    /// The short address of a code.
    pub(super) fn address(&self, code: &str) -> String {
        format!("{}/s/{code}", self.public_url)
    }

    /// A link of this maker, dead or not; `None` if there is none, or it is somebody else's.
    pub(super) async fn made_by(
        &self,
        maker: AccountId,
        code: &str,
    ) -> Result<Option<Link>, DatabaseError> {
        if !code::is_code(code) {
            return Ok(None);
        }
        let client = self.database.get().await?;
        let text = "select code, url, visits, visit_limit, expires_at, created_at \
                    from short_links where code = $1 and account_id = $2";
        let statement = client.prepare_cached(text).await?;
        let row = client.query_opt(&statement, &[&code, &maker.0]).await?;
        let link = |row: tokio_postgres::Row| {
            Ok::<_, tokio_postgres::Error>(Link {
                code: row.try_get(0)?,
                url: row.try_get(1)?,
                visits: row.try_get(2)?,
                visit_limit: row.try_get(3)?,
                expires_at: row.try_get(4)?,
                created_at: row.try_get(5)?,
            })
        };
        Ok(row.map(link).transpose()?)
    }

    /// Deletes a link of this maker; where a number of visits is expected, only if it has that one.
    pub(super) async fn delete(
        &self,
        maker: AccountId,
        code: &str,
        visits: Option<i64>,
    ) -> Result<Deleted, DatabaseError> {
        if !code::is_code(code) {
            return Ok(Deleted::Unknown);
        }
        let client = self.database.get().await?;
        let text = "delete from short_links where code = $1 and account_id = $2 \
                        and ($3::bigint is null or visits = $3)";
        let statement = client.prepare_cached(text).await?;
        let deleted = client.execute(&statement, &[&code, &maker.0, &visits]).await?;
        drop(client);
        Ok(match deleted {
            0 if visits.is_some() && self.made_by(maker, code).await?.is_some() => Deleted::Visited,
            0 => Deleted::Unknown,
            _ => Deleted::Done,
        })
    }
}

/// What came of deleting a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deleted {
    /// It is no more.
    Done,
    /// It was visited since its maker has seen it.
    Visited,
    /// There is no such link of this maker.
    Unknown,
}

/// What came of writing a link.
enum Inserted {
    Made(Made),
    CodeTaken,
    KeyTaken,
}

fn repeat(known: Begun) -> Result<Made, ShortenError> {
    match known {
        Begun::Replay(answer) => {
            serde_json::from_str(&answer.body).map_err(|_| ShortenError::KeyReused)
        }
        Begun::OtherRequest => Err(ShortenError::KeyReused),
        Begun::First(_) | Begun::InFlight => Err(ShortenError::InFlight),
    }
}
