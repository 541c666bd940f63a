//! Announcements over HTTP: the routes of making one, changing it, calling it off, looking for one,
//! and reading them. Not here: what changes one (`announcing.rs`).

use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use shared_events::{AccountId, AnnouncementId, FilmId};
use uuid::Uuid;

use super::super::announcement::Announcement;
use super::super::announcements::{Filter, Viewer};
use super::answers::{AnnouncementListed, AnnouncementSeen, Gone, Many, One, Plain};
use super::errors::unknown_announcement;
use super::requests::{AnnouncementChange, NewAnnouncement};
use super::views::View;
use super::{Service, Tag, times};
use crate::accounts::Caller;
use crate::api::Context;
use crate::api::authentication::RequiredCaller;
use crate::api::body::Body;
use crate::api::if_match::etag;
use crate::api::paging::Page;
use crate::api::rate_limits::Limited;
use crate::api::timestamp::Timestamp;
use crate::api_error::{ApiError, Code};

const LIST: &str = "/app/v1/announcements";

/// What the routes need.
pub struct AnnouncementsApi(pub Service);

#[OpenApi(tag = "Tag::Outings")]
impl AnnouncementsApi {
    /// Announce an outing
    ///
    /// A draft, unless `status` is `Alive`: then guests can apply. The film has to be in cinemas.
    /// Nobody is at two outings at a time, as host or as guest.
    ///
    /// Errors: `invalid_fields`, `not_found`, `time_taken`, `too_many_bookings`,
    /// `concurrent_change`, `unavailable`.
    #[oai(path = "/app/v1/announcement/:id", method = "post", operation_id = "create_announcement")]
    async fn create(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which film.
        id: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<NewAnnouncement>,
    ) -> Result<Limited<One<AnnouncementSeen>>, ApiError> {
        let rate = self.0.limits.change(caller.0.account)?;
        rate.on(self.announce(&caller.0, &context, FilmId(id.0), key.0.as_deref(), body).await)
    }

    /// Read an announcement
    ///
    /// Its host sees who applied, at most 1,000 besides those who come along; others see those who
    /// come along. What only followers of the host may see is not there for others, but for who
    /// comes along or may yet.
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/app/v1/announcement/:id", method = "get", operation_id = "read_announcement")]
    async fn find(
        &self,
        caller: RequiredCaller,
        /// Which announcement.
        id: Path<Uuid>,
    ) -> Result<One<AnnouncementSeen>, ApiError> {
        let id = AnnouncementId(id.0);
        let loaded = self.0.visible(id, &caller.0).await?;
        self.0.shown(id, &loaded.state, loaded.sequence, &caller.0).await
    }

    /// Change your announcement
    ///
    /// Until it begins. Whoever has applied follows an outing that moves; who is elsewhere then is
    /// marked. There are never fewer places than accepted guests.
    ///
    /// Errors: `invalid_fields`, `forbidden`, `not_found`, `time_taken`, `too_many_bookings`,
    /// `places_taken`, `announcement_open`, `outing_begun`, `concurrent_change`,
    /// `precondition_failed`, `unavailable`.
    #[oai(path = "/app/v1/announcement/:id", method = "put", operation_id = "put_announcement")]
    async fn update(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which announcement.
        id: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<AnnouncementChange>,
    ) -> Result<Limited<One<AnnouncementSeen>>, ApiError> {
        let rate = self.0.limits.change(caller.0.account)?;
        let headers = (key.0.as_deref(), if_match.0.as_deref());
        rate.on(self.change(&caller.0, &context, AnnouncementId(id.0), headers, body).await)
    }

    /// Call your outing off
    ///
    /// Until it begins. Everybody is free at that time again; bookings of it take nobody along.
    ///
    /// Errors: `forbidden`, `not_found`, `outing_begun`, `concurrent_change`,
    /// `precondition_failed`, `unavailable`.
    #[oai(
        path = "/app/v1/announcement/:id",
        method = "delete",
        operation_id = "delete_announcement"
    )]
    async fn delete(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which announcement.
        id: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Limited<Plain<Gone>>, ApiError> {
        let rate = self.0.limits.change(caller.0.account)?;
        let headers = (key.0.as_deref(), if_match.0.as_deref());
        rate.on(self.cancel(&caller.0, &context, AnnouncementId(id.0), headers).await)
    }

    /// Look for outings
    ///
    /// Those at which guests can apply, oldest announcement first. With `filter[author]` naming
    /// yourself, also your drafts.
    ///
    /// Errors: `invalid_cursor`, `unavailable`.
    #[oai(path = "/app/v1/announcements", method = "get", operation_id = "list_announcements")]
    #[expect(clippy::too_many_arguments, reason = "one for each parameter of the query")]
    async fn find_many(
        &self,
        caller: RequiredCaller,
        /// Only of this host.
        #[oai(name = "filter[author]")]
        author: Query<Option<Uuid>>,
        /// Only to this film.
        #[oai(name = "filter[movie]")]
        movie: Query<Option<Uuid>>,
        /// Only those at which guests pay nothing, or only others.
        #[oai(name = "filter[is_free]")]
        is_free: Query<Option<bool>>,
        /// `true`: only of hosts whom you follow.
        #[oai(name = "filter[private]")]
        private: Query<Option<bool>>,
        /// Only with at least so many places left.
        #[oai(name = "filter[tickets]")]
        tickets: Query<Option<u32>>,
        /// Only those that begin at this instant, or on this day of UTC: `2027-01-15`.
        #[oai(name = "filter[date]")]
        date: Query<Option<String>>,
        /// Only with this text in their place, whatever its case; at most 200 characters.
        #[oai(name = "filter[location]")]
        location: Query<Option<String>>,
        /// Announcements of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<Many<AnnouncementListed>, ApiError> {
        let texts = (
            author.0.map(|author| author.to_string()),
            movie.0.map(|movie| movie.to_string()),
            is_free.0.map(|is_free| is_free.to_string()),
            private.0.map(|private| private.to_string()),
            tickets.0.map(|tickets| tickets.to_string()),
        );
        let filters = [
            ("filter%5Bauthor%5D", texts.0.as_deref()),
            ("filter%5Bmovie%5D", texts.1.as_deref()),
            ("filter%5Bis_free%5D", texts.2.as_deref()),
            ("filter%5Bprivate%5D", texts.3.as_deref()),
            ("filter%5Btickets%5D", texts.4.as_deref()),
            ("filter%5Bdate%5D", date.0.as_deref()),
            ("filter%5Blocation%5D", location.0.as_deref()),
        ];
        let page = Page::read(LIST, limit.0, after.0.as_deref(), &filters)?;
        let follows = self.0.catalogue.followed_by(caller.0.account).await?;
        let filter = Filter {
            viewer: Some(Viewer {
                account: caller.0.account,
                follows: follows.into_iter().collect(),
            }),
            host: author.0.map(AccountId),
            film: movie.0.map(FilmId),
            is_free: is_free.0,
            followed_only: private.0 == Some(true),
            left: tickets.0.map(|left| i32::try_from(left).unwrap_or(i32::MAX)),
            starts: date.0.as_deref().map(times::range).transpose()?,
            location: location.0.as_deref().map(place).transpose()?,
        };
        self.0.caught_up.wait().await?;
        self.0.page(&page, &filter).await
    }
}

/// A text that is looked for in places.
fn place(text: &str) -> Result<String, ApiError> {
    if text.contains('\0') || text.chars().count() > 200 {
        let detail = "filter[location] has at most 200 characters, and no NUL";
        return Err(ApiError::new(Code::MalformedParameter, detail));
    }
    Ok(text.trim().to_owned())
}

impl Service {
    /// An announcement as the caller sees it now.
    pub(super) async fn shown(
        &self,
        id: AnnouncementId,
        state: &Announcement,
        sequence: i64,
        caller: &Caller,
    ) -> Result<One<AnnouncementSeen>, ApiError> {
        let outing = state.announced().ok_or_else(unknown_announcement)?;
        let view = View::of(caller, self.clock.now());
        let known = self.known(id, outing, view).await?;
        let seen = known.announcement(id, state, view).ok_or_else(unknown_announcement)?;
        Ok(One::One(Json(seen), etag(sequence)))
    }

    /// A page of announcements.
    pub(super) async fn page(
        &self,
        page: &Page,
        filter: &Filter,
    ) -> Result<Many<AnnouncementListed>, ApiError> {
        let now = self.clock.now();
        let after = page.after_uuid()?;
        let mut found = self.announcements.list(filter, after, page.fetch(), now).await?;
        let next = page.cut(&mut found, |found| found.row.announcement_id.to_string());
        let listed = found.into_iter().map(|found| AnnouncementListed {
            id: found.row.announcement_id,
            status: found.row.status_at(now).as_str().to_owned(),
            title: found.title,
            author_id: found.row.host,
            movie_id: found.row.film_id,
            sub_only: found.row.sub_only,
            is_free: found.row.is_free,
            tickets_count: found.row.places,
            tickets_left: found.row.left(),
            event_time: Timestamp(found.row.starts_at),
            event_location: found.location,
            duration: found.row.duration_minutes(),
        });
        Ok(Many::Page(Json(listed.collect()), next))
    }
}
