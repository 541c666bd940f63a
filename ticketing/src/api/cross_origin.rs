//! Which web pages of other origins may call: those of `ALLOWED_ORIGINS`, by default none. Without
//! cookies, always: a page of another origin has to hold a token itself (Fetch standard, CORS
//! protocol).

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ALLOW,
    ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use poem::Response;

use super::routes::Route;

const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id, \
     traceparent",
);
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, \
     X-Request-Id",
);
/// How long a browser may remember a preflight, seconds.
const REMEMBERED: u32 = 600;

/// The origins that may call.
#[derive(Clone, Debug, Default)]
pub(super) struct CrossOrigin(Vec<HeaderValue>);

impl CrossOrigin {
    /// Reads origins such as `https://shop.example`; what can not stand in a header matches
    /// nothing.
    pub(super) fn new(origins: &[String]) -> Self {
        let origins = origins.iter().map(|origin| origin.trim().trim_end_matches('/'));
        Self(origins.filter(|o| !o.is_empty()).filter_map(|o| o.parse().ok()).collect())
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        self.0.contains(origin)
    }

    /// The answer to OPTIONS: what the route allows, and to a browser that asks first, whether its
    /// page may call.
    pub(super) fn preflight(&self, route: &Route, request: &HeaderMap) -> Response {
        let mut response = Response::builder().status(StatusCode::NO_CONTENT).finish();
        let headers = response.headers_mut();
        headers.insert(ALLOW, route.allow.clone());
        let asked = request.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if asked && request.get(ORIGIN).is_some_and(|origin| self.allows(origin)) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, route.allow.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(REMEMBERED));
        }
        response
    }

    /// Tells the browser whether a page of this origin may read the answer.
    pub(super) fn complete(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin.filter(|origin| self.allows(origin)) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
        }
    }
}
