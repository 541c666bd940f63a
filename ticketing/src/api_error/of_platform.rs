//! What the mechanisms' failures are to a client: away and overloaded are 503, the rest is ours.

use super::{ApiError, Code};
use crate::platform::append::AppendError;
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

impl From<AppendError> for ApiError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Overloaded => Self::overloaded(),
            AppendError::Unavailable => Self::unavailable(&error),
            AppendError::Conflict => concurrent_change(),
            AppendError::AlreadyProcessed | AppendError::KeyTaken | AppendError::Invalid => {
                Self::internal(&error)
            }
        }
    }
}

impl<E> From<CommandError<E>> for ApiError
where
    E: std::error::Error + Into<Self> + 'static,
{
    fn from(error: CommandError<E>) -> Self {
        match error {
            CommandError::Refused(refusal) => refusal.into(),
            CommandError::Conflict => concurrent_change(),
            CommandError::KeyTaken => AppendError::KeyTaken.into(),
            CommandError::Append(error) => error.into(),
            CommandError::Read(error) => error.into(),
        }
    }
}

fn concurrent_change() -> ApiError {
    ApiError::new(Code::ConcurrentChange, "Somebody else changed it at the same time")
}
