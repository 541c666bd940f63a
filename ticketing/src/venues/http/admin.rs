//! Wallets and purchases as administrators read them: paged, filterable lists and single reads.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use shared_events::{PurchaseId, WalletId};
use uuid::Uuid;

use super::super::purchases::Purchases;
use super::super::wallets::Wallets;
use super::Tag;
use super::answers::{Many, One};
use super::errors::{unknown_purchase, unknown_wallet};
use super::wallet_answers::{PurchaseSeen, WalletSeen};
use crate::api::authentication::AdministratorCaller;
use crate::api::if_match::etag;
use crate::api::paging::Page;
use crate::api_error::ApiError;

/// The routes for administrators.
pub struct VenuesAdminApi {
    /// Reads wallets.
    pub wallets: Wallets,
    /// Reads purchases.
    pub purchases: Purchases,
}

#[OpenApi(tag = "Tag::Venues")]
impl VenuesAdminApi {
    /// List wallets
    ///
    /// For administrators. Oldest first.
    ///
    /// Errors: `invalid_cursor`, `forbidden`, `unavailable`.
    #[oai(path = "/admin/wallets", method = "get", operation_id = "list_all_wallets")]
    async fn list_wallets(
        &self,
        _caller: AdministratorCaller,
        /// Wallets of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<Many<WalletSeen>, ApiError> {
        let page = Page::read("/admin/wallets", limit.0, after.0.as_deref(), &[])?;
        let mut rows = self.wallets.list(page.after_number()?, page.fetch()).await?;
        let next = page.cut(&mut rows, |row| row.first_position.to_string());
        Ok(Many::Page(Json(rows.into_iter().map(WalletSeen::from).collect()), next))
    }

    /// Read a wallet
    ///
    /// For administrators.
    ///
    /// Errors: `forbidden`, `not_found`, `unavailable`.
    #[oai(path = "/admin/wallets/:id", method = "get", operation_id = "read_any_wallet")]
    async fn read_wallet(
        &self,
        _caller: AdministratorCaller,
        /// Which wallet.
        id: Path<Uuid>,
    ) -> Result<One<WalletSeen>, ApiError> {
        let found = self.wallets.find(WalletId(id.0)).await?.ok_or_else(unknown_wallet)?;
        let tag = etag(found.sequence);
        Ok(One::One(Json(found.into()), tag))
    }

    /// List purchases
    ///
    /// For administrators. Oldest first.
    ///
    /// Errors: `invalid_cursor`, `forbidden`, `unavailable`.
    #[oai(path = "/admin/purchases", method = "get", operation_id = "list_purchases")]
    async fn list_purchases(
        &self,
        _caller: AdministratorCaller,
        /// Only those of this account.
        buyer: Query<Option<Uuid>>,
        /// Purchases of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<Many<PurchaseSeen>, ApiError> {
        let buyer_text = buyer.0.map(|buyer| buyer.to_string());
        let filters = [("buyer", buyer_text.as_deref())];
        let page = Page::read("/admin/purchases", limit.0, after.0.as_deref(), &filters)?;
        let after = page.after_uuid()?;
        let mut rows = self.purchases.list(buyer.0, after, page.fetch()).await?;
        let next = page.cut(&mut rows, |row| row.purchase_id.to_string());
        Ok(Many::Page(Json(rows.into_iter().map(PurchaseSeen::from).collect()), next))
    }

    /// Read a purchase
    ///
    /// For administrators.
    ///
    /// Errors: `forbidden`, `not_found`, `unavailable`.
    #[oai(path = "/admin/purchases/:id", method = "get", operation_id = "read_purchase")]
    async fn read_purchase(
        &self,
        _caller: AdministratorCaller,
        /// Which purchase.
        id: Path<Uuid>,
    ) -> Result<One<PurchaseSeen>, ApiError> {
        let found = self.purchases.find(PurchaseId(id.0)).await?.ok_or_else(unknown_purchase)?;
        let tag = etag(found.row.sequence);
        Ok(One::One(Json(found.into()), tag))
    }
}
