//! Payments over HTTP: paying for an order, and giving the money back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use secrecy::SecretString;
use shared_events::{OrderId, PaymentId, RefundReason};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::super::orders::Orders;
use super::super::paying::{Charge, Paying, Standing};
use super::super::payments::{Payments, status};
use super::super::words;
use super::Tag;
use super::answers::{ChargeAnswer, Charged, RefundAnswer};
use super::errors::{unknown_order, unknown_payment};
use super::limits::MarketLimits;
use super::requests::{Judge, NewCharge};
use crate::accounts::Caller;
use crate::api::Context;
use crate::api::authentication::RequiredCaller;
use crate::api::body::Body;
use crate::api::idempotent::{Call, Idempotent, Keep};
use crate::api::rate_limits::Limited;
use crate::api_error::{ApiError, Code};
use crate::platform::causes::causes;
use crate::platform::clock::Clock;
use crate::platform::commands::Execution;

/// When to ask again after a payment whose outcome is not known yet.
pub(super) const LATER: Duration = Duration::from_secs(5);
/// How long a call waits for the outcome; shorter than a call may take unless set otherwise.
const PATIENCE: Duration = Duration::from_secs(8);
/// How often a repeated call looks for the outcome of the first.
const POLL: Duration = Duration::from_millis(100);
const CHARGE: &str = "/api/payments/charge";
const PAYMENTS: &str = "/api/payments";

/// What the routes need.
pub struct PaymentsApi {
    /// The process of paying.
    pub paying: Paying,
    /// Reads payments.
    pub payments: Payments,
    /// Reads what is paid.
    pub orders: Orders,
    /// Repeats of the same call.
    pub idempotent: Idempotent,
    /// Who may how often.
    pub limits: MarketLimits,
    /// The time.
    pub clock: Clock,
}

#[OpenApi(tag = "Tag::Market")]
impl PaymentsApi {
    /// Pay for your order
    ///
    /// While the payment is being made, the ticket is held for longer. A repeat with the same
    /// `Idempotency-Key` pays once and is told what came of it.
    ///
    /// Errors: `invalid_fields`, `not_found`, `payment_declined`, `order_ended`, `order_paid`,
    /// `payment_in_progress`, `payment_too_late`, `concurrent_change`, `unavailable`.
    #[oai(path = "/api/payments/charge", method = "post", operation_id = "charge")]
    async fn charge(
        &self,
        caller: RequiredCaller,
        context: Context,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<NewCharge>,
    ) -> Result<Limited<ChargeAnswer>, ApiError> {
        let rate = self.limits.change(caller.0.account)?;
        rate.on(self.pay(CHARGE, caller.0, context, key.0, body).await)
    }

    /// Pay for your order
    ///
    /// The same as `POST /api/payments/charge`.
    ///
    /// Errors: `invalid_fields`, `not_found`, `payment_declined`, `order_ended`, `order_paid`,
    /// `payment_in_progress`, `payment_too_late`, `concurrent_change`, `unavailable`.
    #[oai(path = "/api/payments", method = "post", operation_id = "post_payment")]
    async fn charge_plainly(
        &self,
        caller: RequiredCaller,
        context: Context,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<NewCharge>,
    ) -> Result<Limited<ChargeAnswer>, ApiError> {
        let rate = self.limits.change(caller.0.account)?;
        rate.on(self.pay(PAYMENTS, caller.0, context, key.0, body).await)
    }

    /// Give a payment back
    ///
    /// For the seller of the ticket, and for administrators. The ticket is free again, or withdrawn
    /// if that is asked for or its seller has left. Doing it again changes nothing.
    ///
    /// Errors: `not_found`, `forbidden`, `nothing_paid`, `concurrent_change`, `unavailable`.
    #[oai(path = "/api/payments/:id/refund", method = "post", operation_id = "refund")]
    async fn refund(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which payment.
        id: Path<Uuid>,
        /// Whether the ticket is no longer offered afterwards; it is unless said.
        withdraw: Query<Option<bool>>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Limited<RefundAnswer>, ApiError> {
        let rate = self.limits.change(caller.0.account)?;
        let withdraw = withdraw.0.unwrap_or(false);
        rate.on(self.give_back(caller.0, context, PaymentId(id.0), withdraw, key.0).await)
    }
}

impl PaymentsApi {
    async fn pay(
        &self,
        path: &str,
        caller: Caller,
        context: Context,
        key: Option<String>,
        body: Body<NewCharge>,
    ) -> Result<ChargeAnswer, ApiError> {
        let mut judge = Judge::default();
        let source = judge.source(body.value.token);
        judge.verdict()?;
        let charge = Charge {
            payment: PaymentId(Uuid::now_v7()),
            order: OrderId(body.value.order_id),
            by: caller.account,
            source: SecretString::from(source),
        };
        let call = Call {
            key: key.as_deref(),
            caller: Some(caller.account),
            method: "POST",
            path,
            body: &body.bytes,
        };
        let answer = |payment: &PaymentId| Charged { success: false, id: payment.0 };
        let execution = Execution::new(context.origin(), self.clock.now());
        let start = |keep: Arc<Keep<_>>| {
            let charge = &charge;
            let attach = move |payment: &PaymentId| keep.attach(payment);
            async move { self.paying.start(charge, execution, attach).await }
        };
        let started = self.idempotent.run(call, StatusCode::ACCEPTED, answer, start).await?;
        let payment = PaymentId(started.id);
        let standing = if payment == charge.payment {
            self.capture(charge).await
        } else {
            self.outcome(payment, |standing| *standing == Standing::Open).await?
        };
        outcome(payment, standing)
    }

    /// Asks the provider. A client that leaves meanwhile ends nothing; what takes too long or fails
    /// is settled by its deadline.
    async fn capture(&self, charge: Charge) -> Standing {
        let (paying, payment) = (self.paying.clone(), charge.payment);
        let captured = tokio::spawn(async move { paying.capture(&charge).await });
        match timeout(PATIENCE, captured).await {
            Ok(Ok(Ok(standing))) => standing,
            Ok(Ok(Err(error))) => {
                tracing::warn!(%payment, error = causes(&error), "a payment has to wait");
                Standing::Open
            }
            Ok(Err(_)) | Err(_) => Standing::Open,
        }
    }

    /// What came of a payment that another call is driving, if that is known in time.
    async fn outcome(
        &self,
        payment: PaymentId,
        is_open: impl Fn(&Standing) -> bool,
    ) -> Result<Standing, ApiError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let standing = self.paying.standing(payment).await?;
            if !is_open(&standing) || Instant::now() >= deadline {
                return Ok(standing);
            }
            sleep(POLL).await;
        }
    }

    async fn give_back(
        &self,
        caller: Caller,
        context: Context,
        payment: PaymentId,
        withdraw: bool,
        key: Option<String>,
    ) -> Result<RefundAnswer, ApiError> {
        let row = self.payments.find(payment).await?.ok_or_else(unknown_payment)?;
        let order = self.orders.find(OrderId(row.order_id)).await?.ok_or_else(unknown_order)?;
        let account = caller.account.0;
        if order.row.seller != account && !caller.is_administrator() {
            return Err(if order.row.buyer == account {
                ApiError::new(Code::Forbidden, "Only the seller can give the money back")
            } else {
                unknown_payment()
            });
        }
        let path = format!("{PAYMENTS}/{payment}/refund");
        let call = Call {
            key: key.as_deref(),
            caller: Some(caller.account),
            method: "POST",
            path: &path,
            body: if withdraw { b"withdraw" } else { b"" },
        };
        let answer = |payment: &PaymentId| Charged { success: false, id: payment.0 };
        let execution = Execution::new(context.origin(), self.clock.now());
        let first = AtomicBool::new(false);
        let start = |keep: Arc<Keep<_>>| {
            let first = &first;
            async move {
                let attach = |payment: &PaymentId| keep.attach(payment);
                let refund = self.paying.start_refund(payment, withdraw, execution, attach);
                first.store(refund.await?, Ordering::Relaxed);
                Ok(payment)
            }
        };
        self.idempotent.run(call, StatusCode::ACCEPTED, answer, start).await?;
        // What is not done in time is done by its deadline.
        if first.into_inner() {
            let paying = self.paying.clone();
            let driven = tokio::spawn(async move { paying.settle_refund(payment).await });
            timeout(PATIENCE, driven).await.ok();
        } else {
            let goes_back = |standing: &_| matches!(standing, Standing::Back { done: false, .. });
            self.outcome(payment, goes_back).await?;
        }
        let row = self.payments.find(payment).await?.ok_or_else(unknown_payment)?;
        let success = row.status == status::REFUNDED;
        let charged = Json(Charged { success, id: payment.0 });
        Ok(if success { RefundAnswer::Back(charged) } else { RefundAnswer::Pending(charged) })
    }
}

fn outcome(payment: PaymentId, standing: Standing) -> Result<ChargeAnswer, ApiError> {
    match standing {
        Standing::Paid => Ok(ChargeAnswer::Paid(Json(Charged { success: true, id: payment.0 }))),
        Standing::Open => {
            let charged = Json(Charged { success: false, id: payment.0 });
            Ok(ChargeAnswer::Pending(charged, LATER.as_secs()))
        }
        Standing::Declined { reason } => {
            let detail = format!("The payment was declined: {reason}");
            Err(ApiError::new(Code::PaymentDeclined, detail))
        }
        Standing::Back { reason: RefundReason::Requested, .. } => {
            Err(ApiError::new(Code::OrderEnded, "The order was refunded"))
        }
        Standing::Back { reason, .. } => {
            let detail = format!("The money goes back: {}", words::refunded(reason));
            Err(ApiError::new(Code::PaymentTooLate, detail))
        }
    }
}
