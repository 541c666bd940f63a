//! Reserving seats over HTTP, one by its ticket or several at once, and giving a hold up.

use std::sync::Arc;

use http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;
use shared_events::{FixtureId, HoldId, RequestId, TicketId};
use uuid::Uuid;

use super::super::granting::Granting;
use super::super::holding::{Held, Holding, Wish, is_unknown_right};
use super::super::scheduling::Refused;
use super::super::seat_maps::{OnSale, SeatMaps};
use super::answers::Done;
use super::errors::{unknown_match, unknown_ticket};
use super::ticket_answers::{Cancelled, Reserved, ReservedTogether};
use super::ticket_requests::{Reservation, Seats, SeatsWanted};
use super::{Service, Tag, call};
use crate::accounts::Caller;
use crate::api::Context;
use crate::api::authentication::RequiredCaller;
use crate::api::body::Body;
use crate::api::idempotent::Keep;
use crate::api::rate_limits::Limited;
use crate::api_error::ApiError;
use crate::platform::append::Origin;

/// What the routes need.
pub struct ReservingApi {
    /// Holds seats.
    pub holding: Holding,
    /// Grants what a used link gives.
    pub granting: Granting,
    /// Finds them.
    pub maps: SeatMaps,
    /// What all routes need.
    pub shared: Service,
}

#[OpenApi(tag = "Tag::Venues")]
impl ReservingApi {
    /// Reserve a ticket
    ///
    /// It is held until `expires_at`: nobody else can have it meanwhile.
    ///
    /// Errors: `not_found`, `invalid_fields`, `ticket_unavailable`, `too_many_held`, `match_begun`,
    /// `link_required`, `link_spent`, `concurrent_change`, `unavailable`.
    #[oai(path = "/api/ticket/:id/reserve", method = "put", operation_id = "reserve_ticket")]
    async fn reserve(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which ticket.
        id: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<Option<Reservation>>,
    ) -> Result<Limited<Done<Reserved>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let reserved = async {
            let path = format!("/api/ticket/{}/reserve", id.0);
            let call = call(&caller.0, key.0.as_deref(), "PUT", &path, &body.bytes);
            let request = body.value.and_then(|body| body.request_id);
            let wish = wish(&caller.0, request);
            let ticket = self.tickets(&[TicketId(id.0)]).await?;
            let reserve = |keep: Arc<Keep<_>>| async move {
                let attach = |held: &Held| keep.attach(held);
                let attempt = |origin| self.holding.reserve(wish, ticket.clone(), origin, attach);
                self.with_right(wish, attempt, context.origin()).await
            };
            let idempotent = &self.shared.idempotent;
            let held = idempotent.run(call, StatusCode::OK, Reserved::of, reserve).await?;
            Ok(Done::Done(Json(held)))
        };
        rate.on(reserved.await)
    }

    /// Give a reserved ticket up
    ///
    /// Only one's own. It is free again.
    ///
    /// Errors: `not_found`, `ticket_not_held`, `concurrent_change`, `unavailable`.
    #[oai(path = "/api/ticket/:id/cancel", method = "put", operation_id = "cancel_ticket")]
    async fn cancel(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which ticket.
        id: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Limited<Done<Cancelled>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        rate.on(self.give_up(&caller.0, context, id.0, key.0.as_deref(), "cancel").await)
    }

    /// Give a reserved ticket up
    ///
    /// The same as `PUT /api/ticket/{id}/cancel`.
    ///
    /// Errors: `not_found`, `ticket_not_held`, `concurrent_change`, `unavailable`.
    #[oai(path = "/api/ticket/:id/canceled", method = "put", operation_id = "canceled_ticket")]
    async fn canceled(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which ticket.
        id: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Limited<Done<Cancelled>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        rate.on(self.give_up(&caller.0, context, id.0, key.0.as_deref(), "canceled").await)
    }

    /// Reserve several seats of a match as one
    ///
    /// Named ones, all of them or none; or so many of the best that are to be had, beside each
    /// other if that is asked for, so that no single seat is left over where it can be avoided. The
    /// best are those of the section that was put on sale first, in it those of the lowest rows.
    ///
    /// Errors: `not_found`, `invalid_fields`, `ticket_unavailable`, `too_many_held`, `match_begun`,
    /// `link_required`, `link_spent`, `concurrent_change`, `unavailable`.
    #[oai(path = "/api/match/:id/reserve", method = "post", operation_id = "reserve_seats")]
    async fn reserve_many(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which match.
        id: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<SeatsWanted>,
    ) -> Result<Limited<Done<ReservedTogether>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let reserved = async {
            let fixture = FixtureId(id.0);
            let path = format!("/api/match/{}/reserve", id.0);
            let call = call(&caller.0, key.0.as_deref(), "POST", &path, &body.bytes);
            let wish = wish(&caller.0, body.value.request_id);
            let seats = body.value.judge()?;
            let origin = context.origin();
            let named = match &seats {
                Seats::Named(tickets) => Some(self.tickets_of(fixture, tickets).await?),
                Seats::Best(_) => {
                    self.known(fixture).await?;
                    None
                }
            };
            let reserve = |keep: Arc<Keep<_>>| {
                let (named, seats) = (&named, &seats);
                async move {
                    let attach = |held: &Held| keep.attach(held);
                    let attempt = |origin: Origin| async move {
                        match (named, seats) {
                            (Some(named), _) => {
                                self.holding.reserve(wish, named.clone(), origin, attach).await
                            }
                            (None, Seats::Best(wanted)) => {
                                let holding = &self.holding;
                                holding.reserve_best(wish, fixture, wanted, origin, attach).await
                            }
                            (None, Seats::Named(_)) => {
                                self.holding.reserve(wish, Vec::new(), origin, attach).await
                            }
                        }
                    };
                    self.with_right(wish, attempt, origin).await
                }
            };
            let idempotent = &self.shared.idempotent;
            let held = idempotent.run(call, StatusCode::OK, ReservedTogether::of, reserve).await?;
            Ok(Done::Done(Json(held)))
        };
        rate.on(reserved.await)
    }
}

fn wish(caller: &Caller, request: Option<Uuid>) -> Wish {
    let (hold, buyer) = (HoldId(Uuid::now_v7()), caller.account);
    Wish { hold, buyer, request: request.map(RequestId) }
}

impl ReservingApi {
    async fn tickets(&self, ids: &[TicketId]) -> Result<Vec<OnSale>, ApiError> {
        if !self.maps.is_ready() {
            return Err(ApiError::overloaded());
        }
        let found = self.maps.all_on_sale(ids).await?;
        found.into_iter().collect::<Option<_>>().ok_or_else(unknown_ticket)
    }

    async fn tickets_of(
        &self,
        fixture: FixtureId,
        ids: &[TicketId],
    ) -> Result<Vec<OnSale>, ApiError> {
        self.known(fixture).await?;
        let found = self.tickets(ids).await?;
        if found.iter().any(|ticket| ticket.fixture != fixture) {
            return Err(unknown_ticket());
        }
        Ok(found)
    }

    async fn known(&self, fixture: FixtureId) -> Result<(), ApiError> {
        if !self.maps.is_ready() {
            return Err(ApiError::overloaded());
        }
        if self.maps.fixture(fixture).is_none() {
            let knows_all = self.maps.caught_up().await?;
            let unknown = || if knows_all { unknown_match() } else { ApiError::overloaded() };
            self.maps.fixture(fixture).ok_or_else(unknown)?;
        }
        Ok(())
    }

    /// The message of a link that was used may be on its way, or lost: a right that is not known is
    /// looked for in the history of the links.
    async fn with_right<R>(
        &self,
        wish: Wish,
        attempt: impl Fn(Origin) -> R,
        origin: Origin,
    ) -> Result<Held, Refused>
    where
        R: Future<Output = Result<Held, Refused>>,
    {
        let first = attempt(origin.clone()).await;
        let (Err(error), Some(request)) = (&first, wish.request) else { return first };
        let is_missing = is_unknown_right(error);
        let now = self.shared.clock.now();
        if is_missing && self.granting.catch_up(request, wish.buyer, now).await? {
            return attempt(origin).await;
        }
        first
    }

    async fn give_up(
        &self,
        caller: &Caller,
        context: Context,
        id: Uuid,
        key: Option<&str>,
        verb: &str,
    ) -> Result<Done<Cancelled>, ApiError> {
        let path = format!("/api/ticket/{id}/{verb}");
        let call = call(caller, key, "PUT", &path, &[]);
        let ticket = TicketId(id);
        let execution = self.shared.execution(&context);
        let by = caller.account;
        let give_up = |keep: Arc<Keep<_>>| async move {
            let attach = |ticket: &TicketId| keep.attach(ticket);
            self.holding.cancel(ticket, by, execution, attach).await
        };
        let answer = |_: &TicketId| Cancelled::new();
        let given = self.shared.idempotent.run(call, StatusCode::OK, answer, give_up).await;
        match given {
            Ok(given) => Ok(Done::Done(Json(given))),
            // A ticket that was never on sale is not there; any other is not held.
            Err(error) => match self.tickets(&[ticket]).await {
                Ok(_) => Err(error.into()),
                Err(unknown) => Err(unknown),
            },
        }
    }
}
