//! How often one may mark and switch notifications, and stop mail.

use shared_events::AccountId;

use crate::api::client_address::ClientAddress;
use crate::api::rate_limits::{Limit, RateHeaders, RateLimits};
use crate::api_error::ApiError;
use crate::config::LimitSettings;

/// The limits of these routes; cheap to clone.
#[derive(Clone)]
pub struct NotificationLimits {
    by_account: Limit,
    by_address: Limit,
}

impl NotificationLimits {
    /// As the settings say.
    pub fn declare(limits: &RateLimits, settings: &LimitSettings) -> Self {
        let per_minute = settings.notification_changes_per_minute;
        Self {
            by_account: limits.limit("notifications", per_minute),
            by_address: limits.limit("unsubscribing", settings.short_link_visits_per_minute),
        }
    }

    /// A change by this account.
    pub(super) fn change(&self, account: AccountId) -> Result<RateHeaders, ApiError> {
        self.by_account.count(account, RateHeaders::default())
    }

    /// Somebody follows the link of a mail that stops mail: a mail service does it for many.
    pub(super) fn visit(&self, address: ClientAddress) -> Result<RateHeaders, ApiError> {
        self.by_address.count(address.counted(), RateHeaders::default())
    }
}
