//! Following hosts and marking films over HTTP.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use shared_events::{AccountId, FilmId};
use uuid::Uuid;

use super::answers::{Gone, Many};
use super::{Service, Tag};
use crate::api::authentication::RequiredCaller;
use crate::api::paging::Page;
use crate::api::rate_limits::Limited;
use crate::api_error::{ApiError, Code};

/// The operations on who follows whom.
pub struct FollowsApi(pub(in super::super) Service);

#[OpenApi(tag = "Tag::Catalogue")]
impl FollowsApi {
    /// Follow a host
    ///
    /// Followers see what the host has for them alone. Doing it again changes nothing.
    ///
    /// Errors: `not_found`, `own_account`, `too_many_followed`, `unavailable`.
    #[oai(path = "/ugc/v1/follow/:id", method = "put", operation_id = "follow")]
    async fn follow(
        &self,
        caller: RequiredCaller,
        /// Whose account.
        id: Path<Uuid>,
    ) -> Result<Limited<Gone>, ApiError> {
        let me = caller.0.account;
        let rate = self.0.limits.change(me)?;
        let done = self.0.catalogue.follow(me, AccountId(id.0), self.0.clock.now()).await;
        rate.on(done.map(|()| Gone::Done).map_err(ApiError::from))
    }

    /// Do not follow a host any more
    ///
    /// Errors: `unavailable`.
    #[oai(path = "/ugc/v1/follow/:id", method = "delete", operation_id = "unfollow")]
    async fn unfollow(
        &self,
        caller: RequiredCaller,
        /// Whose account.
        id: Path<Uuid>,
    ) -> Result<Limited<Gone>, ApiError> {
        let me = caller.0.account;
        let rate = self.0.limits.change(me)?;
        let done = self.0.catalogue.unfollow(me, AccountId(id.0)).await;
        rate.on(done.map(|()| Gone::Done).map_err(ApiError::from))
    }

    /// Mark a film
    ///
    /// Says that one wants to hear of it. Doing it again changes nothing.
    ///
    /// Errors: `not_found`, `too_many_followed`, `unavailable`.
    #[oai(path = "/ugc/v1/movies/:id/mark", method = "put", operation_id = "mark_film")]
    async fn mark(
        &self,
        caller: RequiredCaller,
        /// Which film.
        id: Path<Uuid>,
    ) -> Result<Limited<Gone>, ApiError> {
        let me = caller.0.account;
        let rate = self.0.limits.change(me)?;
        let done = self.0.catalogue.mark(me, FilmId(id.0), self.0.clock.now()).await;
        rate.on(done.map(|()| Gone::Done).map_err(ApiError::from))
    }

    /// Take the mark of a film back
    ///
    /// Errors: `unavailable`.
    #[oai(path = "/ugc/v1/movies/:id/mark", method = "delete", operation_id = "unmark_film")]
    async fn unmark(
        &self,
        caller: RequiredCaller,
        /// Which film.
        id: Path<Uuid>,
    ) -> Result<Limited<Gone>, ApiError> {
        let me = caller.0.account;
        let rate = self.0.limits.change(me)?;
        let done = self.0.catalogue.unmark(me, FilmId(id.0)).await;
        rate.on(done.map(|()| Gone::Done).map_err(ApiError::from))
    }

    /// List subscribers
    ///
    /// The ids of those who follow this host, or who have marked this film; oldest account first.
    ///
    /// Errors: `not_found`, `invalid_cursor`, `unavailable`.
    #[oai(path = "/ugc/v1/subscribers/:id", method = "post", operation_id = "list_subscribers")]
    async fn subscribers(
        &self,
        _caller: RequiredCaller,
        /// Which account or film.
        id: Path<Uuid>,
        /// Ids of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<Many<Uuid>, ApiError> {
        let path = format!("/ugc/v1/subscribers/{}", id.0);
        let page = Page::read(&path, limit.0, after.0.as_deref(), &[])?;
        let after = page.after_uuid()?;
        let found = self.0.catalogue.subscribers(id.0, after, page.fetch()).await?;
        let unknown = || ApiError::new(Code::NotFound, "There is no such account or film");
        let mut found = found.ok_or_else(unknown)?;
        let next = page.cut(&mut found, ToString::to_string);
        Ok(Many::Page(Json(found.into_iter().map(|account| account.0).collect()), next))
    }
}
