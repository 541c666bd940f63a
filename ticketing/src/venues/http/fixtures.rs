//! Matches over HTTP: scheduling and moving them, putting seats on sale, and the map of their
//! seats.

use std::sync::Arc;

use http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use shared_events::{FixtureId, StadiumId, TariffId};
use uuid::Uuid;

use super::super::fixture::{Details, Fixture, seats_offered};
use super::super::fixtures::{FixtureRow, Fixtures};
use super::super::offering::{Offer, Offering, Which};
use super::super::scheduling::{Change, Scheduling};
use super::super::seat_maps::SeatMaps;
use super::super::stadium_seats::StadiumSeats;
use super::answers::{FixtureSeen, Gone, Made, Many, One, TicketCount};
use super::errors::{invalid, unknown_match};
use super::requests::{FixtureChange, Judge, NewFixture};
use super::ticket_answers::SeatMapAnswer;
use super::ticket_requests::{Offered, TicketsOffer};
use super::{Service, Tag, call};
use crate::api::Context;
use crate::api::authentication::{AdministratorCaller, RequiredCaller};
use crate::api::body::Body;
use crate::api::idempotent::Keep;
use crate::api::if_match;
use crate::api::paging::Page;
use crate::api::rate_limits::Limited;
use crate::api_error::ApiError;
use crate::platform::append::Attached;
use crate::platform::commands::Done;

const MATCHES: &str = "/api/match";

/// What the routes need.
pub struct FixturesApi {
    /// Schedules matches.
    pub scheduling: Scheduling,
    /// Puts seats on sale.
    pub offering: Offering,
    /// Reads matches.
    pub fixtures: Fixtures,
    /// Reads seats of stadiums.
    pub seats: StadiumSeats,
    /// The maps of their seats.
    pub maps: SeatMaps,
    /// What all routes need.
    pub shared: Service,
}

#[OpenApi(tag = "Tag::Venues")]
impl FixturesApi {
    /// Schedule a match
    ///
    /// For administrators. No two matches of a stadium overlap; one may begin when the other ends.
    ///
    /// Errors: `not_found`, `invalid_fields`, `forbidden`, `matches_overlap`, `concurrent_change`,
    /// `unavailable`.
    #[oai(path = "/api/match", method = "post", operation_id = "create_match")]
    async fn create(
        &self,
        caller: AdministratorCaller,
        context: Context,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<NewFixture>,
    ) -> Result<Limited<Made<FixtureSeen>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let made = async {
            let mut judge = Judge::default();
            let NewFixture { stadium, title, start_time, end_time, requires_link } = body.value;
            let title = title.map(|title| judge.title("title", &title)).unwrap_or_default();
            let starts_at = judge.time("start_time", start_time);
            let ends_at = judge.time("end_time", end_time);
            judge.span(starts_at, ends_at);
            if starts_at <= self.shared.clock.now() {
                judge.refuse("start_time", "must be in the future");
            }
            judge.verdict()?;
            let (id, requires_link) = (Uuid::now_v7(), requires_link.unwrap_or_default());
            let row = FixtureRow {
                fixture_id: id,
                stadium_id: stadium,
                title: title.clone(),
                starts_at,
                ends_at,
                requires_link,
                ..FixtureRow::default()
            };
            let stadium = StadiumId(stadium);
            let title = title.into();
            let details = Details { stadium, title, starts_at, ends_at, requires_link };
            let answer = |_: &Done<Fixture>| FixtureSeen::from(row.clone());
            let call = call(&caller.0, key.0.as_deref(), "POST", MATCHES, &body.bytes);
            let execution = self.shared.execution(&context);
            let create = |keep: Arc<Keep<_>>| async move {
                let attach = move |done: &Done<Fixture>| keep.attach(done);
                self.scheduling.schedule(FixtureId(id), details, execution, attach).await
            };
            let idempotent = &self.shared.idempotent;
            let made = idempotent.run(call, StatusCode::CREATED, answer, create).await?;
            Ok(Made::Made(Json(made)))
        };
        rate.on(made.await)
    }

    /// List matches
    ///
    /// Oldest first.
    ///
    /// Errors: `invalid_cursor`, `unavailable`.
    #[oai(path = "/api/match", method = "get", operation_id = "list_matches")]
    async fn find_many(
        &self,
        _caller: RequiredCaller,
        /// Only matches of this stadium.
        stadium: Query<Option<Uuid>>,
        /// Matches of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<Many<FixtureSeen>, ApiError> {
        let stadium_text = stadium.0.map(|stadium| stadium.to_string());
        let filters = [("stadium", stadium_text.as_deref())];
        let page = Page::read(MATCHES, limit.0, after.0.as_deref(), &filters)?;
        let after = page.after_number()?;
        self.shared.caught_up.wait().await?;
        let stadium = stadium.0.map(StadiumId);
        let mut rows = self.fixtures.list(stadium, after, page.fetch()).await?;
        let next = page.cut(&mut rows, |row| row.first_position.to_string());
        Ok(Many::Page(Json(rows.into_iter().map(FixtureSeen::from).collect()), next))
    }

    /// Read a match
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/api/match/:id", method = "get", operation_id = "read_match")]
    async fn find(
        &self,
        _caller: RequiredCaller,
        /// Which match.
        id: Path<Uuid>,
    ) -> Result<One<FixtureSeen>, ApiError> {
        self.seen(FixtureId(id.0)).await
    }

    /// Change a match
    ///
    /// For administrators. One that moves takes its new time of the stadium. What is left out is
    /// empty.
    ///
    /// Errors: `not_found`, `invalid_fields`, `forbidden`, `matches_overlap`, `match_begun`,
    /// `concurrent_change`, `precondition_failed`, `unavailable`.
    #[oai(path = "/api/match/:id", method = "put", operation_id = "put_match")]
    async fn replace(
        &self,
        caller: AdministratorCaller,
        context: Context,
        /// Which match.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<NewFixture>,
    ) -> Result<Limited<One<FixtureSeen>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let (id, change) = (FixtureId(id.0), body.value.into());
        rate.on(self.set(context, id, if_match.0.as_deref(), change).await)
    }

    /// Change a match
    ///
    /// For administrators. One that moves takes its new time of the stadium. What is left out
    /// stays.
    ///
    /// Errors: `not_found`, `invalid_fields`, `forbidden`, `matches_overlap`, `match_begun`,
    /// `concurrent_change`, `precondition_failed`, `unavailable`.
    #[oai(path = "/api/match/:id", method = "patch", operation_id = "patch_match")]
    async fn change(
        &self,
        caller: AdministratorCaller,
        context: Context,
        /// Which match.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<FixtureChange>,
    ) -> Result<Limited<One<FixtureSeen>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let id = FixtureId(id.0);
        rate.on(self.set(context, id, if_match.0.as_deref(), body.value).await)
    }

    /// Cancel a match
    ///
    /// For administrators. Only before it begins, and while nobody holds or has a ticket of it.
    ///
    /// Errors: `not_found`, `forbidden`, `match_has_sales`, `match_begun`, `concurrent_change`,
    /// `precondition_failed`, `unavailable`.
    #[oai(path = "/api/match/:id", method = "delete", operation_id = "delete_match")]
    async fn cancel(
        &self,
        caller: AdministratorCaller,
        context: Context,
        /// Which match.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Limited<Gone>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let header = if_match.0.as_deref();
        let cancelled = async {
            self.fixtures.find(FixtureId(id.0)).await?.ok_or_else(unknown_match)?;
            let execution = if_match::only_at(self.shared.execution(&context), header)?;
            let cancelled = self.scheduling.cancel(FixtureId(id.0), execution).await;
            cancelled.map_err(|error| if_match::refused(error, header))?;
            Ok(Gone::Done)
        };
        rate.on(cancelled.await)
    }

    /// Put seats on sale
    ///
    /// For administrators. All seats of the stadium, those of sections, or single ones, 1,000 at
    /// most; those that are on sale stay as they are, so repeating it changes nothing.
    ///
    /// Errors: `not_found`, `invalid_fields`, `forbidden`, `match_begun`, `concurrent_change`,
    /// `unavailable`.
    #[oai(path = "/api/match/:id/tickets", method = "post", operation_id = "offer_tickets")]
    async fn offer(
        &self,
        caller: AdministratorCaller,
        context: Context,
        /// Which match.
        id: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<TicketsOffer>,
    ) -> Result<Limited<Made<TicketCount>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let offered = async {
            let price = body.value.price;
            let which = self.which(FixtureId(id.0), body.value.judge()?).await?;
            let offer = Offer { fixture: FixtureId(id.0), tariff: TariffId(price), which };
            let path = format!("{MATCHES}/{}/tickets", id.0);
            let call = call(&caller.0, key.0.as_deref(), "POST", &path, &body.bytes);
            let answer = |done: &Done<Fixture>| {
                let tickets = done.events.iter().map(seats_offered).sum();
                TicketCount { fixture: id.0, tickets }
            };
            let execution = self.shared.execution(&context);
            let put = |keep: Arc<Keep<_>>| {
                let offer = &offer;
                async move {
                    let attach = move |done: &Done<Fixture>| keep.attach(done);
                    self.offering.offer(offer, execution, attach).await
                }
            };
            let idempotent = &self.shared.idempotent;
            let offered = idempotent.run(call, StatusCode::CREATED, answer, put).await?;
            Ok(Made::Made(Json(offered)))
        };
        rate.on(offered.await)
    }

    /// See whose the seats of a match are
    ///
    /// One digit a seat: 0 not on sale, 1 reserved, 2 cancelled, 3 confirmed, 4 empty, 5 expired.
    /// The map follows what happens a few milliseconds behind.
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/api/match/:id/seats", method = "get", operation_id = "read_seat_map")]
    async fn map(
        &self,
        _caller: RequiredCaller,
        /// Which match.
        id: Path<Uuid>,
        /// The entity tag of a map that is at hand: if it is the same still, 304.
        #[oai(name = "If-None-Match")]
        known: Header<Option<String>>,
    ) -> Result<SeatMapAnswer, ApiError> {
        let (id, now) = (FixtureId(id.0), self.shared.clock.now());
        if let (Some(known), Some(etag)) = (&known.0, self.maps.etag(id, now))
            && if_match::names(known, &etag)
        {
            return Ok(SeatMapAnswer::unchanged(etag));
        }
        if !self.maps.is_ready() {
            return Err(ApiError::overloaded());
        }
        let answer = self.maps.answer(id, now).await?.ok_or_else(unknown_match)?;
        if known.0.is_some_and(|known| if_match::names(&known, &answer.etag)) {
            return Ok(SeatMapAnswer::unchanged(answer.etag));
        }
        Ok(SeatMapAnswer::of(answer))
    }
}

impl FixturesApi {
    async fn seen(&self, id: FixtureId) -> Result<One<FixtureSeen>, ApiError> {
        let row = self.fixtures.find(id).await?.ok_or_else(unknown_match)?;
        let etag = if_match::etag(row.sequence);
        Ok(One::One(Json(row.into()), etag))
    }

    async fn set(
        &self,
        context: Context,
        id: FixtureId,
        header: Option<&str>,
        change: FixtureChange,
    ) -> Result<One<FixtureSeen>, ApiError> {
        let row = self.fixtures.find(id).await?.ok_or_else(unknown_match)?;
        let FixtureChange { stadium, title, start_time, end_time, requires_link } = change;
        if stadium.is_some_and(|stadium| stadium != row.stadium_id) {
            return Err(invalid("stadium", "a match stays in its stadium"));
        }
        let mut judge = Judge::default();
        let title = title.map(|title| judge.title("title", &title));
        let starts_at = start_time.map(|time| judge.time("start_time", time));
        let ends_at = end_time.map(|time| judge.time("end_time", time));
        judge.span(starts_at.unwrap_or(row.starts_at), ends_at.unwrap_or(row.ends_at));
        judge.verdict()?;
        let change = Change { title, requires_link, starts_at, ends_at };
        let execution = if_match::only_at(self.shared.execution(&context), header)?;
        let nothing = |_: &Done<Fixture>| Attached::default();
        let changed = self.scheduling.change(id, change, execution, nothing).await;
        changed.map_err(|error| if_match::refused(error, header))?;
        self.seen(id).await
    }

    async fn which(&self, fixture: FixtureId, offered: Offered) -> Result<Which, ApiError> {
        let ids = match offered {
            Offered::All => return Ok(Which::All),
            Offered::Sections(sections) => return Ok(Which::Sections(sections)),
            Offered::Seats(ids) => ids,
        };
        let rows = self.seats.find(&ids).await?;
        if rows.len() < ids.len() {
            // Those that were put in just now may be on their way to the table.
            return Ok(Which::Seats(self.offering.places(fixture, &ids).await?));
        }
        Ok(Which::Seats(rows.into_iter().map(|row| (row.seat, row.place)).collect()))
    }
}
