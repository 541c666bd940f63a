//! How often one may change something of outings.

use shared_events::AccountId;

use crate::api::rate_limits::{Limit, RateHeaders, RateLimits};
use crate::api_error::ApiError;
use crate::config::LimitSettings;

/// The limits of these routes; cheap to clone.
#[derive(Clone)]
pub struct OutingsLimits {
    by_account: Limit,
}

impl OutingsLimits {
    /// As the settings say.
    pub fn declare(limits: &RateLimits, settings: &LimitSettings) -> Self {
        Self { by_account: limits.limit("outings", settings.outings_changes_per_minute) }
    }

    /// A change by this account.
    pub(super) fn change(&self, account: AccountId) -> Result<RateHeaders, ApiError> {
        self.by_account.count(account, RateHeaders::default())
    }
}
