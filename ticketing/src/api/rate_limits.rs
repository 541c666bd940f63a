//! Who may how often: per account and per address, as `RateLimit` headers and 429. Counted by each replica for itself;
//! several replicas together allow a multiple. Not here: overload as a whole (the edge's limit of requests in flight).

use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use http::{HeaderMap, HeaderName, HeaderValue};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaResponses, Registry};
use poem_openapi::types::Type;
use shared_events::link_request::AccountId;

use super::client_address::ClientAddress;
use crate::api_error::{ApiError, Code, whole_seconds};
use crate::config::LimitSettings;

/// All limits are told by the minute.
const WINDOW: Duration = Duration::from_secs(60);
/// Those who have all of their quota back are forgotten this often.
const FORGET_EVERY: Duration = Duration::from_secs(10);
/// More keys than this are not told apart any more, so that memory stays bounded (about 40 MB for each limit).
const MAX_KEYS: usize = 500_000;
/// How many keys those who are not told apart share.
const SHARED_KEYS: u64 = 65_536;

const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

type Limiter =
    RateLimiter<u64, DefaultKeyedStateStore<u64>, DefaultClock, StateInformationMiddleware>;

/// What is left of the limits that a request counted against: the headers `RateLimit-Policy` and `RateLimit`
/// (draft-ietf-httpapi-ratelimit-headers). Empty when limits are off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateHeaders {
    policy: String,
    state: String,
}

impl RateHeaders {
    fn add(&mut self, name: &str, quota: u32, left: u32, reset: Duration) {
        let separator = if self.policy.is_empty() { "" } else { ", " };
        self.policy.push_str(&format!("{separator}\"{name}\";q={quota};w={}", WINDOW.as_secs()));
        self.state.push_str(&format!("{separator}\"{name}\";r={left};t={}", whole_seconds(reset)));
    }

    /// Writes the headers.
    pub fn write(&self, headers: &mut HeaderMap) {
        for (name, text) in [(RATE_LIMIT_POLICY, &self.policy), (RATE_LIMIT, &self.state)] {
            if let Ok(value) = HeaderValue::from_str(text)
                && !text.is_empty()
            {
                headers.insert(name, value);
            }
        }
    }

    /// Adds the headers to an answer, be it a success or a refusal.
    ///
    /// # Errors
    /// The refusal that `result` is.
    pub fn on<T>(self, result: Result<T, ApiError>) -> Result<Limited<T>, ApiError> {
        match result {
            Ok(answer) => Ok(Limited { answer, rate: self }),
            Err(error) => Err(error.rate(self)),
        }
    }
}

/// An answer of a limited route: it tells what is left.
#[derive(Debug)]
pub struct Limited<T> {
    answer: T,
    rate: RateHeaders,
}

impl<T: IntoResponse> IntoResponse for Limited<T> {
    fn into_response(self) -> Response {
        let mut response = self.answer.into_response();
        self.rate.write(response.headers_mut());
        response
    }
}

impl<T: ApiResponse> ApiResponse for Limited<T> {
    fn meta() -> MetaResponses {
        let mut meta = T::meta();
        for (name, description) in [
            ("RateLimit-Policy", "The limits that apply: quota `q` in a window of `w` seconds"),
            ("RateLimit", "What is left of them: `r` requests now, all of them after `t` seconds"),
        ] {
            for response in &mut meta.responses {
                response.headers.push(MetaHeader {
                    name: name.to_owned(),
                    description: Some(description.to_owned()),
                    required: false,
                    deprecated: false,
                    schema: String::schema_ref(),
                });
            }
        }
        meta
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

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
                let left = state.remaining_burst_capacity();
                headers.add(self.name, self.quota.get(), left, self.refill(left));
                Ok(())
            }
            Err(refused) => {
                let wait = refused.wait_time_from(DefaultClock::default().now());
                headers.add(self.name, self.quota.get(), 0, self.refill(0));
                Err(wait)
            }
        }
    }

    fn refill(&self, left: u32) -> Duration {
        WINDOW / self.quota.get() * self.quota.get().saturating_sub(left)
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
            assert_eq!(rate.policy, "\"login\";q=5;w=60");
            assert_eq!(rate.state, format!("\"login\";r={left};t={}", 12 * (5 - left)));
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
        assert!(limits.link_request(account, address("203.0.113.99")).is_err());

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
        for key in 0..200_000 {
            let _ = limit.check(key, &mut RateHeaders::default());
        }
        assert!(limit.limiter.len() <= usize::try_from(SHARED_KEYS).unwrap());
    }
}
