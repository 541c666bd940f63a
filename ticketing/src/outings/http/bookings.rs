//! Bookings over HTTP: applying for a place, saying yes or no, reading one's own.

use std::sync::Arc;

use http::StatusCode;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, OpenApi};
use shared_events::{AccountId, AnnouncementId, BookingId, FilmId};
use uuid::Uuid;

use super::super::announcement::{Announcement, AnnouncementError};
use super::super::attending::Concerned;
use super::super::bookings::{Filter, Mine};
use super::super::error::OutingsError;
use super::answers::{BookingListed, BookingSeen, Gone, Many, One, Plain, Tagged};
use super::errors::{
    CallRefused, EffectError, not_concerned, of_answer, of_command, unknown_announcement,
    unknown_booking,
};
use super::requests::BookingAnswer;
use super::views::Known;
use super::{Service, Tag, as_answered, call, failed, times};
use crate::accounts::Caller;
use crate::api::Context;
use crate::api::authentication::RequiredCaller;
use crate::api::body::Body;
use crate::api::idempotent::{CallError, Keep};
use crate::api::if_match::etag;
use crate::api::nullable::Nullable;
use crate::api::paging::Page;
use crate::api::rate_limits::Limited;
use crate::api::timestamp::Timestamp;
use crate::api_error::ApiError;
use crate::platform::commands::Done;

const LIST: &str = "/app/v1/bookings";

/// What the routes need.
pub struct BookingsApi(pub Service);

/// As whom one looks at one's bookings.
#[derive(Clone, Copy, Enum)]
#[oai(rename = "BookingSide", rename_all = "snake_case")]
enum AsWhom {
    /// Those that one made.
    Guest,
    /// Those of one's announcements.
    Author,
}

impl AsWhom {
    fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Author => "author",
        }
    }
}

#[OpenApi(tag = "Tag::Outings")]
impl BookingsApi {
    /// Apply for a place
    ///
    /// The host accepts or declines. Nobody is at two outings at a time, as host or as guest. Who
    /// was declined does not apply again.
    ///
    /// Errors: `not_found`, `own_announcement`, `time_taken`, `announcement_not_open`,
    /// `announcement_full`, `outing_begun`, `already_booked`, `too_many_bookings`,
    /// `concurrent_change`, `unavailable`.
    #[oai(path = "/app/v1/booking/:id", method = "post", operation_id = "create_booking")]
    async fn create(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which announcement.
        id: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Limited<One<BookingSeen>>, ApiError> {
        let rate = self.0.limits.change(caller.0.account)?;
        let key = key.0.as_deref();
        rate.on(self.apply(&caller.0, &context, AnnouncementId(id.0), key).await)
    }

    /// Read a booking
    ///
    /// For its host, its guest and administrators.
    ///
    /// Errors: `forbidden`, `not_found`, `unavailable`.
    #[oai(path = "/app/v1/booking/:id", method = "get", operation_id = "read_booking")]
    async fn find(
        &self,
        caller: RequiredCaller,
        /// Which booking.
        id: Path<Uuid>,
    ) -> Result<One<BookingSeen>, ApiError> {
        let found = self.concerned(BookingId(id.0), &caller.0, true).await?;
        let seen = found.known.booking(found.announcement, BookingId(id.0), &found.state);
        Ok(One::One(Json(seen.ok_or_else(unknown_booking)?), etag(found.sequence)))
    }

    /// Say yes or no to a booking
    ///
    /// The host accepts or declines, the guest confirms or withdraws; either may think otherwise
    /// until the outing begins. A guest who has no place may withdraw until it is over. Nobody is
    /// accepted beyond the places.
    ///
    /// Errors: `invalid_fields`, `forbidden`, `not_found`, `announcement_full`, `time_taken`,
    /// `too_many_bookings`, `outing_begun`, `concurrent_change`, `precondition_failed`,
    /// `unavailable`.
    #[oai(path = "/app/v1/booking/:id", method = "put", operation_id = "put_booking")]
    async fn update(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which booking.
        id: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<BookingAnswer>,
    ) -> Result<Limited<One<BookingSeen>>, ApiError> {
        let rate = self.0.limits.change(caller.0.account)?;
        let headers = (key.0.as_deref(), if_match.0.as_deref());
        rate.on(self.answer(&caller.0, &context, BookingId(id.0), headers, body).await)
    }

    /// Remove your booking
    ///
    /// Until the outing begins; if you have no place, until it is over. You can apply again, unless
    /// the host has declined.
    ///
    /// Errors: `forbidden`, `not_found`, `outing_begun`, `concurrent_change`,
    /// `precondition_failed`, `unavailable`.
    #[oai(path = "/app/v1/booking/:id", method = "delete", operation_id = "delete_booking")]
    async fn delete(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which booking.
        id: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Limited<Plain<Gone>>, ApiError> {
        let rate = self.0.limits.change(caller.0.account)?;
        let headers = (key.0.as_deref(), if_match.0.as_deref());
        rate.on(self.remove(&caller.0, &context, BookingId(id.0), headers).await)
    }

    /// List your bookings
    ///
    /// Those of your announcements, unless `filter[self]` is `guest`. Oldest first.
    ///
    /// Errors: `invalid_cursor`, `unavailable`.
    #[oai(path = "/app/v1/bookings", method = "get", operation_id = "list_bookings")]
    #[expect(clippy::too_many_arguments, reason = "one for each parameter of the query")]
    async fn find_many(
        &self,
        caller: RequiredCaller,
        /// `guest`: those that you made; `author`, unless said: those of your announcements.
        #[oai(name = "filter[self]")]
        as_whom: Query<Option<AsWhom>>,
        /// Only of this announcement.
        #[oai(name = "filter[announcement]")]
        announcement: Query<Option<Uuid>>,
        /// Only to this film.
        #[oai(name = "filter[movie]")]
        movie: Query<Option<Uuid>>,
        /// Only to outings that begin at this instant, or on this day of UTC: `2027-01-15`.
        #[oai(name = "filter[date]")]
        date: Query<Option<String>>,
        /// Bookings of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<Many<BookingListed>, ApiError> {
        let texts = [announcement.0, movie.0].map(|id| id.map(|id| id.to_string()));
        let [announcement_text, movie_text] = texts.each_ref().map(|text| text.as_deref());
        let filters = [
            ("filter%5Bself%5D", as_whom.0.map(AsWhom::as_str)),
            ("filter%5Bannouncement%5D", announcement_text),
            ("filter%5Bmovie%5D", movie_text),
            ("filter%5Bdate%5D", date.0.as_deref()),
        ];
        let page = Page::read(LIST, limit.0, after.0.as_deref(), &filters)?;
        let after = page.after_uuid()?;
        let me = caller.0.account;
        let mine = match as_whom.0 {
            Some(AsWhom::Guest) => Mine::AsGuest(me),
            Some(AsWhom::Author) | None => Mine::AsHost(me),
        };
        let starts = date.0.as_deref().map(times::range).transpose()?;
        let (announcement, film) = (announcement.0.map(AnnouncementId), movie.0.map(FilmId));
        let filter = Filter { mine, announcement, film, starts };
        self.0.caught_up.wait().await?;
        let mut rows = self.0.bookings.list(&filter, after, page.fetch()).await?;
        let next = page.cut(&mut rows, |row| row.booking.to_string());
        let people: Vec<_> = rows.iter().flat_map(|row| [row.host, row.guest]).collect();
        let names = self.0.people.names(&people).await?;
        let name = |account| names.get(&account).cloned().unwrap_or_default();
        let listed = rows.into_iter().map(|row| BookingListed {
            id: row.booking.0,
            announcement_id: row.announcement.0,
            author_name: name(row.host),
            guest_name: name(row.guest),
            author_status: Nullable(row.host_says),
            guest_status: row.guest_says,
            event_time: Timestamp(row.starts_at),
            clashes: row.clashes,
        });
        Ok(Many::Page(Json(listed.collect()), next))
    }
}

/// A booking with its announcement, as current as its last event.
struct Found {
    announcement: AnnouncementId,
    guest: AccountId,
    state: Announcement,
    sequence: i64,
    known: Known,
}

impl BookingsApi {
    /// A booking that concerns the caller, or that an administrator reads.
    async fn concerned(
        &self,
        id: BookingId,
        caller: &Caller,
        reads: bool,
    ) -> Result<Found, ApiError> {
        let find = || self.0.bookings.announcement_of(id);
        let found = self.0.caught_up.find(find).await?;
        let (announcement, guest) = found.ok_or_else(unknown_booking)?;
        let loaded = self.0.planner.load(announcement).await?;
        let outing = loaded.state.announced().ok_or_else(unknown_booking)?;
        let host = outing.terms.host;
        let may_read = reads && caller.is_administrator();
        if ![host, guest].contains(&caller.account) && !may_read {
            return Err(not_concerned());
        }
        let now = self.0.clock.now();
        let known = self.0.known_of(outing, &[host, guest], now).await?;
        let (state, sequence) = (loaded.state, loaded.sequence);
        Ok(Found { announcement, guest, state, sequence, known })
    }

    /// Whoever has withdrawn comes back only to what they may see, as who applies: it may be for
    /// followers by now.
    async fn may_come_back(
        &self,
        id: BookingId,
        found: &Found,
        caller: &Caller,
    ) -> Result<(), ApiError> {
        let outing = found.state.announced().ok_or_else(unknown_booking)?;
        let is_away = outing.booking(id).is_some_and(|booking| !booking.guest_says);
        if found.guest == caller.account && is_away && !self.0.may_see(outing, caller).await? {
            return Err(unknown_announcement());
        }
        Ok(())
    }

    async fn apply(
        &self,
        caller: &Caller,
        context: &Context,
        id: AnnouncementId,
        key: Option<&str>,
    ) -> Result<One<BookingSeen>, ApiError> {
        let execution = self.0.execution(context, None)?;
        let path = format!("/app/v1/booking/{id}");
        let call = call(caller, key, "POST", &path, &[]);
        let apply = |keep: Arc<Keep<_>>| async move {
            let loaded = self.0.visible(id, caller).await?;
            let outing = loaded.state.outing().ok_or_else(unknown_announcement)?;
            let guest = caller.account;
            let people = [outing.terms.host, guest];
            let known = self.0.known_of(outing, &people, execution.now).await?;
            let booking = BookingId(Uuid::now_v7());
            let answer = answer(known, id, booking);
            let attach = |done: &_| keep.attach(&answer(done));
            let done = self.0.planner.apply(id, booking, guest, execution, attach).await;
            Ok::<_, EffectError>(answer(&done.map_err(of_command)?))
        };
        let answer = as_answered::<Tagged<BookingSeen>>;
        let made = self.0.idempotent.run(call, StatusCode::OK, answer, apply).await?;
        Ok(One::One(Json(self.0.booking_named(made.body).await?), etag(made.sequence)))
    }

    async fn answer(
        &self,
        caller: &Caller,
        context: &Context,
        id: BookingId,
        (key, if_match): (Option<&str>, Option<&str>),
        body: Body<BookingAnswer>,
    ) -> Result<One<BookingSeen>, ApiError> {
        let execution = self.0.execution(context, if_match)?;
        let says = (caller.account, body.value.my_status);
        let path = format!("/app/v1/booking/{id}");
        let call = call(caller, key, "PUT", &path, &body.bytes);
        let say = |keep: Arc<Keep<_>>| async move {
            let found = self.concerned(id, caller, false).await?;
            if says.1 {
                self.may_come_back(id, &found, caller).await?;
            }
            let Found { announcement, guest, known, .. } = found;
            let concerned = Concerned { booking: id, guest };
            let answer = answer(known, announcement, id);
            let attach = |done: &_| keep.attach(&answer(done));
            let planner = &self.0.planner;
            let done = planner.answer(announcement, concerned, says, execution, attach).await;
            let done = if caller.account == guest {
                done.map_err(of_command)
            } else {
                done.map_err(of_answer)
            };
            Ok::<_, EffectError>(answer(&done?))
        };
        let answer = as_answered::<Tagged<BookingSeen>>;
        let said = self.0.idempotent.run(call, StatusCode::OK, answer, say).await;
        let said = said.map_err(|error| called_off(error, if_match))?;
        Ok(One::One(Json(self.0.booking_named(said.body).await?), etag(said.sequence)))
    }

    async fn remove(
        &self,
        caller: &Caller,
        context: &Context,
        id: BookingId,
        (key, if_match): (Option<&str>, Option<&str>),
    ) -> Result<Plain<Gone>, ApiError> {
        let execution = self.0.execution(context, if_match)?;
        let path = format!("/app/v1/booking/{id}");
        let call = call(caller, key, "DELETE", &path, &[]);
        let answer = |_: &Done<Announcement>| Gone { id: id.0 };
        let by = caller.account;
        let remove = |keep: Arc<Keep<_>>| async move {
            let Found { announcement, guest, .. } = self.concerned(id, caller, false).await?;
            let concerned = Concerned { booking: id, guest };
            let attach = |done: &_| keep.attach(done);
            let planner = &self.0.planner;
            let done = planner.remove(announcement, concerned, by, execution, attach).await;
            done.map_err(of_command)
        };
        let gone = self.0.idempotent.run(call, StatusCode::OK, answer, remove).await;
        Ok(Plain::Plain(Json(gone.map_err(|error| failed(error, if_match))?)))
    }
}

/// Who has a booking of what was called off knows that it was announced.
fn called_off(error: CallError<CallRefused>, if_match: Option<&str>) -> ApiError {
    match error {
        CallError::Refused(CallRefused::Command(OutingsError::Announcement(
            AnnouncementError::Unknown,
        ))) => super::errors::called_off(),
        error => failed(error, if_match),
    }
}

/// What a command on a booking came to.
fn answer(
    known: Known,
    announcement: AnnouncementId,
    id: BookingId,
) -> impl Fn(&Done<Announcement>) -> Tagged<BookingSeen> {
    move |done| {
        let seen = known.booking(announcement, id, &done.state);
        let body = seen.unwrap_or_else(poem_openapi::types::Example::example);
        Tagged { body, sequence: done.sequence }
    }
}
