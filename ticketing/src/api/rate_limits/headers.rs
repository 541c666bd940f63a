//! What is left of the limits, told in headers: on refusals and on successes alike.

use std::fmt::{self, Write};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaResponses, Registry};
use poem_openapi::types::Type;

use super::WINDOW;
use crate::api_error::ApiError;

/// How many limits one request counts against at most.
const MOST_LIMITS: usize = 2;
/// Enough for the text of a header.
const HEADER_LENGTH: usize = 64;

pub(super) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub(super) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// What is left of the limits that a request counted against: the headers `RateLimit-Policy` and
/// `RateLimit` (draft-ietf-httpapi-ratelimit-headers). Empty when limits are off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateHeaders([Option<Left>; MOST_LIMITS]);

/// What is left of one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) name: &'static str,
    pub(super) quota: u32,
    pub(super) requests: u32,
    /// After how many seconds all of the quota is back.
    pub(super) reset: u64,
}

impl RateHeaders {
    pub(super) fn add(&mut self, left: Left) {
        if let Some(free) = self.0.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(left);
        }
    }

    /// Writes the headers.
    pub fn write(&self, headers: &mut HeaderMap) {
        let policy = |text: &mut String, left: &Left| {
            write!(text, "\"{}\";q={};w={}", left.name, left.quota, WINDOW.as_secs())
        };
        let state = |text: &mut String, left: &Left| {
            write!(text, "\"{}\";r={};t={}", left.name, left.requests, left.reset)
        };
        self.insert(headers, RATE_LIMIT_POLICY, policy);
        self.insert(headers, RATE_LIMIT, state);
    }

    fn insert(
        &self,
        headers: &mut HeaderMap,
        name: HeaderName,
        describe: impl Fn(&mut String, &Left) -> fmt::Result,
    ) {
        let mut text = String::with_capacity(HEADER_LENGTH);
        for left in self.0.iter().flatten() {
            if !text.is_empty() {
                text.push_str(", ");
            }
            // Writing to a string can not fail.
            let _ = describe(&mut text, left);
        }
        if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(text))
            && !value.is_empty()
        {
            headers.insert(name, value);
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
