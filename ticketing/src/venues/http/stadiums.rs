//! Stadiums and their seats over HTTP. The seats' own routes stand in `seats.rs`.

use std::sync::Arc;

use http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use shared_events::{SeatId, StadiumId};
use uuid::Uuid;

use super::super::place_key::PlaceKey;
use super::super::stadium::{
    CloseStadium, DefineStadium, DescribeStadium, PlanSeats, Stadium, StadiumCommand,
};
use super::super::stadium_seats::StadiumSeats;
use super::super::stadiums::{StadiumRow, Stadiums};
use super::answers::{Gone, Made, Many, One, SeatCount, SeatSeen, StadiumSeen};
use super::errors::unknown_stadium;
use super::requests::{Judge, NewSeat, NewStadium, SeatChange, SeatPlan, StadiumChange};
use super::{Service, Tag, call};
use crate::api::Context;
use crate::api::authentication::{AdministratorCaller, RequiredCaller};
use crate::api::body::Body;
use crate::api::idempotent::Keep;
use crate::api::if_match;
use crate::api::paging::Page;
use crate::api::rate_limits::Limited;
use crate::api_error::ApiError;
use crate::platform::commands::{Commands, Done};

const STADIUMS: &str = "/api/stadium";
const SEATS: &str = "/api/seat";

/// What the routes need.
pub struct StadiumsApi {
    /// Commands on stadiums.
    pub commands: Commands<Stadium>,
    /// Reads stadiums.
    pub stadiums: Stadiums,
    /// Reads their seats.
    pub seats: StadiumSeats,
    /// What all routes need.
    pub shared: Service,
}

#[OpenApi(tag = "Tag::Venues")]
impl StadiumsApi {
    /// Define a stadium
    ///
    /// For administrators.
    ///
    /// Errors: `invalid_fields`, `forbidden`, `unavailable`.
    #[oai(path = "/api/stadium", method = "post", operation_id = "create_stadium")]
    async fn create(
        &self,
        caller: AdministratorCaller,
        context: Context,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<NewStadium>,
    ) -> Result<Limited<Made<StadiumSeen>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let mut judge = Judge::default();
        let NewStadium { name, description } = body.value;
        let name = name.map(|name| judge.title("name", &name)).unwrap_or_default();
        let description = judge.description(&description);
        let made = async {
            judge.verdict()?;
            let id = Uuid::now_v7();
            let seen = StadiumRow {
                stadium_id: id,
                name: name.clone(),
                description: description.clone(),
                ..StadiumRow::default()
            };
            let answer = |_: &Done<Stadium>| StadiumSeen::from(seen.clone());
            let call = call(&caller.0, key.0.as_deref(), "POST", STADIUMS, &body.bytes);
            let execution = self.shared.execution(&context);
            let define = StadiumCommand::Define(DefineStadium { name, description });
            let create = |keep: Arc<Keep<_>>| {
                self.commands.create(id, define, execution, move |done| keep.attach(done))
            };
            let idempotent = &self.shared.idempotent;
            let made = idempotent.run(call, StatusCode::CREATED, answer, create).await?;
            Ok(Made::Made(Json(made)))
        };
        rate.on(made.await)
    }

    /// List stadiums
    ///
    /// Oldest first.
    ///
    /// Errors: `invalid_cursor`, `unavailable`.
    #[oai(path = "/api/stadium", method = "get", operation_id = "list_stadiums")]
    async fn find_many(
        &self,
        _caller: RequiredCaller,
        /// Stadiums of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<Many<StadiumSeen>, ApiError> {
        let page = Page::read(STADIUMS, limit.0, after.0.as_deref(), &[])?;
        self.shared.caught_up.wait().await?;
        let mut rows = self.stadiums.list(page.after_number()?, page.fetch()).await?;
        let next = page.cut(&mut rows, |row| row.first_position.to_string());
        Ok(Many::Page(Json(rows.into_iter().map(StadiumSeen::from).collect()), next))
    }

    /// Read a stadium
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/api/stadium/:id", method = "get", operation_id = "read_stadium")]
    async fn find(
        &self,
        _caller: RequiredCaller,
        /// Which stadium.
        id: Path<Uuid>,
    ) -> Result<One<StadiumSeen>, ApiError> {
        self.seen(id.0).await
    }

    /// Describe a stadium
    ///
    /// For administrators. What is left out is empty.
    ///
    /// Errors: `not_found`, `invalid_fields`, `forbidden`, `concurrent_change`,
    /// `precondition_failed`, `unavailable`.
    #[oai(path = "/api/stadium/:id", method = "put", operation_id = "put_stadium")]
    async fn replace(
        &self,
        caller: AdministratorCaller,
        context: Context,
        /// Which stadium.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<NewStadium>,
    ) -> Result<Limited<One<StadiumSeen>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let change = body.value.into();
        rate.on(self.describe(context, id.0, if_match.0.as_deref(), change).await)
    }

    /// Describe a stadium
    ///
    /// For administrators. What is left out stays.
    ///
    /// Errors: `not_found`, `invalid_fields`, `forbidden`, `concurrent_change`,
    /// `precondition_failed`, `unavailable`.
    #[oai(path = "/api/stadium/:id", method = "patch", operation_id = "patch_stadium")]
    async fn change(
        &self,
        caller: AdministratorCaller,
        context: Context,
        /// Which stadium.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<StadiumChange>,
    ) -> Result<Limited<One<StadiumSeen>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        rate.on(self.describe(context, id.0, if_match.0.as_deref(), body.value).await)
    }

    /// Close a stadium
    ///
    /// For administrators. Only when no match will take place there any more.
    ///
    /// Errors: `not_found`, `forbidden`, `stadium_in_use`, `concurrent_change`,
    /// `precondition_failed`, `unavailable`.
    #[oai(path = "/api/stadium/:id", method = "delete", operation_id = "delete_stadium")]
    async fn close(
        &self,
        caller: AdministratorCaller,
        context: Context,
        /// Which stadium.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Limited<Gone>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let now = self.shared.clock.now();
        let close = StadiumCommand::Close(CloseStadium { now });
        let closed = self.execute(&context, id.0, if_match.0.as_deref(), close).await;
        rate.on(closed.map(|_| Gone::Done))
    }

    /// Put a whole plan of seats into a stadium
    ///
    /// For administrators. Sections that are there just so stay, so repeating a plan changes
    /// nothing.
    ///
    /// Errors: `not_found`, `invalid_fields`, `forbidden`, `seat_exists`, `too_many_seats`,
    /// `concurrent_change`, `unavailable`.
    #[oai(path = "/api/stadium/:id/seats", method = "post", operation_id = "plan_seats")]
    async fn plan(
        &self,
        caller: AdministratorCaller,
        context: Context,
        /// Which stadium.
        id: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<SeatPlan>,
    ) -> Result<Limited<Made<SeatCount>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let planned = async {
            let mut judge = Judge::default();
            let Body { value, bytes } = body;
            let sections = judge.plan(value);
            judge.verdict()?;
            let path = format!("{STADIUMS}/{}/seats", id.0);
            let call = call(&caller.0, key.0.as_deref(), "POST", &path, &bytes);
            let answer = |done: &Done<Stadium>| {
                let seats = done.state.seating().map_or(0, |seating| seating.seats());
                SeatCount { stadium: id.0, seats }
            };
            let execution = self.shared.execution(&context);
            let plan = StadiumCommand::PlanSeats(PlanSeats { sections });
            let put = |keep: Arc<Keep<_>>| {
                self.commands.execute(id.0, plan, execution, move |done| keep.attach(done))
            };
            let idempotent = &self.shared.idempotent;
            let planned = idempotent.run(call, StatusCode::CREATED, answer, put).await?;
            Ok(Made::Made(Json(planned)))
        };
        rate.on(planned.await)
    }

    /// Put a seat into a stadium
    ///
    /// For administrators.
    ///
    /// Errors: `not_found`, `invalid_fields`, `forbidden`, `seat_exists`, `too_many_seats`,
    /// `concurrent_change`, `unavailable`.
    #[oai(path = "/api/seat", method = "post", operation_id = "create_seat")]
    async fn create_seat(
        &self,
        caller: AdministratorCaller,
        context: Context,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<NewSeat>,
    ) -> Result<Limited<Made<SeatSeen>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let stadium = StadiumId(body.value.stadium);
        let call = call(&caller.0, key.0.as_deref(), "POST", SEATS, &body.bytes);
        rate.on(self.add_seat(context, call, stadium, body.value.into()).await)
    }

    /// List seats
    ///
    /// By stadium, section, row and number.
    ///
    /// Errors: `invalid_cursor`, `unavailable`.
    #[oai(path = "/api/seat", method = "get", operation_id = "list_seats")]
    async fn find_seats(
        &self,
        _caller: RequiredCaller,
        /// Only seats of this stadium.
        stadium: Query<Option<Uuid>>,
        /// Seats of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<Many<SeatSeen>, ApiError> {
        let stadium_text = stadium.0.map(|stadium| stadium.to_string());
        let filters = [("stadium", stadium_text.as_deref())];
        let page = Page::read(SEATS, limit.0, after.0.as_deref(), &filters)?;
        let after = page.after.as_deref().map(|key| PlaceKey::parse(key).ok_or_else(Page::invalid));
        let after = after.transpose()?;
        self.shared.caught_up.wait().await?;
        let stadium = stadium.0.map(StadiumId);
        let mut rows = self.seats.list(stadium, after.as_ref(), page.fetch()).await?;
        let key = |row: &super::super::stadium_seats::SeatRow| {
            PlaceKey { of: row.stadium.0, place: row.place.clone(), id: row.seat.0 }.to_string()
        };
        let next = page.cut(&mut rows, key);
        Ok(Many::Page(Json(rows.into_iter().map(SeatSeen::from).collect()), next))
    }

    /// Read a seat
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/api/seat/:id", method = "get", operation_id = "read_seat")]
    async fn find_seat(
        &self,
        _caller: RequiredCaller,
        /// Which seat.
        id: Path<Uuid>,
    ) -> Result<One<SeatSeen>, ApiError> {
        self.seat_seen(SeatId(id.0)).await
    }

    /// Move a seat
    ///
    /// For administrators. What is on sale stays as it was. What is left out is empty.
    ///
    /// Errors: `not_found`, `invalid_fields`, `forbidden`, `seat_exists`, `too_many_seats`,
    /// `concurrent_change`, `precondition_failed`, `unavailable`.
    #[oai(path = "/api/seat/:id", method = "put", operation_id = "put_seat")]
    async fn replace_seat(
        &self,
        caller: AdministratorCaller,
        context: Context,
        /// Which seat.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<NewSeat>,
    ) -> Result<Limited<One<SeatSeen>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let change = body.value.into();
        let (id, header) = (SeatId(id.0), if_match.0.as_deref());
        rate.on(self.move_seat(context, id, header, change, true).await)
    }

    /// Move a seat
    ///
    /// For administrators. What is on sale stays as it was. What is left out stays.
    ///
    /// Errors: `not_found`, `invalid_fields`, `forbidden`, `seat_exists`, `too_many_seats`,
    /// `concurrent_change`, `precondition_failed`, `unavailable`.
    #[oai(path = "/api/seat/:id", method = "patch", operation_id = "patch_seat")]
    async fn change_seat(
        &self,
        caller: AdministratorCaller,
        context: Context,
        /// Which seat.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<SeatChange>,
    ) -> Result<Limited<One<SeatSeen>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let (id, header) = (SeatId(id.0), if_match.0.as_deref());
        rate.on(self.move_seat(context, id, header, body.value, false).await)
    }

    /// Take a seat out of its stadium
    ///
    /// For administrators. What is on sale stays as it was.
    ///
    /// Errors: `not_found`, `forbidden`, `concurrent_change`, `precondition_failed`, `unavailable`.
    #[oai(path = "/api/seat/:id", method = "delete", operation_id = "delete_seat")]
    async fn remove_seat(
        &self,
        caller: AdministratorCaller,
        context: Context,
        /// Which seat.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Limited<Gone>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let header = if_match.0.as_deref();
        rate.on(self.take_seat_out(context, SeatId(id.0), header).await)
    }
}

impl StadiumsApi {
    async fn seen(&self, id: Uuid) -> Result<One<StadiumSeen>, ApiError> {
        let row = self.stadiums.find(StadiumId(id)).await?.ok_or_else(unknown_stadium)?;
        let etag = if_match::etag(row.sequence);
        Ok(One::One(Json(row.into()), etag))
    }

    async fn describe(
        &self,
        context: Context,
        id: Uuid,
        header: Option<&str>,
        change: StadiumChange,
    ) -> Result<One<StadiumSeen>, ApiError> {
        let mut judge = Judge::default();
        let name = change.name.as_ref().map(|name| judge.title("name", name));
        let description = change.description.as_ref().map(|text| judge.description(text));
        judge.verdict()?;
        let describe = StadiumCommand::Describe(DescribeStadium { name, description });
        self.execute(&context, id, header, describe).await?;
        self.seen(id).await
    }

    /// Carries out a command on a stadium, if it is as the caller has seen it.
    pub(super) async fn execute(
        &self,
        context: &Context,
        id: Uuid,
        header: Option<&str>,
        command: StadiumCommand,
    ) -> Result<Done<Stadium>, ApiError> {
        self.shared.execute(&self.commands, context, id, header, command).await
    }
}
