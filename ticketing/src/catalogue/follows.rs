//! Who follows whom, and who wants to hear of a film. Doing either twice is doing it once. Not
//! here: what followers get to see (that is for the contexts).

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use shared_events::{AccountId, FilmId};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::Catalogue;
use crate::platform::database::DatabaseError;

/// The most hosts that one can follow, and films that one can mark: lists of what one may see read
/// them all.
const MOST: i64 = 5_000;

/// Why nobody follows or marks more than before.
#[derive(Debug, thiserror::Error)]
pub(super) enum FollowError {
    /// An account can not follow itself.
    #[error("nobody follows themselves")]
    Oneself,
    /// There is no such account to follow, or it was erased, or no such film to mark.
    #[error("there is nothing of this id")]
    Unknown,
    /// They follow, or have marked, as many as one can.
    #[error("there are too many")]
    TooMany,
    /// The caller's account is no more.
    #[error("the caller's account is no more")]
    CallerGone,
    /// Postgres did not do what was asked.
    #[error(transparent)]
    Database(DatabaseError),
}

impl From<DatabaseError> for FollowError {
    fn from(error: DatabaseError) -> Self {
        match error.violated_constraint() {
            Some("follows_host_fkey" | "film_marks_film_id_fkey") => Self::Unknown,
            Some("follows_follower_fkey" | "film_marks_account_id_fkey") => Self::CallerGone,
            _ => Self::Database(error),
        }
    }
}

impl Catalogue {
    /// Whether the one follows the other.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn follows(
        &self,
        follower: AccountId,
        host: AccountId,
    ) -> Result<bool, DatabaseError> {
        let client = self.database.get().await?;
        let text = "select exists (select from follows where follower = $1 and host = $2)";
        let statement = client.prepare_cached(text).await?;
        Ok(client.query_one(&statement, &[&follower.0, &host.0]).await?.try_get(0)?)
    }

    /// The hosts whom this account follows.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn followed_by(
        &self,
        follower: AccountId,
    ) -> Result<HashSet<AccountId>, DatabaseError> {
        let ids = self.ids("select host from follows where follower = $1", &[&follower.0]).await?;
        Ok(ids.into_iter().map(AccountId).collect())
    }

    /// All who follow this host, oldest account first.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn followers(&self, host: AccountId) -> Result<Vec<AccountId>, DatabaseError> {
        let text = "select follower from follows where host = $1 order by follower";
        let ids = self.ids(text, &[&host.0]).await?;
        Ok(ids.into_iter().map(AccountId).collect())
    }

    /// A page of those who follow the host, or have marked the film, of this id: oldest account
    /// first, after the one named. An id is one or the other; `None` if it is neither.
    pub(super) async fn subscribers(
        &self,
        subject: Uuid,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Option<Vec<AccountId>>, DatabaseError> {
        let client = self.database.get().await?;
        let known = "select exists (select from accounts where id = $1 and erased_at is null) \
                     or exists (select from films where film_id = $1)";
        let statement = client.prepare_cached(known).await?;
        if !client.query_one(&statement, &[&subject]).await?.try_get::<_, bool>(0)? {
            return Ok(None);
        }
        drop(client);
        let text = "(select follower from follows where host = $1 and follower > $2 \
                     order by follower limit $3) \
                    union all \
                    (select account_id from film_marks where film_id = $1 and account_id > $2 \
                     order by account_id limit $3) \
                    order by 1 limit $3";
        let after = after.unwrap_or(Uuid::nil());
        let ids = self.ids(text, &[&subject, &after, &limit]).await?;
        Ok(Some(ids.into_iter().map(AccountId).collect()))
    }

    /// Follows a host from now on.
    ///
    /// # Errors
    /// [`FollowError`] says why not.
    pub(super) async fn follow(
        &self,
        follower: AccountId,
        host: AccountId,
        now: DateTime<Utc>,
    ) -> Result<(), FollowError> {
        if follower == host {
            return Err(FollowError::Oneself);
        }
        let count = "select count(*) from (\
                     select from follows where follower = $1 and host <> $2 limit $3) others";
        self.is_one_more(count, follower, host.0).await?;
        let text = "with known as (select id from accounts where id = $2 and erased_at is null), \
                         made as (insert into follows (follower, host, followed_at) \
                             select $1, id, $3 from known on conflict do nothing) \
                    select id from known";
        let known = self.ids(text, &[&follower.0, &host.0, &now]).await?;
        if known.is_empty() { Err(FollowError::Unknown) } else { Ok(()) }
    }

    /// Does not follow a host any more, whether it did or not.
    pub(super) async fn unfollow(
        &self,
        follower: AccountId,
        host: AccountId,
    ) -> Result<(), DatabaseError> {
        let text = "delete from follows where follower = $1 and host = $2";
        self.execute(text, &[&follower.0, &host.0]).await?;
        Ok(())
    }

    /// Wants to hear of a film.
    ///
    /// # Errors
    /// [`FollowError`] says why not.
    pub(super) async fn mark(
        &self,
        account: AccountId,
        film: FilmId,
        now: DateTime<Utc>,
    ) -> Result<(), FollowError> {
        let count = "select count(*) from (\
                     select from film_marks where account_id = $1 and film_id <> $2 limit $3) others";
        self.is_one_more(count, account, film.0).await?;
        let text = "insert into film_marks (account_id, film_id, marked_at) values ($1, $2, $3) \
                    on conflict do nothing";
        self.execute(text, &[&account.0, &film.0, &now]).await?;
        Ok(())
    }

    /// Does not want to hear of a film any more, whether it did or not.
    pub(super) async fn unmark(
        &self,
        account: AccountId,
        film: FilmId,
    ) -> Result<(), DatabaseError> {
        let text = "delete from film_marks where account_id = $1 and film_id = $2";
        self.execute(text, &[&account.0, &film.0]).await?;
        Ok(())
    }

    /// Whether there can be one more of what is counted. Of several at once each may count none of
    /// the others.
    async fn is_one_more(
        &self,
        count: &str,
        account: AccountId,
        one: Uuid,
    ) -> Result<(), FollowError> {
        let client = self.database.get().await?;
        let statement = client.prepare_cached(count).await.map_err(DatabaseError::from)?;
        let row = client.query_one(&statement, &[&account.0, &one, &MOST]).await;
        let others: i64 = row.and_then(|row| row.try_get(0)).map_err(DatabaseError::from)?;
        if others < MOST { Ok(()) } else { Err(FollowError::TooMany) }
    }

    /// How many rows a statement changed.
    pub(super) async fn execute(
        &self,
        text: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, DatabaseError> {
        let client = self.database.get().await?;
        let statement = client.prepare_cached(text).await?;
        Ok(client.execute(&statement, values).await?)
    }

    async fn ids(
        &self,
        text: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Uuid>, DatabaseError> {
        let client = self.database.get().await?;
        let statement = client.prepare_cached(text).await?;
        let rows = client.query(&statement, values).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    }
}
