//! Who may how often, as `RateLimit` headers and 429. Counted by each replica for itself; several
//! replicas together allow a multiple. Not here: which limits there are (each route declares its
//! own), and overload as a whole (the edge's limit of requests in flight).

mod headers;

use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

pub use headers::{Limited, RateHeaders};

use crate::api_error::{ApiError, Code, whole_seconds};
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

/// Counts for each key how much of a quota per minute is left.
struct Counter {
    name: &'static str,
    quota: NonZeroU32,
    limiter: Limiter,
    hasher: RandomState,
    full: AtomicBool,
}

impl Counter {
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

/// A limit that a route declared; cheap to clone.
#[derive(Clone)]
pub struct Limit(Option<Arc<Counter>>);

impl Limit {
    /// Counts one request of `key`. `so_far` is what the limits before this one said of the same
    /// request; a request counts against two at most.
    ///
    /// # Errors
    /// 429 with what to wait.
    pub fn count(&self, key: impl Hash, so_far: RateHeaders) -> Result<RateHeaders, ApiError> {
        let mut headers = so_far;
        let Some(counter) = &self.0 else { return Ok(headers) };
        match counter.check(key, &mut headers) {
            Ok(()) => Ok(headers),
            Err(wait) => {
                let detail = "Too many requests, please wait before the next";
                Err(ApiError::new(Code::RateLimited, detail).retry_after(wait).rate(headers))
            }
        }
    }
}

/// All limits of this replica: routes declare theirs with [`RateLimits::limit`].
pub struct RateLimits {
    on: bool,
    counters: Mutex<Vec<Arc<Counter>>>,
}

impl RateLimits {
    /// No limits yet; none ever refuses unless they are `on`.
    pub fn new(on: bool) -> Self {
        Self { on, counters: Mutex::default() }
    }

    /// Declares a limit of `per_minute` requests for each key, at least one; clients see it under
    /// this name.
    pub fn limit(&self, name: &'static str, per_minute: u32) -> Limit {
        if !self.on {
            return Limit(None);
        }
        let counter = Arc::new(Counter::per_minute(name, per_minute));
        self.counters().push(Arc::clone(&counter));
        Limit(Some(counter))
    }

    /// Forgets, until cancelled, those who have all of their quota back.
    pub async fn run(&self) {
        let mut tick = tokio::time::interval(FORGET_EVERY);
        loop {
            tick.tick().await;
            let counters = self.counters().clone();
            for counter in counters {
                counter.forget();
            }
        }
    }

    fn counters(&self) -> MutexGuard<'_, Vec<Arc<Counter>>> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use poem::IntoResponse;

    use super::headers::{RATE_LIMIT, RATE_LIMIT_POLICY};
    use super::*;

    #[test]
    fn the_sixth_request_within_a_minute_is_refused_and_told_when_to_come_back() {
        let limit = RateLimits::new(true).limit("login", 5);
        for left in (0..5).rev() {
            let rate = limit.count("john", RateHeaders::default()).unwrap();
            let mut headers = HeaderMap::new();
            rate.write(&mut headers);
            assert_eq!(headers[RATE_LIMIT_POLICY], "\"login\";q=5;w=60");
            assert_eq!(headers[RATE_LIMIT], format!("\"login\";r={left};t={}", 12 * (5 - left)));
        }
        let refused = limit.count("john", RateHeaders::default()).unwrap_err();
        let response = refused.into_response();
        assert_eq!(response.status(), http::StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[http::header::RETRY_AFTER], "12");
        assert_eq!(response.headers()[RATE_LIMIT], "\"login\";r=0;t=60");
        assert!(limit.count("cena", RateHeaders::default()).is_ok(), "another is not concerned");
    }

    #[test]
    fn a_request_that_counts_against_two_limits_tells_of_both() {
        let limits = RateLimits::new(true);
        let (wide, narrow) = (limits.limit("address", 30), limits.limit("account", 1));
        let both = || wide.count(1, RateHeaders::default()).and_then(|rate| narrow.count(7, rate));
        assert!(both().is_ok());
        let refused = both().unwrap_err().into_response();
        let policy = "\"address\";q=30;w=60, \"account\";q=1;w=60";
        assert_eq!(refused.headers()[RATE_LIMIT_POLICY], policy);
    }

    #[test]
    fn limits_are_counted_apart_even_for_the_same_key() {
        let limits = RateLimits::new(true);
        let (one, two) = (limits.limit("one", 1), limits.limit("two", 1));
        assert!(one.count("x", RateHeaders::default()).is_ok());
        assert!(two.count("x", RateHeaders::default()).is_ok());
        assert!(one.count("x", RateHeaders::default()).is_err());
    }

    #[test]
    fn nothing_is_counted_when_limits_are_off() {
        let limit = RateLimits::new(false).limit("login", 5);
        for _ in 0..100 {
            let rate = limit.count("john", RateHeaders::default());
            assert_eq!(rate.unwrap(), RateHeaders::default());
        }
    }

    #[test]
    fn too_many_keys_to_tell_apart_share_a_bounded_number() {
        let counter = Counter::per_minute("test", 1);
        counter.full.store(true, Ordering::Relaxed);
        for key in 0..70_000 {
            let _ = counter.check(key, &mut RateHeaders::default());
        }
        assert!(counter.limiter.len() <= usize::try_from(SHARED_KEYS).unwrap());
    }
}
