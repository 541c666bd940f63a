//! The link requests as administrators read them: a paged, filterable list and single reads.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use shared_events::{RequestId, Tier};
use uuid::Uuid;

use super::super::status::{Filter, LinkStatuses};
use super::Tag;
use super::answers::{LinkRequestSeen, SeenAnswer, SeenPage};
use super::errors::unknown;
use crate::api::authentication::AdministratorCaller;
use crate::api::paging::Page;
use crate::api::tier_name::TierName;
use crate::api_error::{ApiError, Code};

const PATH: &str = "/admin/link_requests";

/// The routes for administrators.
pub struct LinksAdminApi {
    /// What they read.
    pub statuses: LinkStatuses,
}

#[OpenApi(tag = "Tag::Links")]
impl LinksAdminApi {
    /// List link requests
    ///
    /// For administrators. Oldest first.
    ///
    /// Errors: `invalid_cursor`, `forbidden`, `unavailable`.
    #[oai(path = "/admin/link_requests", method = "get", operation_id = "list_link_requests")]
    async fn list(
        &self,
        _caller: AdministratorCaller,
        /// Only those of this account.
        account: Query<Option<Uuid>>,
        /// Only those made with this tier.
        tier: Query<Option<TierName>>,
        /// At most so many, from 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// The cursor that the header `Link` of the page before holds.
        after: Query<Option<String>>,
    ) -> Result<SeenPage, ApiError> {
        let tier = tier.0.map(|tier| Tier::from(tier).as_str());
        let account_text = account.0.map(|account| account.to_string());
        let filters = [("account", account_text.as_deref()), ("tier", tier)];
        let page = Page::read(PATH, limit.0, after.0.as_deref(), &filters)?;
        let after = page.after.as_deref().map(Uuid::parse_str).transpose();
        let after = after.map_err(|_| {
            ApiError::new(Code::InvalidCursor, "after is not a cursor of this list")
        })?;
        let filter = Filter {
            account: account.0,
            tier: tier.map(str::to_owned),
            after,
            limit: page.fetch(),
        };
        let mut rows = self.statuses.list(&filter).await?;
        let next = page.cut(&mut rows, |row| row.request_id.to_string());
        let rows = rows.into_iter().map(LinkRequestSeen::from).collect();
        Ok(SeenPage::Page(Json(rows), next))
    }

    /// Read a link request
    ///
    /// For administrators.
    ///
    /// Errors: `forbidden`, `link_request_unknown`, `unavailable`.
    #[oai(path = "/admin/link_requests/:id", method = "get", operation_id = "read_link_request")]
    async fn read(
        &self,
        _caller: AdministratorCaller,
        /// Which request.
        id: Path<Uuid>,
    ) -> Result<SeenAnswer, ApiError> {
        let found = self.statuses.find(RequestId(id.0)).await?.ok_or_else(unknown)?;
        let etag = format!("\"{}\"", found.status.sequence);
        Ok(SeenAnswer::One(Json(found.status.into()), etag))
    }
}
