//! Films over HTTP.

use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use shared_events::FilmId;
use uuid::Uuid;

use super::super::films::Description;
use super::answers::{Described, FilmAnswer, FilmSeen, Many};
use super::errors::unknown_film;
use super::requests::NewDescription;
use super::{Service, Tag, expected};
use crate::api::authentication::AdministratorCaller;
use crate::api::body::Body;
use crate::api::if_match;
use crate::api::paging::Page;
use crate::api::rate_limits::Limited;
use crate::api_error::ApiError;

const FILMS: &str = "/movie_api/v1/movies";

/// The operations on films.
pub struct FilmsApi(pub(in super::super) Service);

#[OpenApi(tag = "Tag::Catalogue")]
impl FilmsApi {
    /// List films
    ///
    /// In the order in which they were first described.
    ///
    /// Errors: `invalid_cursor`, `unavailable`.
    #[oai(path = "/movie_api/v1/movies", method = "get", operation_id = "list_films")]
    async fn find_many(
        &self,
        /// Only films that are shown now, or are not.
        in_cinemas: Query<Option<bool>>,
        /// Films of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<Many<FilmSeen>, ApiError> {
        let shown = in_cinemas.0.map(|shown| if shown { "true" } else { "false" });
        let filters = [("in_cinemas", shown)];
        let page = Page::read(FILMS, limit.0, after.0.as_deref(), &filters)?;
        let after = page.after_number()?;
        let mut films = self.0.catalogue.list_films(in_cinemas.0, after, page.fetch()).await?;
        let next = page.cut(&mut films, |film| film.number.to_string());
        Ok(Many::Page(Json(films.into_iter().map(FilmSeen::from).collect()), next))
    }

    /// Read a film
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/movie_api/v1/movie/:id", method = "get", operation_id = "read_film")]
    async fn find(
        &self,
        /// Which film.
        id: Path<Uuid>,
    ) -> Result<FilmAnswer, ApiError> {
        self.seen(id.0).await
    }

    /// Read a film, asked for by POST
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/movie_api/v1/movie/:id", method = "post", operation_id = "ask_for_film")]
    async fn ask(
        &self,
        /// Which film.
        id: Path<Uuid>,
    ) -> Result<FilmAnswer, ApiError> {
        self.seen(id.0).await
    }

    /// Read a film, at its other address
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/movie/v1/movie/:id", method = "get", operation_id = "read_movie")]
    async fn find_there(
        &self,
        /// Which film.
        id: Path<Uuid>,
    ) -> Result<FilmAnswer, ApiError> {
        self.seen(id.0).await
    }

    /// Read a film, at its other address and by POST
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/movie/v1/movie/:id", method = "post", operation_id = "ask_for_movie")]
    async fn ask_there(
        &self,
        /// Which film.
        id: Path<Uuid>,
    ) -> Result<FilmAnswer, ApiError> {
        self.seen(id.0).await
    }

    /// Describe a film
    ///
    /// For administrators. A film that is not known is new; one that is known is described anew, as
    /// a whole. Films are not deleted: what people arranged names them.
    ///
    /// Errors: `invalid_fields`, `forbidden`, `precondition_failed`, `unavailable`.
    #[oai(path = "/movie_api/v1/movie/:id", method = "put", operation_id = "describe_film")]
    async fn describe(
        &self,
        caller: AdministratorCaller,
        /// Which film.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<NewDescription>,
    ) -> Result<Limited<Described>, ApiError> {
        let rate = self.0.limits.change(caller.0.account)?;
        let described = async {
            let expected = expected(if_match.0.as_deref())?;
            let description = Description::try_from(body.value)?;
            let described = self.0.catalogue.describe(FilmId(id.0), &description, expected).await?;
            let film = described.ok_or_else(if_match::changed)?;
            let (etag, first) = (if_match::etag(film.sequence), film.sequence == 1);
            let seen = Json(film.into());
            Ok(if first { Described::First(seen, etag) } else { Described::Again(seen, etag) })
        };
        rate.on(described.await)
    }
}

impl FilmsApi {
    async fn seen(&self, id: Uuid) -> Result<FilmAnswer, ApiError> {
        let film = self.0.catalogue.film(FilmId(id)).await?.ok_or_else(unknown_film)?;
        let etag = if_match::etag(film.sequence);
        Ok(FilmAnswer::Film(Json(film.into()), etag))
    }
}
