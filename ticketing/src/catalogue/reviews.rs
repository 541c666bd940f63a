//! What people think of films, and who likes it. Each account has one review of a film; writing
//! another replaces it and keeps its likes. A review counts its likes: whatever adds one or takes
//! one away says so in the same statement (also in `wiring.rs`). Not here: ratings of hosts and
//! guests, which are the outings'.

use chrono::{DateTime, Utc};
use shared_events::{AccountId, FilmId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{Catalogue, Expected};
use crate::platform::database::DatabaseError;

/// A review as it stands.
#[derive(Clone, Debug)]
pub(super) struct Review {
    pub(super) id: Uuid,
    pub(super) film: Uuid,
    pub(super) author: Uuid,
    pub(super) text: String,
    /// From 10 to 100.
    pub(super) score_tenths: i16,
    pub(super) published_at: DateTime<Utc>,
    pub(super) likes: i64,
    /// Changes whenever it is written, and never comes back: not even when the author removes it
    /// and writes another.
    pub(super) sequence: i64,
}

/// A review to be published.
#[derive(Clone, Debug)]
pub(super) struct NewReview {
    /// Of a review that is new.
    pub(super) id: Uuid,
    pub(super) film: FilmId,
    pub(super) author: AccountId,
    pub(super) text: String,
    /// From 10 to 100.
    pub(super) score_tenths: i16,
}

/// Why a review or a like is not as it was asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReviewError {
    /// There is no such film or review.
    #[error("there is nothing of this id")]
    Unknown,
    /// It is somebody else's.
    #[error("the review is somebody else's")]
    NotTheAuthor,
    /// It is not as its writer has seen it.
    #[error("the review was changed since")]
    Changed,
    /// The caller's account is no more.
    #[error("the caller's account is no more")]
    CallerGone,
    /// Postgres did not do what was asked.
    #[error(transparent)]
    Database(DatabaseError),
}

impl From<DatabaseError> for ReviewError {
    fn from(error: DatabaseError) -> Self {
        match error.violated_constraint() {
            Some("film_reviews_film_id_fkey" | "review_likes_review_id_fkey") => Self::Unknown,
            Some("film_reviews_account_id_fkey" | "review_likes_account_id_fkey") => {
                Self::CallerGone
            }
            _ => Self::Database(error),
        }
    }
}

const COLUMNS: &str = "r.review_id, r.film_id, r.account_id, r.review_text, r.score_tenths, \
    r.published_at, r.likes, r.sequence";

fn review(row: &Row) -> Result<Review, tokio_postgres::Error> {
    Ok(Review {
        id: row.try_get(0)?,
        film: row.try_get(1)?,
        author: row.try_get(2)?,
        text: row.try_get(3)?,
        score_tenths: row.try_get(4)?,
        published_at: row.try_get(5)?,
        likes: row.try_get(6)?,
        sequence: row.try_get(7)?,
    })
}

impl Catalogue {
    /// Publishes a review, or replaces the one that its author has of the film: where a state of it
    /// is expected, only that one.
    ///
    /// # Errors
    /// [`ReviewError`] says why not.
    pub(super) async fn publish(
        &self,
        new: &NewReview,
        expected: Expected,
        now: DateTime<Utc>,
    ) -> Result<Review, ReviewError> {
        let NewReview { id, film, author, text: opinion, score_tenths } = new;
        let changes = "review_text = $3, score_tenths = $4, changed_at = $5, sequence = default";
        let mut values: Vec<&(dyn ToSql + Sync)> =
            vec![&film.0, &author.0, opinion, score_tenths, &now];
        let text = match &expected {
            Expected::Any => {
                values.push(id);
                format!(
                    "insert into film_reviews as r \
                         (film_id, account_id, review_text, score_tenths, published_at, \
                          changed_at, review_id) \
                     values ($1, $2, $3, $4, $5, $5, $6) \
                     on conflict on constraint film_reviews_one_each do update set {changes} \
                     returning {COLUMNS}"
                )
            }
            Expected::Known => format!(
                "update film_reviews r set {changes} where film_id = $1 and account_id = $2 \
                 returning {COLUMNS}"
            ),
            Expected::At(sequence) => {
                values.push(sequence);
                format!(
                    "update film_reviews r set {changes} where film_id = $1 and account_id = $2 \
                         and sequence = $6 \
                     returning {COLUMNS}"
                )
            }
        };
        let client = self.database.get().await?;
        let statement = client.prepare_cached(&text).await.map_err(DatabaseError::from)?;
        let row = client.query_opt(&statement, &values).await.map_err(DatabaseError::from)?;
        drop(client);
        match row {
            Some(row) => Ok(review(&row).map_err(DatabaseError::from)?),
            None if self.film(*film).await?.is_none() => Err(ReviewError::Unknown),
            None => Err(ReviewError::Changed),
        }
    }

    /// The review of this id; `None` if there is none.
    pub(super) async fn review(&self, id: Uuid) -> Result<Option<Review>, DatabaseError> {
        let client = self.database.get().await?;
        let text = format!("select {COLUMNS} from film_reviews r where r.review_id = $1");
        let statement = client.prepare_cached(&text).await?;
        let row = client.query_opt(&statement, &[&id]).await?;
        Ok(row.as_ref().map(review).transpose()?)
    }

    /// The reviews of a film, oldest first (ids grow with time), after the one named.
    pub(super) async fn reviews_of(
        &self,
        film: FilmId,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<Review>, DatabaseError> {
        let text = format!(
            "select {COLUMNS} from film_reviews r where r.film_id = $1 and r.review_id > $2 \
             order by r.review_id limit $3"
        );
        let client = self.database.get().await?;
        let statement = client.prepare_cached(&text).await?;
        let after = after.unwrap_or(Uuid::nil());
        let rows = client.query(&statement, &[&film.0, &after, &limit]).await?;
        Ok(rows.iter().map(review).collect::<Result<_, _>>()?)
    }

    /// Removes a review with its likes: `by` its author, or by anybody if it is `None`; where a
    /// sequence is expected, only if it has that one.
    ///
    /// # Errors
    /// [`ReviewError`] says why not.
    pub(super) async fn remove_review(
        &self,
        id: Uuid,
        by: Option<AccountId>,
        expected: Option<i64>,
    ) -> Result<(), ReviewError> {
        let found = self.review(id).await?.ok_or(ReviewError::Unknown)?;
        // Its author never changes, so what is decided here still holds when it is removed.
        if by.is_some_and(|by| by.0 != found.author) {
            return Err(ReviewError::NotTheAuthor);
        }
        let text = "delete from film_reviews \
                    where review_id = $1 and ($2::bigint is null or sequence = $2)";
        match self.execute(text, &[&id, &expected]).await? {
            0 if expected.is_some() => Err(ReviewError::Changed),
            _ => Ok(()),
        }
    }

    /// Likes a review, once however often.
    ///
    /// # Errors
    /// [`ReviewError`] says why not.
    pub(super) async fn like(
        &self,
        review: Uuid,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Result<(), ReviewError> {
        let text = "with liked as (insert into review_likes (review_id, account_id, liked_at) \
                        values ($1, $2, $3) on conflict do nothing returning review_id) \
                    update film_reviews r set likes = r.likes + 1 \
                    from liked where r.review_id = liked.review_id";
        self.execute(text, &[&review, &account.0, &now]).await?;
        Ok(())
    }

    /// Does not like a review any more, whether it did or not.
    pub(super) async fn unlike(
        &self,
        review: Uuid,
        account: AccountId,
    ) -> Result<(), DatabaseError> {
        let text = "with gone as (delete from review_likes \
                        where review_id = $1 and account_id = $2 returning review_id) \
                    update film_reviews r set likes = r.likes - 1 \
                    from gone where r.review_id = gone.review_id";
        self.execute(text, &[&review, &account.0]).await?;
        Ok(())
    }
}
