//! What the refusals of the links are to a client.

use super::super::check::Gone;
use super::super::link_request::LinkRequestError;
use super::{NOT_READY, UNKNOWN};
use crate::api_error::{ApiError, Code};

pub(super) fn unknown() -> ApiError {
    ApiError::new(Code::LinkRequestUnknown, UNKNOWN)
}

pub(super) fn wrong() -> ApiError {
    ApiError::new(Code::LinkWrong, "Your link is Wrong")
}

pub(super) fn gone(gone: Gone) -> ApiError {
    match gone {
        Gone::Used => ApiError::new(Code::LinkGone, "Your link was used; it works once"),
        Gone::Expired => ApiError::new(Code::LinkGone, "Your link has expired"),
        Gone::Refused { reason } => {
            ApiError::new(Code::LinkGone, format!("There is no link: {reason}"))
        }
    }
}

impl From<LinkRequestError> for ApiError {
    fn from(error: LinkRequestError) -> Self {
        match error {
            LinkRequestError::Unknown => unknown(),
            LinkRequestError::WrongToken => wrong(),
            LinkRequestError::AlreadyUsed => Self::new(Code::LinkUsed, "Your link is Invalid"),
            LinkRequestError::Expired { .. } => {
                Self::new(Code::LinkExpired, "Your link is Expired")
            }
            LinkRequestError::NotYetOpen { .. } => Self::new(Code::LinkNotYetOpen, NOT_READY),
            LinkRequestError::AlreadyRequested => Self::internal(&error),
        }
    }
}
