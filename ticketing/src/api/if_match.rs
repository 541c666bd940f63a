//! `If-Match`: a write that is only meant for the state its caller has seen (RFC 9110, section
//! 13.1.1). The entity tag of what has a stream is the sequence of its last event.

use super::idempotent::CallError;
use crate::api_error::{ApiError, Code};
use crate::platform::append::AppendError;
use crate::platform::commands::{CommandError, Execution};

/// The entity tag of this sequence.
pub fn etag(sequence: i64) -> String {
    format!("\"{sequence}\"")
}

/// Bounds an execution to the sequence that the header names; `*` and no header name none.
///
/// # Errors
/// 412 if the header names something that no entity tag of ours is, which then is not the present
/// one either.
pub fn only_at(execution: Execution, header: Option<&str>) -> Result<Execution, ApiError> {
    Ok(match sequence(header)? {
        None => execution,
        Some(sequence) => execution.at(sequence),
    })
}

/// The sequence that the header names, if it names one; `*` and no header name none.
///
/// # Errors
/// 412 as for [`only_at`].
pub fn sequence(header: Option<&str>) -> Result<Option<i64>, ApiError> {
    match header.map(str::trim) {
        None | Some("*") => Ok(None),
        Some(tag) => {
            let sequence = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            let sequence = sequence.and_then(|sequence| sequence.parse().ok());
            sequence.map(Some).ok_or_else(changed)
        }
    }
}

/// What a conflict is to who named a state: that it is not the present one.
pub fn refused<E: std::error::Error>(error: CommandError<E>, header: Option<&str>) -> CallError<E> {
    let conflict =
        matches!(error, CommandError::Conflict | CommandError::Append(AppendError::Conflict));
    if conflict && header.is_some_and(|tag| tag.trim() != "*") {
        return CallError::Failed(changed());
    }
    error.into()
}

/// Whether `If-None-Match` names this entity tag (RFC 9110, section 13.1.2).
pub fn names(header: &str, etag: &str) -> bool {
    let tag = |tag: &str| tag.trim().trim_start_matches("W/") == etag;
    header.trim() == "*" || header.split(',').any(tag)
}

/// The refusal of a write that was meant for another state.
pub fn changed() -> ApiError {
    ApiError::new(Code::PreconditionFailed, "It is no longer as you saw it: read it again")
}
