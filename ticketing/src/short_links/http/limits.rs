//! How often one may make short links, and visit them.

use shared_events::AccountId;

use crate::api::client_address::ClientAddress;
use crate::api::rate_limits::{Limit, RateHeaders, RateLimits};
use crate::api_error::ApiError;
use crate::config::LimitSettings;

/// The limits of these routes; cheap to clone.
#[derive(Clone)]
pub struct ShortLinkLimits {
    by_account: Limit,
    by_address: Limit,
}

impl ShortLinkLimits {
    /// As the settings say.
    pub fn declare(limits: &RateLimits, settings: &LimitSettings) -> Self {
        Self {
            by_account: limits.limit("short_links", settings.short_links_per_minute),
            by_address: limits.limit("visits", settings.short_link_visits_per_minute),
        }
    }

    /// A link is made or deleted by this account.
    pub(super) fn change(&self, account: AccountId) -> Result<RateHeaders, ApiError> {
        self.by_account.count(account, RateHeaders::default())
    }

    /// Somebody visits one: who guesses codes is slowed down.
    pub(super) fn visit(&self, address: ClientAddress) -> Result<RateHeaders, ApiError> {
        self.by_address.count(address.counted(), RateHeaders::default())
    }
}
