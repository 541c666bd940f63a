//! What the routes of reviews answer, each with an example for the document.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::api::timestamp::Timestamp;

#[derive(ApiResponse)]
pub(super) enum Rated {
    /// As it is now
    #[oai(status = 200)]
    Rated(
        Json<OpinionSeen>,
        /// How often its author has said something of the other, quoted; for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

/// What one thinks of another, as its author sees it.
#[derive(Clone, Debug, Object, Serialize, Deserialize)]
#[oai(rename = "Opinion", example)]
pub(super) struct OpinionSeen {
    /// Which review.
    pub(super) id: Uuid,
    /// Of which outing.
    pub(super) announcement_id: Uuid,
    /// Who rates.
    pub(super) author_id: Uuid,
    /// Who is rated.
    pub(super) about_id: Uuid,
    /// How much, 1 to 5.
    pub(super) score: u8,
    /// Why; empty if nothing was written.
    pub(super) review_text: String,
    /// Whether all may read it: both have rated, or the time to answer is over. Until then it can
    /// be changed.
    pub(super) published: bool,
}

impl Example for OpinionSeen {
    fn example() -> Self {
        let id = |n: u128| Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0000 | n);
        Self {
            id: id(6),
            announcement_id: id(1),
            author_id: id(5),
            about_id: id(3),
            score: 5,
            review_text: "Good company".to_owned(),
            published: false,
        }
    }
}

/// What one thinks of another, as all see it.
#[derive(Debug, Object)]
#[oai(rename = "PublishedOpinion", example)]
pub(super) struct ReviewSeen {
    /// Which review.
    pub(super) id: Uuid,
    /// Who rates.
    pub(super) author_id: Uuid,
    /// What that person is called.
    pub(super) author_name: String,
    /// Who is rated.
    pub(super) about_id: Uuid,
    /// What that person is called.
    pub(super) about_name: String,
    /// How much, 1 to 5.
    pub(super) score: i32,
    /// Why; empty if nothing was written, or its author was erased.
    pub(super) review_text: String,
    /// When.
    pub(super) created: Timestamp,
}

impl Example for ReviewSeen {
    fn example() -> Self {
        let seen = OpinionSeen::example();
        let time = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default();
        Self {
            id: seen.id,
            author_id: seen.author_id,
            author_name: "Ivan".to_owned(),
            about_id: seen.about_id,
            about_name: "Thea".to_owned(),
            score: 5,
            review_text: seen.review_text,
            created: Timestamp(time),
        }
    }
}

/// What all think of somebody.
#[derive(Debug, Object)]
#[oai(rename = "AverageScore", example)]
pub(super) struct AverageSeen {
    /// Of whom.
    pub(super) user_id: Uuid,
    /// The Bayesian mean of all scores that can be read, 1 to 5 with two places: as if there were
    /// five more votes of 3.5, so that one vote of 5 makes 3.75. 0 while there is none.
    pub(super) average_score: f64,
    /// How many there are.
    pub(super) votes: i64,
}

impl Example for AverageSeen {
    fn example() -> Self {
        Self { user_id: OpinionSeen::example().about_id, average_score: 3.75, votes: 1 }
    }
}
