//! Turns the errors of the web library into problems, in our words: what it says of a request is not for clients.

use http::{HeaderValue, StatusCode, header};
use poem::Response;
use poem_openapi::error::{ContentTypeError, ParseParamError, ParsePathError};

use crate::api_error::{ApiError, Code};

/// The answer to an error: as it is, if it was made from a problem; `allow` is what the route allows.
///
/// # Errors
/// The problem that it is otherwise.
pub(super) fn answer(error: poem::Error, allow: &HeaderValue) -> Result<Response, ApiError> {
    if error.is_from_response() {
        return Ok(error.into_response());
    }
    Err(problem(&error, allow))
}

fn problem(error: &poem::Error, allow: &HeaderValue) -> ApiError {
    let parameter = error
        .downcast_ref::<ParseParamError>()
        .map(|error| error.name)
        .or_else(|| error.downcast_ref::<ParsePathError>().map(|error| error.name));
    if let Some(name) = parameter {
        let detail = format!("The parameter {name} is missing or can not be read");
        return ApiError::new(Code::MalformedParameter, detail);
    }
    if error.is::<ContentTypeError>() {
        let detail = "The body must be application/json";
        return ApiError::new(Code::UnsupportedMediaType, detail);
    }
    match error.status() {
        StatusCode::NOT_FOUND => ApiError::new(Code::UnknownRoute, "There is nothing here"),
        StatusCode::METHOD_NOT_ALLOWED => {
            ApiError::new(Code::MethodNotAllowed, "Not with this method")
                .header(header::ALLOW, allow.clone())
        }
        StatusCode::PAYLOAD_TOO_LARGE => super::body::too_large(),
        status if status.is_client_error() => {
            ApiError::new(Code::MalformedRequest, "The request can not be read")
        }
        _ => ApiError::internal(&Unexpected(error.to_string())),
    }
}

/// An error of the library that no request should be able to cause; its text is for the log.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unexpected(String);
