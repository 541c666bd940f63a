//! Why a command over several aggregates of the outings is refused: by one of them.

use super::announcement::AnnouncementError;
use super::engagements::EngagementsError;
use super::rating::RatingError;

/// The refusal of one of the aggregates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutingsError {
    /// The announcement's.
    #[error(transparent)]
    Announcement(#[from] AnnouncementError),
    /// Somebody's engagements'.
    #[error(transparent)]
    Engagements(#[from] EngagementsError),
    /// The rating's.
    #[error(transparent)]
    Rating(#[from] RatingError),
}
