//! The headers of every answer. An operation may set its own `Cache-Control` and
//! `Content-Security-Policy`; without one, nothing is stored and nothing may be loaded.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, Entry, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::context::{Context, X_REQUEST_ID};

/// Answers hold tokens and personal data: nobody keeps them unless the operation says so.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// An answer of an API is no page: it loads nothing and stands in no frame.
const NOTHING: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'");

/// Adds what every answer has.
pub(super) fn complete(headers: &mut HeaderMap, context: &Context) {
    headers.insert(HeaderName::from_static(X_REQUEST_ID), context.request_id.to_header());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Entry::Vacant(entry) = headers.entry(CACHE_CONTROL) {
        entry.insert(NO_STORE);
    }
    if let Entry::Vacant(entry) = headers.entry(CONTENT_SECURITY_POLICY) {
        entry.insert(NOTHING);
    }
}
