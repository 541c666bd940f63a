//! Who may how often: per account and per address, as `RateLimit` headers and 429. Counted by each
//! replica for itself; several replicas together allow a multiple. Not here: overload as a whole
//! (the edge's limit of requests in flight).

mod headers;

use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use shared_events::link_request::AccountId;

pub use headers::{Limited, RateHeaders};

use super::client_address::ClientAddress;
use crate::api_error::{ApiError, Code, whole_seconds};
use crate::config::LimitSettings;
use headers::Left;

/// All limits are told by the minute.
const WINDOW: Duration = Duration::from_secs(60);
/// Those who have all of their quota back are forgotten this often.
const FORGET_EVERY: Duration = Duration::from_secs(10);
/// More keys than this are not told apart any more, so that memory stays bounded (about 40 MB for
/// each limit).
const MAX_KEYS: usize = 500_000;
/// How many keys those who are not told apart share.
const SHARED_KEYS: u64 = 65_536;

type Limiter =
    RateLimiter<u64, DefaultKeyedStateStore<u64>, DefaultClock, StateInformationMiddleware>;

/// One limit: a quota per minute for each key.
struct Limit {
    name: &'static str,
    quota: NonZeroU32,
    limiter: Limiter,
    hasher: RandomState,
    full: AtomicBool,
}

impl Limit {
    fn per_minute(name: &'static str, quota: u32) -> Self {
        // A quota of nothing would be a way to switch a route off; it allows one instead.
        let quota = NonZeroU32::new(quota).unwrap_or(NonZeroU32::MIN);
        let limiter = RateLimiter::keyed(Quota::per_minute(quota))
            .with_middleware::<StateInformationMiddleware>();
        Self { name, quota, limiter, hasher: RandomState::new(), full: AtomicBool::new(false) }
    }

    /// Counts one request; says what is left in `headers`.
    fn check(&self, key: impl Hash, headers: &mut RateHeaders) -> Result<(), Duration> {
        let mut key = self.hasher.hash_one(key);
        if self.full.load(Ordering::Relaxed) {
            key %= SHARED_KEYS;
        }
        match self.limiter.check_key(&key) {
            Ok(state) => {
                headers.add(self.left(state.remaining_burst_capacity()));
                Ok(())
            }
            Err(refused) => {
                let wait = refused.wait_time_from(DefaultClock::default().now());
                headers.add(self.left(0));
                Err(wait)
            }
        }
    }

    fn left(&self, requests: u32) -> Left {
        let quota = self.quota.get();
        let reset = whole_seconds(WINDOW / quota * quota.saturating_sub(requests));
        Left { name: self.name, quota, requests, reset }
    }

    fn forget(&self) {
        self.limiter.retain_recent();
        self.full.store(self.limiter.len() > MAX_KEYS, Ordering::Relaxed);
    }
}

/// All limits of this replica.
pub struct RateLimits(Option<Limits>);

struct Limits {
    login: Limit,
    registration: Limit,
    link_request_by_account: Limit,
    link_request_by_address: Limit,
}

impl RateLimits {
    /// Limits as the settings say; none if they are off.
    pub fn new(settings: &LimitSettings) -> Self {
        Self(settings.rate_limits.then(|| Limits {
            login: Limit::per_minute("login", settings.logins_per_minute),
            registration: Limit::per_minute("registration", settings.registrations_per_minute),
            link_request_by_account: Limit::per_minute(
                "account",
                settings.link_requests_per_minute,
            ),
            link_request_by_address: Limit::per_minute(
                "address",
                settings.guest_link_requests_per_minute,
            ),
        }))
    }

    /// An attempt to log in to the account of this name from this address.
    ///
    /// # Errors
    /// 429 with what to wait.
    pub fn login(&self, username: &str, address: ClientAddress) -> Result<RateHeaders, ApiError> {
        let Some(limits) = &self.0 else { return Ok(RateHeaders::default()) };
        check(&[&|h| limits.login.check((username.to_lowercase(), address.counted()), h)])
    }

    /// A registration from this address.
    ///
    /// # Errors
    /// 429 with what to wait.
    pub fn registration(&self, address: ClientAddress) -> Result<RateHeaders, ApiError> {
        let Some(limits) = &self.0 else { return Ok(RateHeaders::default()) };
        check(&[&|h| limits.registration.check(address.counted(), h)])
    }

    /// A link request of this account, or of a guest, from this address.
    ///
    /// # Errors
    /// 429 with what to wait.
    pub fn link_request(
        &self,
        account: Option<AccountId>,
        address: ClientAddress,
    ) -> Result<RateHeaders, ApiError> {
        let Some(limits) = &self.0 else { return Ok(RateHeaders::default()) };
        check(&[&|h| limits.link_request_by_address.check(address.counted(), h), &|h| {
            account.map_or(Ok(()), |account| limits.link_request_by_account.check(account, h))
        }])
    }

    /// Forgets, until cancelled, those who have all of their quota back.
    pub async fn run(&self) {
        let Some(limits) = &self.0 else { return };
        let mut tick = tokio::time::interval(FORGET_EVERY);
        loop {
            tick.tick().await;
            limits.login.forget();
            limits.registration.forget();
            limits.link_request_by_account.forget();
            limits.link_request_by_address.forget();
        }
    }
}

type Check<'a> = &'a dyn Fn(&mut RateHeaders) -> Result<(), Duration>;

/// Counts against one limit after the other, until one refuses.
fn check(checks: &[Check<'_>]) -> Result<RateHeaders, ApiError> {
    let mut headers = RateHeaders::default();
    for check in checks {
        if let Err(wait) = check(&mut headers) {
            let detail = "Too many requests, please wait before the next";
            return Err(ApiError::new(Code::RateLimited, detail).retry_after(wait).rate(headers));
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use poem::IntoResponse;

    use super::headers::{RATE_LIMIT, RATE_LIMIT_POLICY};
    use super::*;
    use uuid::Uuid;

    fn limits(on: bool) -> RateLimits {
        RateLimits::new(&LimitSettings {
            rate_limits: on,
            logins_per_minute: 5,
            link_requests_per_minute: 10,
            guest_link_requests_per_minute: 30,
            registrations_per_minute: 60,
        })
    }

    fn address(text: &str) -> ClientAddress {
        ClientAddress(text.parse().unwrap())
    }

    #[test]
    fn the_sixth_login_within_a_minute_is_refused_and_told_when_to_come_back() {
        let limits = limits(true);
        let here = address("203.0.113.9");
        for left in (0..5).rev() {
            let rate = limits.login("john", here).unwrap();
            let mut headers = HeaderMap::new();
            rate.write(&mut headers);
            assert_eq!(headers[RATE_LIMIT_POLICY], "\"login\";q=5;w=60");
            assert_eq!(headers[RATE_LIMIT], format!("\"login\";r={left};t={}", 12 * (5 - left)));
        }
        let response = limits.login("JOHN", here).unwrap_err().into_response();
        assert_eq!(response.status(), http::StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[http::header::RETRY_AFTER], "12");
        assert_eq!(response.headers()[RATE_LIMIT], "\"login\";r=0;t=60");
        assert!(limits.login("cena", here).is_ok(), "another account is not concerned");
        assert!(limits.login("john", address("203.0.113.8")).is_ok(), "nor is another address");
    }

    #[test]
    fn an_account_may_ask_for_ten_links_a_minute_and_an_address_for_thirty() {
        let limits = limits(true);
        let account = Some(AccountId(Uuid::from_u128(7)));
        for i in 0..10 {
            let from = address(&format!("203.0.113.{i}"));
            assert!(limits.link_request(account, from).is_ok());
        }
        let refused = limits.link_request(account, address("203.0.113.99")).unwrap_err();
        let policy = "\"address\";q=30;w=60, \"account\";q=10;w=60";
        assert_eq!(refused.into_response().headers()[RATE_LIMIT_POLICY], policy);

        let shared = address("2001:db8::1");
        for _ in 0..30 {
            assert!(limits.link_request(None, shared).is_ok());
        }
        assert!(limits.link_request(None, address("2001:db8::2")).is_err(), "same /64");
    }

    #[test]
    fn nothing_is_counted_when_limits_are_off() {
        let limits = limits(false);
        for _ in 0..100 {
            assert_eq!(
                limits.login("john", ClientAddress::UNKNOWN).unwrap(),
                RateHeaders::default()
            );
        }
    }

    #[test]
    fn too_many_keys_to_tell_apart_share_a_bounded_number() {
        let limit = Limit::per_minute("test", 1);
        limit.full.store(true, Ordering::Relaxed);
        for key in 0..70_000 {
            let _ = limit.check(key, &mut RateHeaders::default());
        }
        assert!(limit.limiter.len() <= usize::try_from(SHARED_KEYS).unwrap());
    }
}
