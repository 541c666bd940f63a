//! How a refusal reaches the client: RFC 9457 `application/problem+json`, for every error of every
//! route. Contexts turn their errors into [`ApiError`] in their `http.rs`; the table of codes is in
//! [`code`]. No text of a library, of SQL or of a secret is ever in an answer: the cause of a
//! failure goes to the log, once, beside the request id.

mod code;
mod of_platform;

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue, header};
use poem::{IntoResponse, Response};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, Object};
use serde::Serialize;

pub use code::Code;

use crate::api::rate_limits::RateHeaders;
use crate::platform::causes::causes;
use crate::platform::database::DatabaseError;
use crate::platform::idempotency::InvalidKey;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// What a client should wait when something is away or overloaded.
const SHORT_WAIT: Duration = Duration::from_secs(1);

/// Why a request was refused, in the form of RFC 9457.
#[derive(Clone, Debug, Object, Serialize)]
pub struct Problem {
    /// Identifies the kind of problem: `/problems/<code>`, where its meaning can be read.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    pub type_uri: String,
    /// The kind of problem, for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time, for people.
    pub detail: String,
    /// The kind of problem, for programs.
    pub code: String,
    /// The same as `detail`, where older clients look for it.
    pub message: String,
    /// With `invalid_fields`: each member that breaks a rule.
    #[oai(default, skip_serializing_if_is_empty)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// If a time is being waited for: that time.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<DateTime<Utc>>,
    /// If trying again can help: after how many seconds.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
}

/// A member of the body that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
pub struct FieldError {
    /// The path of the member, such as `seats[1].number`.
    pub field: String,
    /// The rule, for people.
    pub message: String,
}

impl FieldError {
    /// `field` breaks the rule that `message` tells.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// A refusal on its way to the client.
#[derive(Debug)]
pub struct ApiError(Box<Refusal>);

#[derive(Debug)]
struct Refusal {
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    opens_at: Option<DateTime<Utc>>,
    retry_after: Option<Duration>,
    header: Option<(HeaderName, HeaderValue)>,
    rate: Option<RateHeaders>,
    cause: Option<Cause>,
}

/// What made a request fail, with all its sources; left in the response for the access log, never
/// sent.
#[derive(Clone, Debug)]
pub struct Cause(pub Arc<str>);

impl ApiError {
    /// A refusal; `detail` tells a person what went wrong this time.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Refusal {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            opens_at: None,
            retry_after: None,
            header: None,
            rate: None,
            cause: None,
        }))
    }

    /// Members of the body break rules.
    pub fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let mut refusal = Self::new(Code::InvalidFields, "Some fields are not valid");
        refusal.0.errors = errors;
        refusal
    }

    /// The service failed. The cause is logged with the request, the client learns nothing of it.
    pub fn internal(cause: &(dyn Error + 'static)) -> Self {
        Self::new(Code::InternalError, "The service failed; its log tells why").caused_by(cause)
    }

    /// Something that is needed can not be reached. The cause is logged with the request.
    pub fn unavailable(cause: &(dyn Error + 'static)) -> Self {
        Self::new(Code::Unavailable, "The service can not do this now, please try again")
            .retry_after(SHORT_WAIT)
            .caused_by(cause)
    }

    /// There is too much to do; nothing was done.
    pub fn overloaded() -> Self {
        Self::new(Code::Overloaded, "The service is overloaded, please try again")
            .retry_after(SHORT_WAIT)
    }

    /// The idempotency key belongs to another request.
    pub fn idempotency_key_reused() -> Self {
        let detail = "This Idempotency-Key was used for another request";
        Self::new(Code::IdempotencyKeyReused, detail)
    }

    /// A request with the same idempotency key is being worked on.
    pub fn request_in_flight() -> Self {
        let detail = "A request with this Idempotency-Key is still being worked on";
        Self::new(Code::RequestInFlight, detail).retry_after(SHORT_WAIT)
    }

    /// Says when trying again can help; told in whole seconds, rounded up.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Says which time is being waited for.
    #[must_use]
    pub fn opens_at(mut self, time: DateTime<Utc>) -> Self {
        self.0.opens_at = Some(time);
        self
    }

    /// Adds a header, such as `Allow`.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.header = Some((name, value));
        self
    }

    /// Adds what is left of the limits that apply.
    #[must_use]
    pub fn rate(mut self, rate: RateHeaders) -> Self {
        self.0.rate = Some(rate);
        self
    }

    /// The kind of problem.
    pub fn code(&self) -> Code {
        self.0.code
    }

    fn caused_by(mut self, cause: &(dyn Error + 'static)) -> Self {
        self.0.cause = Some(Cause(causes(cause).into()));
        self
    }

    pub(crate) fn problem(&mut self) -> Problem {
        let Refusal { code, detail, errors, opens_at, retry_after, .. } = &mut *self.0;
        Problem {
            type_uri: code.type_uri().to_owned(),
            title: code.title().to_owned(),
            status: code.status().as_u16(),
            detail: detail.to_string(),
            code: code.as_str().to_owned(),
            message: std::mem::take(detail).into_owned(),
            errors: std::mem::take(errors),
            opens_at: *opens_at,
            retry_after_seconds: retry_after.map(whole_seconds),
        }
    }
}

/// Rounds up to whole seconds, and to one at least: who is told to wait may come back in time.
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

impl IntoResponse for ApiError {
    fn into_response(mut self) -> Response {
        let problem = self.problem();
        // Serialising strings, numbers and times can not fail; an empty body would still carry the
        // status.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response =
            Response::builder().status(self.0.code.status()).content_type(PROBLEM_JSON).body(body);
        let headers = response.headers_mut();
        if let Some(seconds) = problem.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self.0.code {
            Code::InvalidToken => {
                let value = HeaderValue::from_static("Bearer error=\"invalid_token\"");
                headers.insert(header::WWW_AUTHENTICATE, value);
            }
            code if code.status() == http::StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        if let Some((name, value)) = self.0.header.take() {
            headers.insert(name, value);
        }
        if let Some(rate) = &self.0.rate {
            rate.write(headers);
        }
        if let Some(cause) = self.0.cause.take() {
            response.extensions_mut().insert(cause);
        }
        response
    }
}

impl From<ApiError> for poem::Error {
    fn from(mut error: ApiError) -> Self {
        // An error's own data replaces that of the response it was made from.
        let cause = error.0.cause.take();
        let mut error = Self::from_response(error.into_response());
        if let Some(cause) = cause {
            error.set_data(cause);
        }
        error
    }
}

impl ApiResponse for ApiError {
    /// One answer that stands for all; the document replaces it by those each operation names
    /// ([`crate::api::document`]).
    fn meta() -> MetaResponses {
        let content = vec![MetaMediaType {
            content_type: PROBLEM_JSON,
            schema: Json::<Problem>::schema_ref(),
        }];
        let response = MetaResponse {
            description: "A problem",
            status: None,
            status_range: None,
            content,
            headers: Vec::new(),
        };
        MetaResponses { responses: vec![response] }
    }

    fn register(registry: &mut Registry) {
        Problem::register(registry);
    }
}

impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        if error.is_away() { Self::unavailable(&error) } else { Self::internal(&error) }
    }
}

impl From<InvalidKey> for ApiError {
    fn from(error: InvalidKey) -> Self {
        Self::new(Code::InvalidIdempotencyKey, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn body(error: ApiError) -> (http::HeaderMap, serde_json::Value) {
        let response = error.into_response();
        let headers = response.headers().clone();
        (headers, response.into_body().into_json().await.unwrap())
    }

    #[tokio::test]
    async fn every_code_is_answered_as_the_problem_of_its_row() {
        for code in Code::ALL {
            let (headers, problem) = body(ApiError::new(*code, "what happened")).await;
            assert_eq!(headers[header::CONTENT_TYPE], PROBLEM_JSON);
            assert_eq!(problem["type"], format!("/problems/{}", code.as_str()));
            assert_eq!(problem["title"], code.title());
            assert_eq!(problem["status"], code.status().as_u16());
            assert_eq!(problem["code"], code.as_str());
            assert_eq!(problem["detail"], "what happened");
            assert_eq!(problem["message"], problem["detail"]);
            let challenged = headers.contains_key(header::WWW_AUTHENTICATE);
            assert_eq!(challenged, code.status() == http::StatusCode::UNAUTHORIZED);
        }
    }

    #[tokio::test]
    async fn waiting_is_told_in_whole_seconds_rounded_up() {
        for (wait, told) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (599_001, 600)] {
            let error = ApiError::new(Code::LinkNotYetOpen, "wait");
            let (headers, problem) = body(error.retry_after(Duration::from_millis(wait))).await;
            assert_eq!(headers[header::RETRY_AFTER], told.to_string());
            assert_eq!(problem["retry_after_seconds"], told);
        }
    }

    #[tokio::test]
    async fn what_failed_inside_is_kept_for_the_log_and_never_sent() {
        let cause = std::io::Error::other("relation \"accounts\" does not exist");
        let response = ApiError::internal(&cause).into_response();
        assert_eq!(response.extensions().get::<Cause>().unwrap().0.as_ref(), cause.to_string());
        let text = response.into_body().into_string().await.unwrap();
        assert!(!text.contains("relation"), "{text}");
    }
}
