//! Orders and payments as administrators read them: paged, filterable lists and single reads.

use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, OpenApi};
use shared_events::{AccountId, OrderId, PaymentId};
use uuid::Uuid;

use super::super::orders::{self, Orders};
use super::super::payments::{self, Payments};
use super::Tag;
use super::answers::{OrderAnswer, OrderPage, OrderSeen, PaymentAnswer, PaymentPage, PaymentSeen};
use super::errors::{unknown_order, unknown_payment};
use crate::api::authentication::AdministratorCaller;
use crate::api::if_match::etag;
use crate::api::paging::Page;
use crate::api_error::ApiError;
use crate::platform::clock::Clock;

/// The routes for administrators.
pub struct MarketAdminApi {
    /// Reads orders.
    pub orders: Orders,
    /// Reads payments.
    pub payments: Payments,
    /// The time.
    pub clock: Clock,
}

/// The state of an order.
#[derive(Clone, Copy, Enum)]
#[oai(rename = "OrderStatus", rename_all = "snake_case")]
enum OrderStatus {
    Created,
    AwaitingPayment,
    Completed,
    Cancelled,
    Expired,
    Refunded,
}

impl OrderStatus {
    fn as_str(self) -> &'static str {
        match self {
            Self::Created => orders::status::CREATED,
            Self::AwaitingPayment => orders::status::AWAITING_PAYMENT,
            Self::Completed => orders::status::COMPLETED,
            Self::Cancelled => orders::status::CANCELLED,
            Self::Expired => orders::status::EXPIRED,
            Self::Refunded => orders::status::REFUNDED,
        }
    }
}

/// The state of a payment.
#[derive(Clone, Copy, Enum)]
#[oai(rename = "PaymentStatus", rename_all = "snake_case")]
enum PaymentStatus {
    Capturing,
    Captured,
    Declined,
    Refunding,
    Refunded,
}

impl PaymentStatus {
    fn as_str(self) -> &'static str {
        match self {
            Self::Capturing => payments::status::CAPTURING,
            Self::Captured => payments::status::CAPTURED,
            Self::Declined => payments::status::DECLINED,
            Self::Refunding => payments::status::REFUNDING,
            Self::Refunded => payments::status::REFUNDED,
        }
    }
}

#[OpenApi(tag = "Tag::Market")]
impl MarketAdminApi {
    /// List orders
    ///
    /// For administrators. Oldest first.
    ///
    /// Errors: `invalid_cursor`, `forbidden`, `unavailable`.
    #[oai(path = "/admin/orders", method = "get", operation_id = "list_all_orders")]
    async fn list_orders(
        &self,
        _caller: AdministratorCaller,
        /// Only those of this account.
        buyer: Query<Option<Uuid>>,
        /// Only those in this state.
        status: Query<Option<OrderStatus>>,
        /// Orders of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<OrderPage, ApiError> {
        let buyer_text = buyer.0.map(|buyer| buyer.to_string());
        let status = status.0.map(OrderStatus::as_str);
        let filters = [("buyer", buyer_text.as_deref()), ("status", status)];
        let page = Page::read("/admin/orders", limit.0, after.0.as_deref(), &filters)?;
        let after = page.after_uuid()?;
        let now = self.clock.now();
        let filter = orders::Filter { buyer: buyer.0.map(AccountId), status };
        let mut found = self.orders.list(&filter, after, page.fetch(), now).await?;
        let next = page.cut(&mut found, |found| found.row.order_id.to_string());
        let found = found.into_iter().map(|found| OrderSeen::at(found, now)).collect();
        Ok(OrderPage::Page(Json(found), next))
    }

    /// Read an order
    ///
    /// For administrators.
    ///
    /// Errors: `forbidden`, `not_found`, `unavailable`.
    #[oai(path = "/admin/orders/:id", method = "get", operation_id = "read_any_order")]
    async fn read_order(
        &self,
        _caller: AdministratorCaller,
        /// Which order.
        id: Path<Uuid>,
    ) -> Result<OrderAnswer, ApiError> {
        let found = self.orders.find(OrderId(id.0)).await?.ok_or_else(unknown_order)?;
        let tag = etag(found.row.sequence);
        Ok(OrderAnswer::One(Json(OrderSeen::at(found, self.clock.now())), tag))
    }

    /// List payments
    ///
    /// For administrators. Oldest first.
    ///
    /// Errors: `invalid_cursor`, `forbidden`, `unavailable`.
    #[oai(path = "/admin/payments", method = "get", operation_id = "list_payments")]
    async fn list_payments(
        &self,
        _caller: AdministratorCaller,
        /// Only those in this state.
        status: Query<Option<PaymentStatus>>,
        /// Payments of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<PaymentPage, ApiError> {
        let status = status.0.map(PaymentStatus::as_str);
        let filters = [("status", status)];
        let page = Page::read("/admin/payments", limit.0, after.0.as_deref(), &filters)?;
        let mut rows = self.payments.list(status, page.after_uuid()?, page.fetch()).await?;
        let next = page.cut(&mut rows, |row| row.payment_id.to_string());
        Ok(PaymentPage::Page(Json(rows.into_iter().map(PaymentSeen::from).collect()), next))
    }

    /// Read a payment
    ///
    /// For administrators.
    ///
    /// Errors: `forbidden`, `not_found`, `unavailable`.
    #[oai(path = "/admin/payments/:id", method = "get", operation_id = "read_payment")]
    async fn read_payment(
        &self,
        _caller: AdministratorCaller,
        /// Which payment.
        id: Path<Uuid>,
    ) -> Result<PaymentAnswer, ApiError> {
        let row = self.payments.find(PaymentId(id.0)).await?.ok_or_else(unknown_payment)?;
        let tag = etag(row.sequence);
        Ok(PaymentAnswer::One(Json(row.into()), tag))
    }
}
