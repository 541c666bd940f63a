//! Tickets over HTTP: looking for them, and changing single ones.

use std::sync::Arc;

use http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use shared_events::{FixtureId, SeatId, TariffId, TicketId};
use uuid::Uuid;

use super::super::fixture::Fixture;
use super::super::offering::{Offer, Offering, Which};
use super::super::place_key::PlaceKey;
use super::super::seat::Seat;
use super::super::seat_maps::{OnSale, SeatMaps};
use super::super::stadium_seats::StadiumSeats;
use super::super::ticket_status::TicketStatus;
use super::super::tickets::{Filter, TicketRow, Tickets};
use super::answers::{Gone, Made, Many, One};
use super::errors::{invalid, unknown_seat, unknown_ticket};
use super::ticket_answers::TicketSeen;
use super::ticket_requests::{NewTicket, TicketChange};
use super::{Service, Tag, call};
use crate::api::Context;
use crate::api::authentication::{AdministratorCaller, RequiredCaller};
use crate::api::body::Body;
use crate::api::idempotent::Keep;
use crate::api::if_match;
use crate::api::money::Money;
use crate::api::paging::Page;
use crate::api::rate_limits::Limited;
use crate::api_error::{ApiError, Code};
use crate::platform::commands::{Done, Execution};

const TICKETS: &str = "/api/ticket";

/// What the routes need.
pub struct TicketsApi {
    /// Puts seats on sale.
    pub offering: Offering,
    /// Reads tickets.
    pub tickets: Tickets,
    /// Reads seats of stadiums.
    pub places: StadiumSeats,
    /// Finds tickets.
    pub maps: SeatMaps,
    /// What all routes need.
    pub shared: Service,
}

#[OpenApi(tag = "Tag::Venues")]
impl TicketsApi {
    /// Put one seat on sale
    ///
    /// For administrators. Doing it again changes nothing.
    ///
    /// Errors: `not_found`, `invalid_fields`, `forbidden`, `ticket_exists`, `match_begun`,
    /// `concurrent_change`, `unavailable`.
    #[oai(path = "/api/ticket", method = "post", operation_id = "create_single_ticket")]
    async fn create(
        &self,
        caller: AdministratorCaller,
        context: Context,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<NewTicket>,
    ) -> Result<Limited<Made<TicketSeen>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let made = async {
            let NewTicket { fixture, seat, price } = body.value;
            let (fixture, seat, tariff) = (FixtureId(fixture), SeatId(seat), TariffId(price));
            let place = match self.places.find(&[seat]).await?.pop() {
                Some(row) => row.place,
                None => {
                    let mut places = self.offering.places(fixture, &[seat]).await?;
                    places.pop().ok_or_else(unknown_seat)?.1
                }
            };
            let which = Which::Seats(vec![(seat, place.clone())]);
            let offer = Offer { fixture, tariff, which };
            let terms =
                |done: &Done<Fixture>| done.state.sale().and_then(|sale| sale.terms(&place));
            let answer = |done: &Done<Fixture>| {
                let terms = terms(done);
                let price_minor = terms.map_or(0, |terms| terms.price.price_minor);
                let tariff = terms.map_or(tariff, |terms| terms.tariff);
                TicketSeen::from(TicketRow {
                    ticket: TicketId::of(fixture, seat),
                    fixture,
                    seat,
                    place: place.clone(),
                    tariff,
                    price_minor,
                    status: TicketStatus::Empty,
                })
            };
            let call = call(&caller.0, key.0.as_deref(), "POST", TICKETS, &body.bytes);
            let execution = self.shared.execution(&context);
            let put = |keep: Arc<Keep<_>>| {
                let offer = &offer;
                async move {
                    let attach = move |done: &Done<Fixture>| keep.attach(done);
                    self.offering.offer(offer, execution, attach).await
                }
            };
            let idempotent = &self.shared.idempotent;
            let made = idempotent.run(call, StatusCode::CREATED, answer, put).await?;
            if made.price != tariff.0 {
                return Err(ApiError::new(Code::TicketExists, "The seat is on sale already"));
            }
            Ok(Made::Made(Json(made)))
        };
        rate.on(made.await)
    }

    /// Look for tickets
    ///
    /// By match, section, row and number. A hold whose time is over is none.
    ///
    /// Errors: `invalid_cursor`, `unavailable`.
    #[oai(path = "/api/ticket", method = "get", operation_id = "find_tickets")]
    async fn find_many(
        &self,
        _caller: RequiredCaller,
        /// Only tickets of this match.
        #[oai(name = "match")]
        fixture: Query<Option<Uuid>>,
        /// Only tickets of this section.
        section: Query<Option<String>>,
        /// Only tickets in this state: 1 reserved, 2 cancelled, 3 confirmed, 4 empty, 5 expired.
        #[oai(validator(minimum(value = "1"), maximum(value = "5")))]
        status: Query<Option<u8>>,
        /// Tickets of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<Many<TicketSeen>, ApiError> {
        if section.0.as_ref().is_some_and(|text| text.contains('\0')) {
            let detail = "section holds a NUL character, which no name has";
            return Err(ApiError::new(Code::MalformedParameter, detail));
        }
        let (fixture_text, status_text) =
            (fixture.0.map(|id| id.to_string()), status.0.map(|number| number.to_string()));
        let filters = [
            ("match", fixture_text.as_deref()),
            ("section", section.0.as_deref()),
            ("status", status_text.as_deref()),
        ];
        let page = Page::read(TICKETS, limit.0, after.0.as_deref(), &filters)?;
        let after = page.after.as_deref().map(|key| PlaceKey::parse(key).ok_or_else(Page::invalid));
        let after = after.transpose()?;
        let filter = Filter {
            fixture: fixture.0.map(FixtureId),
            section: section.0.clone(),
            status: status.0.and_then(TicketStatus::of),
        };
        let now = self.shared.clock.now();
        let mut rows = self.tickets.list(&filter, after.as_ref(), page.fetch(), now).await?;
        let key = |row: &TicketRow| {
            PlaceKey { of: row.fixture.0, place: row.place.clone(), id: row.ticket.0 }.to_string()
        };
        let next = page.cut(&mut rows, key);
        Ok(Many::Page(Json(rows.into_iter().map(TicketSeen::from).collect()), next))
    }

    /// Read a ticket
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/api/ticket/:id", method = "get", operation_id = "read_single_ticket")]
    async fn find(
        &self,
        _caller: RequiredCaller,
        /// Which ticket.
        id: Path<Uuid>,
    ) -> Result<One<TicketSeen>, ApiError> {
        self.seen(TicketId(id.0)).await
    }

    /// Sell a ticket at another price
    ///
    /// For administrators. Only while nobody holds or has it.
    ///
    /// Errors: `not_found`, `invalid_fields`, `forbidden`, `ticket_unavailable`, `match_begun`,
    /// `concurrent_change`, `precondition_failed`, `unavailable`.
    #[oai(path = "/api/ticket/:id", method = "put", operation_id = "put_single_ticket")]
    async fn replace(
        &self,
        caller: AdministratorCaller,
        context: Context,
        /// Which ticket.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<NewTicket>,
    ) -> Result<Limited<One<TicketSeen>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let (id, change) = (TicketId(id.0), body.value.into());
        rate.on(self.reprice(context, id, if_match.0.as_deref(), change).await)
    }

    /// Sell a ticket at another price
    ///
    /// For administrators. Only while nobody holds or has it.
    ///
    /// Errors: `not_found`, `invalid_fields`, `forbidden`, `ticket_unavailable`, `match_begun`,
    /// `concurrent_change`, `precondition_failed`, `unavailable`.
    #[oai(path = "/api/ticket/:id", method = "patch", operation_id = "patch_single_ticket")]
    async fn change(
        &self,
        caller: AdministratorCaller,
        context: Context,
        /// Which ticket.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<TicketChange>,
    ) -> Result<Limited<One<TicketSeen>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let id = TicketId(id.0);
        rate.on(self.reprice(context, id, if_match.0.as_deref(), body.value).await)
    }

    /// Take a ticket off sale
    ///
    /// For administrators. Only while nobody holds or has it.
    ///
    /// Errors: `not_found`, `forbidden`, `ticket_unavailable`, `concurrent_change`,
    /// `precondition_failed`, `unavailable`.
    #[oai(path = "/api/ticket/:id", method = "delete", operation_id = "delete_single_ticket")]
    async fn withdraw(
        &self,
        caller: AdministratorCaller,
        context: Context,
        /// Which ticket.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Limited<Gone>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let header = if_match.0.as_deref();
        let withdrawn = async {
            let ticket = self.on_sale(TicketId(id.0)).await?;
            let execution = if_match::only_at(self.shared.execution(&context), header)?;
            let expected = execution.expected;
            let execution = Execution { expected: None, ..execution };
            let withdrawn = self.offering.withdraw(&ticket, expected, execution).await;
            withdrawn.map_err(|error| if_match::refused(error, header))?;
            Ok(Gone::Done)
        };
        rate.on(withdrawn.await)
    }
}

impl TicketsApi {
    async fn on_sale(&self, id: TicketId) -> Result<OnSale, ApiError> {
        if !self.maps.is_ready() {
            return Err(ApiError::overloaded());
        }
        self.maps.on_sale(id).await?.ok_or_else(unknown_ticket)
    }

    async fn reprice(
        &self,
        context: Context,
        id: TicketId,
        header: Option<&str>,
        change: TicketChange,
    ) -> Result<One<TicketSeen>, ApiError> {
        let ticket = self.on_sale(id).await?;
        if change.fixture.is_some_and(|fixture| fixture != ticket.fixture.0) {
            return Err(invalid("match", "a ticket stays with its match"));
        }
        if change.seat.is_some_and(|seat| seat != ticket.seat.0) {
            return Err(invalid("seat", "a ticket stays with its seat"));
        }
        let execution = if_match::only_at(self.shared.execution(&context), header)?;
        let expected = execution.expected;
        let execution = Execution { expected: None, ..execution };
        if let Some(price) = change.price {
            let tariff = TariffId(price);
            let repriced = self.offering.reprice(&ticket, tariff, expected, execution).await;
            repriced.map_err(|error| if_match::refused(error, header))?;
        }
        self.seen(id).await
    }

    /// As current as the last events of match and seat.
    async fn seen(&self, id: TicketId) -> Result<One<TicketSeen>, ApiError> {
        let now = self.shared.clock.now();
        let Some(ticket) = self.maps.on_sale(id).await? else {
            // Of a match that is long over, or taken off sale.
            let row = self.tickets.find(id, now).await?;
            // In memory is what is on sale: the table may lag behind that.
            let row = row.filter(|row| {
                row.status != TicketStatus::Cancelled && self.maps.fixture(row.fixture).is_none()
            });
            let row = row.ok_or_else(unknown_ticket)?;
            return Ok(One::One(Json(row.into()), if_match::etag(0)));
        };
        let (seat, fixture) = self.offering.ticket(&ticket).await?.ok_or_else(unknown_ticket)?;
        let terms = fixture.state.sale().and_then(|sale| sale.terms(&ticket.place));
        let terms = terms.ok_or_else(unknown_ticket)?;
        let begun = fixture.state.details().is_some_and(|details| now >= details.starts_at);
        let status = match seat.state {
            Seat::Sold { .. } => TicketStatus::Confirmed,
            Seat::Held { until, .. } if now < until => TicketStatus::Reserved,
            Seat::Free | Seat::Held { .. } if fixture.state.is_cancelled() => {
                TicketStatus::Cancelled
            }
            Seat::Free | Seat::Held { .. } if begun => TicketStatus::Expired,
            Seat::Free | Seat::Held { .. } => TicketStatus::Empty,
        };
        let mut seen = TicketSeen::from(TicketRow {
            ticket: id,
            fixture: ticket.fixture,
            seat: ticket.seat,
            place: ticket.place,
            tariff: terms.tariff,
            price_minor: terms.price.price_minor,
            status,
        });
        if let Seat::Held { price, .. } = seat.state
            && status == TicketStatus::Reserved
        {
            seen.unit_price = Money::minor(price.price_minor);
        }
        Ok(One::One(Json(seen), if_match::etag(seat.sequence + fixture.sequence)))
    }
}
