//! How often one may ask for a link.

use shared_events::AccountId;

use crate::api::client_address::ClientAddress;
use crate::api::rate_limits::{Limit, RateHeaders, RateLimits};
use crate::api_error::ApiError;
use crate::config::LimitSettings;

/// The limits of these routes.
pub struct LinkLimits {
    by_account: Limit,
    by_address: Limit,
}

impl LinkLimits {
    /// As the settings say.
    pub fn declare(limits: &RateLimits, settings: &LimitSettings) -> Self {
        Self {
            by_account: limits.limit("account", settings.link_requests_per_minute),
            by_address: limits.limit("address", settings.guest_link_requests_per_minute),
        }
    }

    /// A link request of this account, or of a guest, from this address.
    pub(super) fn request(
        &self,
        account: Option<AccountId>,
        address: ClientAddress,
    ) -> Result<RateHeaders, ApiError> {
        let rate = self.by_address.count(address.counted(), RateHeaders::default())?;
        match account {
            Some(account) => self.by_account.count(account, rate),
            None => Ok(rate),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use uuid::Uuid;

    use super::*;

    fn limits() -> LinkLimits {
        let settings = LimitSettings {
            rate_limits: true,
            logins_per_minute: 5,
            link_requests_per_minute: 10,
            guest_link_requests_per_minute: 30,
            market_changes_per_minute: 120,
            venues_changes_per_minute: 120,
            outings_changes_per_minute: 120,
            catalogue_changes_per_minute: 120,
            notification_changes_per_minute: 120,
            profile_changes_per_minute: 30,
            short_links_per_minute: 30,
            short_link_visits_per_minute: 300,
            registrations_per_minute: 60,
        };
        LinkLimits::declare(&RateLimits::new(true), &settings)
    }

    fn address(text: &str) -> ClientAddress {
        ClientAddress(text.parse().unwrap())
    }

    #[test]
    fn an_account_may_ask_for_ten_links_a_minute_from_wherever_it_is() {
        let (limits, account) = (limits(), Some(AccountId(Uuid::from_u128(7))));
        for i in 0..10 {
            let rate = limits.request(account, address(&format!("203.0.113.{i}"))).unwrap();
            let mut headers = HeaderMap::new();
            rate.write(&mut headers);
            assert_eq!(headers["ratelimit-policy"], "\"address\";q=30;w=60, \"account\";q=10;w=60");
        }
        assert!(limits.request(account, address("203.0.113.99")).is_err());
        assert!(limits.request(None, address("203.0.113.99")).is_ok(), "guests are not concerned");
    }

    #[test]
    fn an_address_may_ask_for_thirty_whoever_asks() {
        let limits = limits();
        for i in 0..30 {
            let account = (i % 2 == 0).then(|| AccountId(Uuid::from_u128(i)));
            assert!(limits.request(account, address("2001:db8::1")).is_ok());
        }
        assert!(limits.request(None, address("2001:db8::2")).is_err(), "the same /64");
    }
}
