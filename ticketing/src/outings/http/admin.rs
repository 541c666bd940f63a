//! Announcements as administrators read them: a paged, filterable list and single reads, of all
//! that was ever announced.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use shared_events::{AccountId, AnnouncementId, FilmId};
use uuid::Uuid;

use super::super::announcements::Filter;
use super::answers::{AnnouncementListed, AnnouncementSeen, Many, One};
use super::{Service, Tag};
use crate::api::authentication::AdministratorCaller;
use crate::api::paging::Page;
use crate::api_error::ApiError;

const LIST: &str = "/admin/announcements";

/// The routes for administrators.
pub struct OutingsAdminApi(pub Service);

#[OpenApi(tag = "Tag::Outings")]
impl OutingsAdminApi {
    /// List announcements
    ///
    /// For administrators: also drafts, what is over, and what was called off. Oldest first.
    ///
    /// Errors: `invalid_cursor`, `forbidden`, `unavailable`.
    #[oai(path = "/admin/announcements", method = "get", operation_id = "list_all_announcements")]
    async fn find_many(
        &self,
        _caller: AdministratorCaller,
        /// Only of this host.
        author: Query<Option<Uuid>>,
        /// Only to this film.
        movie: Query<Option<Uuid>>,
        /// Announcements of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<Many<AnnouncementListed>, ApiError> {
        let texts = [author.0, movie.0].map(|id| id.map(|id| id.to_string()));
        let [author_text, movie_text] = texts.each_ref().map(|text| text.as_deref());
        let filters = [("author", author_text), ("movie", movie_text)];
        let page = Page::read(LIST, limit.0, after.0.as_deref(), &filters)?;
        let (host, film) = (author.0.map(AccountId), movie.0.map(FilmId));
        self.0.page(&page, &Filter { host, film, ..Filter::default() }).await
    }

    /// Read any announcement
    ///
    /// For administrators: also one that was called off, with who applied as its host sees them.
    ///
    /// Errors: `forbidden`, `not_found`, `unavailable`.
    #[oai(
        path = "/admin/announcements/:id",
        method = "get",
        operation_id = "read_any_announcement"
    )]
    async fn find(
        &self,
        caller: AdministratorCaller,
        /// Which announcement.
        id: Path<Uuid>,
    ) -> Result<One<AnnouncementSeen>, ApiError> {
        let id = AnnouncementId(id.0);
        let loaded = self.0.planner.load(id).await?;
        self.0.shown(id, &loaded.state, loaded.sequence, &caller.0).await
    }
}
