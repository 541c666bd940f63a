//! Giving a purchase back over HTTP.

use std::sync::Arc;

use http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;
use shared_events::{PurchaseId, TransactionId};
use uuid::Uuid;

use super::super::purchases::Purchases;
use super::super::purchasing::{Purchasing, Receipt, RefundWish};
use super::answers::{Done, One};
use super::errors::unknown_purchase;
use super::wallet_answers::{PurchaseMade, PurchaseSeen};
use super::{Service, Tag, call};
use crate::api::Context;
use crate::api::authentication::RequiredCaller;
use crate::api::idempotent::Keep;
use crate::api::if_match;
use crate::api::rate_limits::Limited;
use crate::api_error::ApiError;

/// What the routes need.
pub struct PurchasesApi {
    /// Gives purchases back.
    pub purchasing: Purchasing,
    /// Reads purchases.
    pub purchases: Purchases,
    /// What all routes need.
    pub shared: Service,
}

#[OpenApi(tag = "Tag::Venues")]
impl PurchasesApi {
    /// Read your purchase
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/api/purchase/:id", method = "get", operation_id = "read_own_purchase")]
    async fn find(
        &self,
        caller: RequiredCaller,
        /// Which purchase.
        id: Path<Uuid>,
    ) -> Result<One<PurchaseSeen>, ApiError> {
        let found = self.purchases.find(PurchaseId(id.0)).await?;
        let own = |buyer| buyer == caller.0.account.0 || caller.0.is_administrator();
        let found = found.filter(|found| own(found.row.buyer)).ok_or_else(unknown_purchase)?;
        let etag = if_match::etag(found.row.sequence);
        Ok(One::One(Json(found.into()), etag))
    }

    /// Give a purchase back
    ///
    /// For administrators; for its buyer until some hours before the first of its matches (a
    /// setting, 24 by default). The money is in the wallet, the seats are free.
    ///
    /// Errors: `not_found`, `already_refunded`, `refund_too_late`, `wallet_full`,
    /// `concurrent_change`, `unavailable`.
    #[oai(path = "/api/purchase/:id/refund", method = "post", operation_id = "refund_purchase")]
    async fn refund(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which purchase.
        id: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Limited<Done<PurchaseMade>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let refunded = async {
            let wish = RefundWish {
                purchase: PurchaseId(id.0),
                transaction: TransactionId(Uuid::now_v7()),
                by: caller.0.account,
                is_administrator: caller.0.is_administrator(),
            };
            let path = format!("/api/purchase/{}/refund", id.0);
            let call = call(&caller.0, key.0.as_deref(), "POST", &path, &[]);
            let answer = |receipt: &Receipt| PurchaseMade::of("Purchase refunded", receipt);
            let execution = self.shared.execution(&context);
            let refund = |keep: Arc<Keep<_>>| async move {
                self.purchasing.refund(wish, execution, |receipt| keep.attach(receipt)).await
            };
            let back = self.shared.idempotent.run(call, StatusCode::OK, answer, refund).await?;
            Ok(Done::Done(Json(back)))
        };
        rate.on(refunded.await)
    }
}
