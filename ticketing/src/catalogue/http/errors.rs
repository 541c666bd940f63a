//! What the refusals of the catalogue are to a client.

use super::super::follows::FollowError;
use super::super::reviews::ReviewError;
use crate::api::if_match;
use crate::api_error::{ApiError, Code};

pub(super) fn unknown_film() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such film")
}

pub(super) fn unknown_review() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such review")
}

fn caller_gone() -> ApiError {
    ApiError::new(Code::Unauthenticated, "The account is no more")
}

impl From<FollowError> for ApiError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Oneself => Self::new(Code::OwnAccount, "Nobody follows themselves"),
            FollowError::Unknown => Self::new(Code::NotFound, "There is nothing of this id"),
            FollowError::TooMany => {
                Self::new(Code::TooManyFollowed, "Take one back before you add another")
            }
            FollowError::CallerGone => caller_gone(),
            FollowError::Database(error) => error.into(),
        }
    }
}

impl From<ReviewError> for ApiError {
    fn from(error: ReviewError) -> Self {
        match error {
            ReviewError::Unknown => Self::new(Code::NotFound, "There is nothing of this id"),
            ReviewError::NotTheAuthor => {
                Self::new(Code::Forbidden, "Only its author or an administrator may do this")
            }
            ReviewError::Changed => if_match::changed(),
            ReviewError::CallerGone => caller_gone(),
            ReviewError::Database(error) => error.into(),
        }
    }
}
