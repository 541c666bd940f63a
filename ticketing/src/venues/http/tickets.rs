//! Tickets over HTTP: looking for them, and changing single ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use shared_events::{FixtureId, Place, Price, SeatId, TariffId, TicketId};
use uuid::Uuid;

use super::super::error::VenuesError;
use super::super::fixture::{Fixture, Terms};
use super::super::offering::{Offer, Offering, Which};
use super::super::place_key::PlaceKey;
use super::super::scheduling::Refused;
use super::super::seat::{Seat, SeatError};
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
use crate::api::idempotent::{Call, CallError, Keep};
use crate::api::if_match;
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
    /// For administrators. Doing it again changes nothing: it is answered as it is then.
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
        let call = call(&caller.0, key.0.as_deref(), "POST", TICKETS, &body.bytes);
        rate.on(self.put_on_sale(context, call, body.value).await)
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
    /// Also one that is not on sale any more.
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
    /// Errors: `not_found`, `forbidden`, `ticket_unavailable`, `match_begun`, `concurrent_change`,
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
            withdrawn.map_err(|error| not_changed(error, header))?;
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
            repriced.map_err(|error| not_changed(error, header))?;
        }
        self.seen(id).await
    }

    async fn put_on_sale(
        &self,
        context: Context,
        call: Call<'_>,
        NewTicket { fixture, seat, price }: NewTicket,
    ) -> Result<Made<TicketSeen>, ApiError> {
        let (fixture, seat, tariff) = (FixtureId(fixture), SeatId(seat), TariffId(price));
        let place = match self.places.find(&[seat]).await?.pop() {
            Some(row) => row.place,
            None => {
                let mut places = self.offering.places(fixture, &[seat]).await?;
                places.pop().ok_or_else(unknown_seat)?.1
            }
        };
        let offer = Offer { fixture, tariff, which: Which::Seats(vec![(seat, place.clone())]) };
        // What is on sale at the place now, which may be another seat's, or cost something else.
        let answer = |done: &Done<Fixture>| {
            let (seat, terms) = on_sale(&done.state, &place).unwrap_or((seat, None));
            let price_minor = terms.map_or(0, |terms| terms.price.price_minor);
            TicketSeen::from(TicketRow {
                ticket: TicketId::of(fixture, seat),
                fixture,
                seat,
                place: place.clone(),
                tariff: terms.map_or(tariff, |terms| terms.tariff),
                price_minor,
                status: TicketStatus::Empty,
            })
        };
        let execution = self.shared.execution(&context);
        let was_there = AtomicBool::new(false);
        let put = |keep: Arc<Keep<_>>| {
            let (offer, was_there) = (&offer, &was_there);
            async move {
                let attach = move |done: &Done<Fixture>| keep.attach(done);
                let done = self.offering.offer(offer, execution, attach).await?;
                was_there.store(done.events.is_empty(), Ordering::Relaxed);
                Ok(done)
            }
        };
        let idempotent = &self.shared.idempotent;
        let made: TicketSeen = idempotent.run(call, StatusCode::CREATED, answer, put).await?;
        if made.seat != seat.0 {
            let detail = "The place of the seat is on sale already, as another seat's";
            return Err(ApiError::new(Code::TicketExists, detail));
        }
        if made.price != tariff.0 {
            return Err(ApiError::new(Code::TicketExists, "The seat is on sale already"));
        }
        if was_there.into_inner() {
            let One::One(Json(seen), _) = self.seen(TicketId(made.id)).await?;
            return Ok(Made::Made(Json(seen)));
        }
        Ok(Made::Made(Json(made)))
    }

    /// A ticket that is in memory no more, or not on sale any more, as the table has it, which
    /// follows shortly after.
    async fn listed(&self, id: TicketId) -> Result<OnSale, ApiError> {
        let now = self.shared.clock.now();
        let find = || self.tickets.find(id, now);
        let row = self.shared.caught_up.find(find).await?.ok_or_else(unknown_ticket)?;
        let TicketRow { ticket, fixture, seat, place, tariff, price_minor, .. } = row;
        let price = Price { price_minor, currency: self.shared.currency };
        Ok(OnSale { ticket, fixture, seat, place, terms: Terms { tariff, price }, seen: None })
    }

    /// As current as the last events of match and seat.
    async fn seen(&self, id: TicketId) -> Result<One<TicketSeen>, ApiError> {
        let now = self.shared.clock.now();
        let ticket = match self.maps.on_sale(id).await? {
            Some(ticket) => ticket,
            None => self.listed(id).await?,
        };
        let found = self.offering.ticket(&ticket).await?;
        let (seat_now, fixture_now) = found.ok_or_else(unknown_ticket)?;
        let OnSale { fixture, seat, place, terms: known, .. } = ticket;
        let of_seat = on_sale(&fixture_now.state, &place).filter(|(on_sale, _)| *on_sale == seat);
        let terms = of_seat.and_then(|(_, terms)| terms);
        let Terms { tariff, mut price } = terms.unwrap_or(known);
        let begun = fixture_now.state.details().is_some_and(|details| now >= details.starts_at);
        let status = match seat_now.state {
            Seat::Sold { .. } => TicketStatus::Confirmed,
            _ if terms.is_none() => TicketStatus::Cancelled,
            Seat::Held { until, price: held, .. } if now < until => {
                price = held;
                TicketStatus::Reserved
            }
            _ if fixture_now.state.is_cancelled() => TicketStatus::Cancelled,
            _ if begun => TicketStatus::Expired,
            _ => TicketStatus::Empty,
        };
        let price_minor = price.price_minor;
        let row = TicketRow { ticket: id, fixture, seat, place, tariff, price_minor, status };
        let etag = if_match::etag(seat_now.sequence + fixture_now.sequence);
        Ok(One::One(Json(row.into()), etag))
    }
}

/// Which seat is on sale at a place of a match's stadium, and for how much; without terms if it is
/// not on sale any more.
fn on_sale(fixture: &Fixture, place: &Place) -> Option<(SeatId, Option<Terms>)> {
    let (details, sale) = (fixture.details()?, fixture.sale()?);
    Some((sale.seat(details.stadium, place), sale.terms(place)))
}

/// What a ticket that stays as it is is answered with.
fn not_changed(error: Refused, header: Option<&str>) -> ApiError {
    match if_match::refused(error, header) {
        CallError::Refused(VenuesError::Seat(SeatError::Taken)) => {
            ApiError::new(Code::TicketUnavailable, "Somebody holds or has the ticket")
        }
        error => error.into(),
    }
}
