//! What the mechanisms' failures are to a client: away and overloaded are 503, the rest is ours.

use super::{ApiError, Code};
use crate::api::idempotent::CallError;
use crate::platform::append::AppendError;
use crate::platform::caught_up::LookupError;
use crate::platform::commands::CommandError;
use crate::platform::event_store::ReadError;

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Database(error) => error.into(),
            ReadError::Event { .. } => Self::internal(&error),
        }
    }
}

impl From<LookupError> for ApiError {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Read(error) => error.into(),
            LookupError::Behind => Self::overloaded(),
        }
    }
}

impl From<AppendError> for ApiError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Overloaded => Self::overloaded(),
            AppendError::Unavailable => Self::unavailable(&error),
            AppendError::Conflict => {
                let detail = "Somebody else changed it at the same time";
                Self::new(Code::ConcurrentChange, detail)
            }
            AppendError::AlreadyProcessed | AppendError::KeyTaken | AppendError::Invalid => {
                Self::internal(&error)
            }
        }
    }
}

impl<E> From<CommandError<E>> for ApiError
where
    E: std::error::Error + Into<Self>,
{
    fn from(error: CommandError<E>) -> Self {
        CallError::from(error).into()
    }
}
