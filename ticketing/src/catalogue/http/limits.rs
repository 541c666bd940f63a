//! How often one may change something in the catalogue.

use shared_events::AccountId;

use crate::api::rate_limits::{Limit, RateHeaders, RateLimits};
use crate::api_error::ApiError;
use crate::config::LimitSettings;

/// The limits of these routes; cheap to clone.
#[derive(Clone)]
pub struct CatalogueLimits {
    by_account: Limit,
}

impl CatalogueLimits {
    /// As the settings say.
    pub fn declare(limits: &RateLimits, settings: &LimitSettings) -> Self {
        Self { by_account: limits.limit("catalogue", settings.catalogue_changes_per_minute) }
    }

    /// A change by this account.
    pub(super) fn change(&self, account: AccountId) -> Result<RateHeaders, ApiError> {
        self.by_account.count(account, RateHeaders::default())
    }
}
