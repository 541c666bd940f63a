//! Turns the errors of the web library into problems, in our words: what it says of a request is
//! not for clients.

use http::{StatusCode, header};
use poem::Response;
use poem_openapi::error::{ContentTypeError, ParseParamError, ParsePathError};

use super::routes::Route;
use crate::api_error::{ApiError, Code};

/// The answer to an error of this route: as it is, if it was made from a problem.
///
/// # Errors
/// The problem that it is otherwise.
pub(super) fn answer(error: poem::Error, route: &Route) -> Result<Response, ApiError> {
    if error.is_from_response() {
        return Ok(error.into_response());
    }
    Err(problem(&error, route))
}

fn problem(error: &poem::Error, route: &Route) -> ApiError {
    let parameter = error
        .downcast_ref::<ParseParamError>()
        .map(|error| error.name)
        .or_else(|| error.downcast_ref::<ParsePathError>().map(|error| error.name));
    if let Some(name) = parameter {
        let name = path_parameter(&route.pattern, name).unwrap_or(name);
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
                .header(header::ALLOW, route.allow.clone())
        }
        StatusCode::PAYLOAD_TOO_LARGE => super::body::too_large(),
        status if status.is_client_error() => {
            ApiError::new(Code::MalformedRequest, "The request can not be read")
        }
        _ => ApiError::internal(&Unexpected(error.to_string())),
    }
}

/// The library numbers the parameters of a path: `param0` is the first.
fn path_parameter<'a>(pattern: &'a str, name: &str) -> Option<&'a str> {
    let index: usize = name.strip_prefix("param")?.parse().ok()?;
    let mut names = pattern.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    names.nth(index).map(|(name, _)| name)
}

/// An error of the library that no request should be able to cause; its text is for the log.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unexpected(String);
