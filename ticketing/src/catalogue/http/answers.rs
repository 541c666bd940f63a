//! What the routes of the catalogue answer, each with an example for the document.

use chrono::DateTime;
use poem_openapi::payload::Json;
use poem_openapi::types::{Example, ParseFromJSON, ToJSON};
use poem_openapi::{ApiResponse, Object};
use uuid::Uuid;

use super::super::films::Film;
use super::super::reviews::Review;
use crate::api::timestamp::Timestamp;

/// A film that is there from the beginning.
pub(super) const EXAMPLE_FILM: Uuid = Uuid::from_u128(0x2353_6729_1e1f_4639_a9cf_0883_6341_43ab);

fn example_id(n: u128) -> Uuid {
    Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0000 | n)
}

#[derive(ApiResponse)]
pub(super) enum FilmAnswer {
    /// The film
    #[oai(status = 200)]
    Film(
        Json<FilmSeen>,
        /// How often it was described, quoted; for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
pub(super) enum Described {
    /// Described again
    #[oai(status = 200)]
    Again(
        Json<FilmSeen>,
        /// How often it was described, quoted; for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
    /// Described for the first time
    #[oai(status = 201)]
    First(
        Json<FilmSeen>,
        /// How often it was described, quoted; for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
pub(super) enum Many<T: ToJSON + ParseFromJSON + Send + Sync> {
    /// A page
    #[oai(status = 200)]
    Page(
        Json<Vec<T>>,
        /// The next page, `rel="next"` (RFC 8288); absent on the last one.
        #[oai(header = "Link")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
pub(super) enum ReviewAnswer {
    /// The review
    #[oai(status = 200)]
    Review(
        Json<ReviewSeen>,
        /// Changes whenever its author writes it anew, quoted; for `If-Match`. Likes are not part
        /// of it.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
pub(super) enum LikesAnswer {
    /// How many like it now
    #[oai(status = 200)]
    Likes(Json<Likes>),
}

#[derive(ApiResponse)]
pub(super) enum Gone {
    /// Done; there is nothing to say
    #[oai(status = 204)]
    Done,
}

/// A film.
#[derive(Object)]
#[oai(rename = "Film", example)]
pub(super) struct FilmSeen {
    /// Which film.
    id: Uuid,
    /// What it is called.
    title: String,
    /// What it is about.
    description: String,
    /// Its kinds.
    genre: Vec<String>,
    /// Who directed it.
    director: String,
    /// Who plays in it.
    actors_names: Vec<String>,
    /// Who wrote it.
    writers_names: Vec<String>,
    /// How the Internet Movie Database rates it, 0 to 10; absent if that is not known.
    #[oai(skip_serializing_if_is_none)]
    imdb_rating: Option<f64>,
    /// How long it is, in minutes.
    duration: i32,
    /// Whether it is shown now.
    in_cinemas: bool,
}

impl From<Film> for FilmSeen {
    fn from(film: Film) -> Self {
        Self {
            id: film.id.0,
            title: film.title,
            description: film.description,
            genre: film.genre,
            director: film.director,
            actors_names: film.actors,
            writers_names: film.writers,
            imdb_rating: film.imdb_rating_tenths.map(score),
            duration: film.duration_minutes,
            in_cinemas: film.in_cinemas,
        }
    }
}

impl Example for FilmSeen {
    fn example() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            id: EXAMPLE_FILM,
            title: "Metropolis".to_owned(),
            description: "The son of the city's master goes down to those below.".to_owned(),
            genre: names(&["drama", "sci-fi"]),
            director: "Fritz Lang".to_owned(),
            actors_names: names(&["Brigitte Helm"]),
            writers_names: names(&["Thea von Harbou"]),
            imdb_rating: Some(8.3),
            duration: 153,
            in_cinemas: true,
        }
    }
}

/// What somebody thinks of a film.
#[derive(Object)]
#[oai(rename = "FilmReview", example)]
pub(super) struct ReviewSeen {
    /// Which review.
    id: Uuid,
    /// Of which film.
    movie_id: Uuid,
    /// By whom.
    author_id: Uuid,
    /// What they think.
    text: String,
    /// What they give it, 1 to 10.
    author_score: f64,
    /// When it was published first.
    pub_date: Timestamp,
    /// How many like it.
    likes: u64,
}

impl From<Review> for ReviewSeen {
    fn from(review: Review) -> Self {
        Self {
            id: review.id,
            movie_id: review.film,
            author_id: review.author,
            text: review.text,
            author_score: score(review.score_tenths),
            pub_date: review.published_at.into(),
            likes: review.likes.unsigned_abs(),
        }
    }
}

impl Example for ReviewSeen {
    fn example() -> Self {
        Self {
            id: example_id(2),
            movie_id: EXAMPLE_FILM,
            author_id: example_id(1),
            text: "Worth seeing twice".to_owned(),
            author_score: 7.8,
            pub_date: Timestamp(DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default()),
            likes: 3,
        }
    }
}

/// How many like a review.
#[derive(Object)]
#[oai(rename = "Likes", example)]
pub(super) struct Likes {
    /// How many.
    pub(super) likes_count: u64,
}

impl Example for Likes {
    fn example() -> Self {
        Self { likes_count: 3 }
    }
}

fn score(tenths: i16) -> f64 {
    f64::from(tenths) / 10.0
}
