//! How often one may register and try to log in.

use std::net::IpAddr;

use shared_events::AccountId;

use crate::api::client_address::ClientAddress;
use crate::api::rate_limits::{Limit, RateHeaders, RateLimits};
use crate::api_error::ApiError;
use crate::config::LimitSettings;

/// The limits of these routes; cheap to clone.
#[derive(Clone)]
pub(super) struct AccountLimits {
    logins: Limit,
    registrations: Limit,
    profiles: Limit,
}

impl AccountLimits {
    /// As the settings say.
    pub(super) fn declare(limits: &RateLimits, settings: &LimitSettings) -> Self {
        Self {
            logins: limits.limit("login", settings.logins_per_minute),
            registrations: limits.limit("registration", settings.registrations_per_minute),
            profiles: limits.limit("profile", settings.profile_changes_per_minute),
        }
    }

    /// An attempt to log in. Name and address are counted together, so that nobody can lock the
    /// owner of a name out from elsewhere.
    pub(super) fn login(
        &self,
        username: &str,
        address: ClientAddress,
    ) -> Result<RateHeaders, ApiError> {
        let tried: (String, IpAddr) = (username.to_lowercase(), address.counted());
        self.logins.count(tried, RateHeaders::default())
    }

    /// A registration.
    pub(super) fn registration(&self, address: ClientAddress) -> Result<RateHeaders, ApiError> {
        self.registrations.count(address.counted(), RateHeaders::default())
    }

    /// A change of one's profile.
    pub(super) fn profile(&self, account: AccountId) -> Result<RateHeaders, ApiError> {
        self.profiles.count(account, RateHeaders::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> ClientAddress {
        ClientAddress(text.parse().unwrap())
    }

    #[test]
    fn logins_are_counted_by_name_whatever_its_case_and_by_address() {
        let [logins, registrations, profiles] = [(); 3].map(|()| RateLimits::new(true));
        let limits = AccountLimits {
            logins: logins.limit("login", 1),
            registrations: registrations.limit("registration", 1),
            profiles: profiles.limit("profile", 1),
        };
        let here = address("203.0.113.9");
        assert!(limits.login("john", here).is_ok());
        assert!(limits.login("JOHN", here).is_err());
        assert!(limits.login("cena", here).is_ok(), "another account is not concerned");
        assert!(limits.login("john", address("203.0.113.8")).is_ok(), "nor is another address");
        assert!(limits.registration(here).is_ok(), "nor a registration");
        assert!(limits.registration(here).is_err());
    }
}
