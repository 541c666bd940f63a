//! Reviews of films and likes over HTTP.

use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use shared_events::FilmId;
use uuid::Uuid;

use super::super::reviews::{NewReview, Review};
use super::answers::{Gone, Likes, LikesAnswer, Many, ReviewAnswer, ReviewSeen};
use super::errors::{unknown_film, unknown_review};
use super::requests::NewOpinion;
use super::{Service, Tag, expected};
use crate::api::authentication::RequiredCaller;
use crate::api::body::Body;
use crate::api::if_match;
use crate::api::paging::Page;
use crate::api::rate_limits::Limited;
use crate::api_error::ApiError;

/// The operations on reviews.
pub struct ReviewsApi(pub(in super::super) Service);

#[OpenApi(tag = "Tag::Catalogue")]
impl ReviewsApi {
    /// Review a film
    ///
    /// Everybody has one review of a film; another one replaces it and keeps its likes.
    ///
    /// Errors: `not_found`, `invalid_fields`, `precondition_failed`, `unavailable`.
    #[oai(path = "/ugc/v1/movies/:id/review", method = "put", operation_id = "review_film")]
    async fn publish(
        &self,
        caller: RequiredCaller,
        /// Which film.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<NewOpinion>,
    ) -> Result<Limited<ReviewAnswer>, ApiError> {
        let author = caller.0.account;
        let rate = self.0.limits.change(author)?;
        let published = async {
            let (text, score_tenths) = body.value.judged()?;
            let film = FilmId(id.0);
            let new = NewReview { id: Uuid::now_v7(), film, author, text, score_tenths };
            let expected = expected(if_match.0.as_deref())?;
            let review = self.0.catalogue.publish(&new, expected, self.0.clock.now()).await?;
            Ok(seen(review))
        };
        rate.on(published.await)
    }

    /// List the reviews of a film
    ///
    /// Oldest first.
    ///
    /// Errors: `not_found`, `invalid_cursor`, `unavailable`.
    #[oai(path = "/ugc/v1/movies/:id/reviews", method = "get", operation_id = "list_film_reviews")]
    async fn find_many(
        &self,
        /// Which film.
        id: Path<Uuid>,
        /// Reviews of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<Many<ReviewSeen>, ApiError> {
        let film = FilmId(id.0);
        let path = format!("/ugc/v1/movies/{film}/reviews");
        let page = Page::read(&path, limit.0, after.0.as_deref(), &[])?;
        let after = page.after_uuid()?;
        self.0.catalogue.film(film).await?.ok_or_else(unknown_film)?;
        let mut reviews = self.0.catalogue.reviews_of(film, after, page.fetch()).await?;
        let next = page.cut(&mut reviews, |review| review.id.to_string());
        Ok(Many::Page(Json(reviews.into_iter().map(ReviewSeen::from).collect()), next))
    }

    /// Read a review
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(
        path = "/ugc/v1/review_info/:movie/:user/:review",
        method = "post",
        operation_id = "read_film_review"
    )]
    async fn find(
        &self,
        /// Of which film.
        movie: Path<Uuid>,
        /// By whom.
        user: Path<Uuid>,
        /// Which review.
        review: Path<Uuid>,
    ) -> Result<ReviewAnswer, ApiError> {
        let found = self.find_review(review.0).await?;
        if (found.film, found.author) != (movie.0, user.0) {
            return Err(unknown_review());
        }
        Ok(seen(found))
    }

    /// Remove a review
    ///
    /// With its likes. For its author and administrators.
    ///
    /// Errors: `not_found`, `forbidden`, `precondition_failed`, `unavailable`.
    #[oai(path = "/ugc/v1/reviews/:id", method = "delete", operation_id = "remove_film_review")]
    async fn remove(
        &self,
        caller: RequiredCaller,
        /// Which review.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Limited<Gone>, ApiError> {
        let me = caller.0.account;
        let rate = self.0.limits.change(me)?;
        let by = (!caller.0.is_administrator()).then_some(me);
        let removed = async {
            let expected = if_match::sequence(if_match.0.as_deref())?;
            self.0.catalogue.remove_review(id.0, by, expected).await?;
            Ok(Gone::Done)
        };
        rate.on(removed.await)
    }

    /// Count the likes of a review
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/ugc/v1/likes_count/:id", method = "post", operation_id = "count_likes")]
    async fn likes_count(
        &self,
        /// Which review.
        id: Path<Uuid>,
    ) -> Result<LikesAnswer, ApiError> {
        self.likes(id.0).await
    }

    /// Like a review
    ///
    /// Everybody counts once, however often they do it.
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/ugc/v1/reviews/:id/like", method = "put", operation_id = "like_review")]
    async fn like(
        &self,
        caller: RequiredCaller,
        /// Which review.
        id: Path<Uuid>,
    ) -> Result<Limited<LikesAnswer>, ApiError> {
        let me = caller.0.account;
        let rate = self.0.limits.change(me)?;
        let liked = async {
            self.0.catalogue.like(id.0, me, self.0.clock.now()).await?;
            self.likes(id.0).await
        };
        rate.on(liked.await)
    }

    /// Do not like a review any more
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/ugc/v1/reviews/:id/like", method = "delete", operation_id = "unlike_review")]
    async fn unlike(
        &self,
        caller: RequiredCaller,
        /// Which review.
        id: Path<Uuid>,
    ) -> Result<Limited<LikesAnswer>, ApiError> {
        let me = caller.0.account;
        let rate = self.0.limits.change(me)?;
        let unliked = async {
            self.0.catalogue.unlike(id.0, me).await?;
            self.likes(id.0).await
        };
        rate.on(unliked.await)
    }
}

impl ReviewsApi {
    async fn find_review(&self, id: Uuid) -> Result<Review, ApiError> {
        self.0.catalogue.review(id).await?.ok_or_else(unknown_review)
    }

    async fn likes(&self, id: Uuid) -> Result<LikesAnswer, ApiError> {
        let likes_count = self.find_review(id).await?.likes.unsigned_abs();
        Ok(LikesAnswer::Likes(Json(Likes { likes_count })))
    }
}

fn seen(review: Review) -> ReviewAnswer {
    let etag = if_match::etag(review.sequence);
    ReviewAnswer::Review(Json(review.into()), etag)
}
