//! Orders over HTTP: placing one, reading one's own, giving one up.

use std::sync::Arc;

use http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use shared_events::{ListingId, OrderId};
use uuid::Uuid;

use super::super::buying::{Buying, Placed, Wish};
use super::super::order::Order;
use super::super::orders::{Filter, Found, Orders, status};
use super::Tag;
use super::answers::{Gone, OrderAnswer, OrderMade, OrderPage, OrderSeen, OrderedTicket};
use super::errors::unknown_order;
use super::limits::MarketLimits;
use super::requests::NewOrder;
use crate::accounts::Caller;
use crate::api::Context;
use crate::api::authentication::RequiredCaller;
use crate::api::body::Body;
use crate::api::idempotent::{Call, Idempotent, Keep};
use crate::api::if_match;
use crate::api::money::Money;
use crate::api::paging::Page;
use crate::api::rate_limits::Limited;
use crate::api::timestamp::Timestamp;
use crate::api_error::ApiError;
use crate::platform::append::Attached;
use crate::platform::caught_up::CaughtUp;
use crate::platform::clock::Clock;
use crate::platform::commands::{Done, Execution};

use super::super::listings::Listings;

const ORDERS: &str = "/api/orders";

/// What the routes need.
pub struct OrdersApi {
    /// Places and ends orders.
    pub buying: Buying,
    /// Reads orders.
    pub orders: Orders,
    /// Reads what is ordered.
    pub listings: Listings,
    /// Waits for orders to be listed.
    pub caught_up: CaughtUp,
    /// Repeats of the same call.
    pub idempotent: Idempotent,
    /// Who may how often.
    pub limits: MarketLimits,
    /// The time.
    pub clock: Clock,
}

#[OpenApi(tag = "Tag::Market")]
impl OrdersApi {
    /// Order a ticket
    ///
    /// The ticket is held until `expiresAt`: nobody else can buy it meanwhile, nor can its price
    /// change.
    ///
    /// Errors: `invalid_fields`, `not_found`, `own_ticket`, `ticket_reserved`, `concurrent_change`,
    /// `unavailable`.
    #[oai(path = "/api/orders", method = "post", operation_id = "create_order")]
    async fn create(
        &self,
        caller: RequiredCaller,
        context: Context,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<NewOrder>,
    ) -> Result<Limited<OrderMade>, ApiError> {
        let rate = self.limits.change(caller.0.account)?;
        rate.on(self.place(caller.0, context, key.0, body).await)
    }

    /// List your orders
    ///
    /// Oldest first.
    ///
    /// Errors: `invalid_cursor`, `unavailable`.
    #[oai(path = "/api/orders", method = "get", operation_id = "list_orders")]
    async fn find_many(
        &self,
        caller: RequiredCaller,
        /// Orders of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<OrderPage, ApiError> {
        let page = Page::read(ORDERS, limit.0, after.0.as_deref(), &[])?;
        let after = page.after_uuid()?;
        self.caught_up.wait().await?;
        let now = self.clock.now();
        let filter = Filter { buyer: Some(caller.0.account), status: None };
        let mut found = self.orders.list(&filter, after, page.fetch(), now).await?;
        let next = page.cut(&mut found, |found| found.row.order_id.to_string());
        let found = found.into_iter().map(|found| OrderSeen::at(found, now)).collect();
        Ok(OrderPage::Page(Json(found), next))
    }

    /// Read your order
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/api/orders/:id", method = "get", operation_id = "read_order")]
    async fn find(
        &self,
        caller: RequiredCaller,
        /// Which order.
        id: Path<Uuid>,
    ) -> Result<OrderAnswer, ApiError> {
        self.seen(OrderId(id.0), &caller.0).await
    }

    /// Cancel your order
    ///
    /// Its ticket is free again. An order that is paid is not cancelled but refunded, by its
    /// seller.
    ///
    /// Errors: `not_found`, `order_ended`, `order_paid`, `payment_in_progress`,
    /// `concurrent_change`, `precondition_failed`, `unavailable`.
    #[oai(path = "/api/orders/:id", method = "patch", operation_id = "cancel_order")]
    async fn cancel(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which order.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Limited<OrderAnswer>, ApiError> {
        let rate = self.limits.change(caller.0.account)?;
        let id = OrderId(id.0);
        let cancelled = async {
            self.give_up(&caller.0, &context, id, if_match.0.as_deref()).await?;
            self.seen(id, &caller.0).await
        };
        rate.on(cancelled.await)
    }

    /// Cancel your order
    ///
    /// The same as with PATCH, without an answer.
    ///
    /// Errors: `not_found`, `order_ended`, `order_paid`, `payment_in_progress`,
    /// `concurrent_change`, `precondition_failed`, `unavailable`.
    #[oai(path = "/api/orders/:id", method = "delete", operation_id = "delete_order")]
    async fn delete(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which order.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Limited<Gone>, ApiError> {
        let rate = self.limits.change(caller.0.account)?;
        let expected = if_match.0.as_deref();
        let given_up = self.give_up(&caller.0, &context, OrderId(id.0), expected).await;
        rate.on(given_up.map(|()| Gone::Done))
    }
}

impl OrdersApi {
    async fn place(
        &self,
        caller: Caller,
        context: Context,
        key: Option<String>,
        body: Body<NewOrder>,
    ) -> Result<OrderMade, ApiError> {
        let listing = ListingId(body.value.ticket_id);
        let wish = Wish { order: OrderId(Uuid::now_v7()), buyer: caller.account, listing };
        let call = Call {
            key: key.as_deref(),
            caller: Some(caller.account),
            method: "POST",
            path: ORDERS,
            body: &body.bytes,
        };
        // Shown only: the price that counts is the one the order is placed with.
        let title = self.listings.find(listing).await?.map(|found| found.title);
        let answer = |placed: &Placed| OrderSeen {
            id: placed.order.0,
            status: status::CREATED.to_owned(),
            user_id: placed.terms.buyer.0,
            expires_at: Timestamp(placed.terms.expires_at),
            ticket: OrderedTicket {
                id: placed.terms.listing.0,
                title: title.clone().unwrap_or_default(),
                price: Money::minor(placed.terms.price.price_minor),
            },
            payment_id: None,
            reason: None,
        };
        let execution = Execution::new(context.origin(), self.clock.now());
        let place = |keep: Arc<Keep<_>>| async move {
            self.buying.place(wish, execution, |placed| keep.attach(placed)).await
        };
        let mut made: OrderSeen =
            self.idempotent.run(call, StatusCode::CREATED, answer, place).await?;
        if made.ticket.title.is_empty() {
            let found = self.orders.find(OrderId(made.id)).await?;
            made.ticket.title = found.map(|found| found.title).unwrap_or_default();
        }
        Ok(OrderMade::Made(Json(made)))
    }

    async fn give_up(
        &self,
        caller: &Caller,
        context: &Context,
        id: OrderId,
        expected: Option<&str>,
    ) -> Result<(), ApiError> {
        let execution = Execution::new(context.origin(), self.clock.now());
        let execution = if_match::only_at(execution, expected)?;
        let nothing = |_: &Done<Order>| Attached::default();
        let cancelled = self.buying.cancel(id, caller.account, execution, nothing).await;
        cancelled.map_err(|error| if_match::refused(error, expected))?;
        Ok(())
    }

    async fn seen(&self, id: OrderId, caller: &Caller) -> Result<OrderAnswer, ApiError> {
        let found: Option<Found> = self.orders.find(id).await?;
        let own = found.filter(|found| found.row.buyer == caller.account.0);
        let found = own.ok_or_else(unknown_order)?;
        let etag = if_match::etag(found.row.sequence);
        Ok(OrderAnswer::One(Json(OrderSeen::at(found, self.clock.now())), etag))
    }
}
