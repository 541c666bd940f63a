//! What people say of each other: the read table of reviews, how the events of ratings make it, and
//! its questions. Whether all may read one is asked of the clock.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use deadpool_postgres::Transaction;
use shared_events::{AccountId, AnnouncementId, Envelope, RatingEvent, ReviewId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::texts::REVIEW;
use crate::platform::event_store::{EventStore, ReadError};

/// The score that somebody is supposed to have before anybody has said anything.
const PRIOR_MEAN: f64 = 3.5;
/// How many votes that supposition counts as much as.
const PRIOR_VOTES: f64 = 5.0;

/// Writes what an event of a rating makes of its reviews.
///
/// # Errors
/// If Postgres does not answer.
pub async fn project(
    transaction: &Transaction<'_>,
    event: &Envelope<RatingEvent>,
) -> Result<(), tokio_postgres::Error> {
    let rating = event.aggregate_id;
    match &event.payload {
        RatingEvent::Rated {
            review,
            announcement,
            side,
            author,
            about,
            score,
            text,
            publishes_at,
            ..
        } => {
            let insert = "insert into reviews (review_id, rating_id, announcement_id, side, author, \
                              about, score, text_id, rated_at, publishes_at, published) \
                          values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, \
                              exists (select from reviews where rating_id = $2 and published))";
            let statement = transaction.prepare_cached(insert).await?;
            let text = text.map(|text| text.0);
            let parameters: [&(dyn ToSql + Sync); 10] = [
                &review.0,
                &rating,
                &announcement.0,
                &side.as_str(),
                &author.0,
                &about.0,
                &i32::from(*score),
                &text,
                &event.recorded_at,
                publishes_at,
            ];
            transaction.execute(&statement, &parameters).await?;
        }
        RatingEvent::Revised { side, score, text } => {
            let update =
                "update reviews set score = $3, text_id = $4 where rating_id = $1 and side = $2";
            let statement = transaction.prepare_cached(update).await?;
            let (score, text) = (i32::from(*score), text.map(|text| text.0));
            let parameters: [&(dyn ToSql + Sync); 4] = [&rating, &side.as_str(), &score, &text];
            transaction.execute(&statement, &parameters).await?;
        }
        RatingEvent::Published => {
            let update = "update reviews set published = true where rating_id = $1";
            let statement = transaction.prepare_cached(update).await?;
            transaction.execute(&statement, &[&rating]).await?;
        }
    }
    Ok(())
}

/// A review that all may read.
#[derive(Clone, Debug)]
pub struct ReviewRow {
    /// Which review.
    pub review: ReviewId,
    /// Who rates.
    pub author: AccountId,
    /// Who is rated.
    pub about: AccountId,
    /// How much, 1 to 5.
    pub score: i32,
    /// What was written; empty if nothing was, or it was erased.
    pub text: String,
    /// When.
    pub rated_at: DateTime<Utc>,
}

/// What all have said of somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Average {
    /// How many.
    pub votes: i64,
    /// All their scores together.
    pub sum: i64,
}

impl Average {
    /// The score that follows from it, 1 to 5 with two places, 0 while nobody has said anything.
    ///
    /// It is the Bayesian mean: the supposition of 3.5 counts as much as five votes, so that one
    /// vote of 5 makes 3.75 and not 5.
    pub fn score(self) -> f64 {
        if self.votes == 0 {
            return 0.0;
        }
        let (votes, sum) = (self.votes as f64, self.sum as f64);
        let mean = (PRIOR_MEAN * PRIOR_VOTES + sum) / (PRIOR_VOTES + votes);
        (mean * 100.0).round() / 100.0
    }
}

/// Reads reviews; cheap to clone.
#[derive(Clone)]
pub struct Reviews {
    store: EventStore,
}

impl Reviews {
    /// Reads from the store's database.
    pub fn new(store: EventStore) -> Self {
        Self { store }
    }

    /// What can be read of an outing at this moment, oldest first, as the projection has it.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn list(
        &self,
        announcement: AnnouncementId,
        after: Option<Uuid>,
        limit: i64,
        now: DateTime<Utc>,
    ) -> Result<Vec<ReviewRow>, ReadError> {
        let text = format!(
            "select review_id, author, about, score, coalesce(v.value, ''), rated_at from reviews \
             left join vault v on v.id = text_id and v.name = '{REVIEW}' \
             where announcement_id = $1 and review_id > $2 and (published or publishes_at <= $4) \
             order by review_id limit $3"
        );
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(&text).await?;
        let after = after.unwrap_or(Uuid::nil());
        let rows = client.query(&statement, &[&announcement.0, &after, &limit, &now]).await?;
        let read = |row: &Row| {
            Ok(ReviewRow {
                review: ReviewId(row.try_get(0)?),
                author: AccountId(row.try_get(1)?),
                about: AccountId(row.try_get(2)?),
                score: row.try_get(3)?,
                text: row.try_get(4)?,
                rated_at: row.try_get(5)?,
            })
        };
        Ok(rows.iter().map(read).collect::<Result<_, tokio_postgres::Error>>()?)
    }

    /// What can be read at this moment of each of these people; of whom nothing is, is left out.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn averages(
        &self,
        people: &[AccountId],
        now: DateTime<Utc>,
    ) -> Result<HashMap<AccountId, Average>, ReadError> {
        let ids: Vec<Uuid> = people.iter().map(|person| person.0).collect();
        let text = "select about, count(*), sum(score) from reviews \
                    where about = any($1) and (published or publishes_at <= $2) group by about";
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(text).await?;
        let rows = client.query(&statement, &[&ids, &now]).await?;
        let read = |row: &Row| {
            let average = Average { votes: row.try_get(1)?, sum: row.try_get(2)? };
            Ok((AccountId(row.try_get(0)?), average))
        };
        Ok(rows.iter().map(read).collect::<Result<_, tokio_postgres::Error>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Earlier implementations made ratings up, and one vote of 5 was 5.0.
    #[test]
    fn one_vote_of_five_is_not_five() {
        assert_eq!(Average { votes: 1, sum: 5 }.score(), 3.75);
        assert_eq!(Average { votes: 1, sum: 1 }.score(), 3.08);
        assert_eq!(Average { votes: 95, sum: 475 }.score(), 4.93);
        assert_eq!(Average::default().score(), 0.0);
    }
}
