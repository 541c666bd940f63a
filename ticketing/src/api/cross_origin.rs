//! Which web pages of other origins may call: those of `ALLOWED_ORIGINS`, by default none. Without
//! cookies, always: a page of another origin has to hold a token itself (Fetch standard, CORS
//! protocol). And no page of another origin writes with the cookies of who looks at it, nor signs
//! anybody in (CSRF, login CSRF).

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ALLOW,
    AUTHORIZATION, COOKIE, HOST, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
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
pub(super) struct CrossOrigin {
    allowed: Vec<HeaderValue>,
    /// Where the service is reached.
    own: Option<HeaderValue>,
}

impl CrossOrigin {
    /// Reads origins such as `https://shop.example`; what can not stand in a header matches
    /// nothing.
    pub(super) fn new(origins: &[String], public_url: &str) -> Self {
        let origins = origins.iter().map(|origin| origin.trim().trim_end_matches('/'));
        let allowed = origins.filter(|o| !o.is_empty()).filter_map(|o| o.parse().ok()).collect();
        Self { allowed, own: origin_of(public_url) }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        self.allowed.contains(origin)
    }

    /// Whether a request writes on behalf of a page of another origin with the cookies of who looks
    /// at it, or to set them: a page could sign its visitor in as somebody else. A request without
    /// `Origin` comes from no page. One with `Authorization` holds a token itself and needs no
    /// cookie; no browser adds that header for a page whose preflight was refused.
    pub(super) fn forges(&self, method: &Method, sets_cookies: bool, headers: &HeaderMap) -> bool {
        let writes = !method.is_safe();
        let cookies = sets_cookies || headers.contains_key(COOKIE);
        let concerned = writes && cookies && !headers.contains_key(AUTHORIZATION);
        let Some(origin) = headers.get(ORIGIN).filter(|_| concerned) else {
            return false;
        };
        // The host a browser has called is its own word: no page can change it.
        let same_host = || {
            let host = headers.get(HOST)?.to_str().ok()?;
            let origin = origin.to_str().ok()?;
            Some(origin.split_once("://")?.1.eq_ignore_ascii_case(host))
        };
        self.own.as_ref() != Some(origin) && !self.allows(origin) && !same_host().unwrap_or(false)
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
        if self.allowed.is_empty() {
            return;
        }
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin.filter(|origin| self.allows(origin)) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
        }
    }
}

/// Scheme, host and port of an address, as browsers write them: without the scheme's own port.
fn origin_of(url: &str) -> Option<HeaderValue> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, host) = (uri.scheme_str()?, uri.host()?);
    let port =
        uri.port_u16().filter(|port| ![("http", 80), ("https", 443)].contains(&(scheme, *port)));
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    format!("{scheme}://{host}{port}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forges(method: Method, lines: &[(&'static str, &str)]) -> bool {
        forges_on(false, method, lines)
    }

    fn forges_on(sets_cookies: bool, method: Method, lines: &[(&'static str, &str)]) -> bool {
        let cross_origin =
            CrossOrigin::new(&["https://shop.example".into()], "https://tickets.example:443/");
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        cross_origin.forges(&method, sets_cookies, &headers)
    }

    #[test]
    fn a_page_of_another_origin_writes_nothing_with_cookies() {
        let cookie = ("cookie", "Authentication=a.b.c");
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(forges(method.clone(), &[cookie, ("origin", "https://evil.example")]));
            assert!(forges(method, &[cookie, ("origin", "null")]));
        }
    }

    #[test]
    fn a_page_of_another_origin_signs_nobody_in() {
        let signs_in = |lines: &[(&'static str, &str)]| forges_on(true, Method::POST, lines);
        let evil = ("origin", "https://evil.example");
        assert!(signs_in(&[evil]) && signs_in(&[("origin", "null")]));
        assert!(!signs_in(&[]), "no page");
        assert!(!signs_in(&[("origin", "https://shop.example")]));
        assert!(!signs_in(&[evil, ("authorization", "Bearer x")]), "a token");
        assert!(!forges_on(true, Method::GET, &[evil]), "a provider sends people back");
    }

    #[test]
    fn everybody_else_writes() {
        let cookie = ("cookie", "Authentication=a.b.c");
        let evil = ("origin", "https://evil.example");
        assert!(!forges(Method::GET, &[cookie, evil]), "reading");
        assert!(!forges(Method::POST, &[cookie]), "no page");
        assert!(!forges(Method::POST, &[evil]), "no cookie, neither sent nor set");
        assert!(!forges(Method::POST, &[cookie, evil, ("authorization", "Bearer x")]), "a token");
        for own in ["https://tickets.example", "https://shop.example"] {
            assert!(!forges(Method::POST, &[cookie, ("origin", own)]), "{own}");
        }
        let local = [cookie, ("origin", "http://127.0.0.1:5000"), ("host", "127.0.0.1:5000")];
        assert!(!forges(Method::POST, &local), "the host that was called");
    }
}
