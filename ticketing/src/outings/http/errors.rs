//! What the refusals of outings are to a client.

use super::super::announcement::AnnouncementError;
use super::super::engagements::EngagementsError;
use super::super::error::OutingsError;
use super::super::rating::RatingError;
use crate::api_error::{ApiError, Code, FieldError};
use crate::platform::commands::CommandError;

/// Why a call comes to nothing: what it speaks of is not there for its caller, or it is refused.
/// Both are found out after the call's key was looked at, so that a repeat is answered whatever has
/// become of that since.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallRefused {
    /// By what was looked up for it.
    #[error("what the call needs is not there")]
    LookUp(ApiError),
    /// By a command.
    #[error(transparent)]
    Command(#[from] OutingsError),
    /// By the engagements of a guest whom the caller, the host, would take along.
    #[error(transparent)]
    OfGuest(EngagementsError),
}

/// Why the effect of a call failed.
pub(super) type EffectError = CommandError<CallRefused>;

impl From<ApiError> for EffectError {
    fn from(error: ApiError) -> Self {
        Self::Refused(CallRefused::LookUp(error))
    }
}

impl From<CallRefused> for ApiError {
    fn from(error: CallRefused) -> Self {
        match error {
            CallRefused::LookUp(error) => error,
            CallRefused::Command(error) => error.into(),
            CallRefused::OfGuest(error) => match error {
                // Who, and not where: that is the guest's own affair.
                EngagementsError::Taken(_) => {
                    Self::new(Code::TimeTaken, "The guest is at another outing at that time")
                }
                EngagementsError::TooMany => {
                    Self::new(Code::TooManyBookings, "The guest can be at no more outings than 500")
                }
            },
        }
    }
}

/// What a command of an effect failed of.
pub(super) fn of_command(error: CommandError<OutingsError>) -> EffectError {
    match error {
        CommandError::Refused(refusal) => CommandError::Refused(refusal.into()),
        CommandError::Conflict => CommandError::Conflict,
        CommandError::KeyTaken => CommandError::KeyTaken,
        CommandError::Append(error) => CommandError::Append(error),
        CommandError::Read(error) => CommandError::Read(error),
    }
}

/// What a host's answer to a booking failed of: the engagements are the guest's.
pub(super) fn of_answer(error: CommandError<OutingsError>) -> EffectError {
    match error {
        CommandError::Refused(OutingsError::Engagements(refusal)) => {
            CommandError::Refused(CallRefused::OfGuest(refusal))
        }
        error => of_command(error),
    }
}

pub(super) fn unknown_announcement() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such announcement")
}

pub(super) fn unknown_booking() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such booking")
}

pub(super) fn not_concerned() -> ApiError {
    ApiError::new(Code::Forbidden, "The booking is between other people")
}

/// To who has a booking of it.
pub(super) fn called_off() -> ApiError {
    ApiError::new(Code::AnnouncementNotOpen, "The outing was called off")
}

fn invalid(field: &str, rule: &str) -> ApiError {
    ApiError::invalid_fields(vec![FieldError::new(field, rule)])
}

impl From<AnnouncementError> for ApiError {
    fn from(error: AnnouncementError) -> Self {
        match error {
            AnnouncementError::Unknown => unknown_announcement(),
            AnnouncementError::UnknownBooking => unknown_booking(),
            AnnouncementError::NotHost => {
                Self::new(Code::Forbidden, "Only the host may change an announcement")
            }
            AnnouncementError::NotConcerned => not_concerned(),
            AnnouncementError::NotThere => {
                Self::new(Code::Forbidden, "Only who was there rates the others")
            }
            AnnouncementError::Own => {
                Self::new(Code::OwnAnnouncement, "You are the host of this outing")
            }
            AnnouncementError::BadTime => {
                invalid("event_time", "must be in the future, within two years")
            }
            AnnouncementError::NotThereWithThem => {
                invalid("about", "must be a guest who was there, or for a guest the host")
            }
            AnnouncementError::AlreadyOpen => {
                Self::new(Code::AnnouncementOpen, "Guests can apply; it can not be a draft again")
            }
            AnnouncementError::PlacesTaken { taken } => {
                Self::new(Code::PlacesTaken, format!("{taken} guests are accepted"))
            }
            AnnouncementError::Begun => Self::new(Code::OutingBegun, "The outing has begun"),
            AnnouncementError::NotOpen => {
                Self::new(Code::AnnouncementNotOpen, "Nobody can apply: it is a draft")
            }
            AnnouncementError::Full => Self::new(Code::AnnouncementFull, "No place is left"),
            AnnouncementError::AlreadyBooked => {
                let way = "You have a booking of it; PUT /app/v1/booking/{id} changes it";
                Self::new(Code::AlreadyBooked, way)
            }
            AnnouncementError::Declined => {
                Self::new(Code::AlreadyBooked, "The host has declined the booking you had of it")
            }
            AnnouncementError::TooManyBookings => {
                Self::new(Code::TooManyBookings, "Too many people have applied")
            }
            AnnouncementError::NotOver => Self::new(Code::OutingNotOver, "The outing is not over"),
            AnnouncementError::AlreadyAnnounced => Self::internal(&error),
        }
    }
}

impl From<EngagementsError> for ApiError {
    fn from(error: EngagementsError) -> Self {
        match error {
            EngagementsError::Taken(_) => Self::new(
                Code::TimeTaken,
                "You are at another outing at that time: host or guest can be at one only",
            ),
            EngagementsError::TooMany => {
                Self::new(Code::TooManyBookings, "Nobody can be at more outings than 500")
            }
        }
    }
}

impl From<RatingError> for ApiError {
    fn from(error: RatingError) -> Self {
        match error {
            RatingError::BadScore => invalid("score", "must be 1 to 5"),
            RatingError::Published => {
                Self::new(Code::ReviewPublished, "All can read the review; it stays as it is")
            }
        }
    }
}

impl From<OutingsError> for ApiError {
    fn from(error: OutingsError) -> Self {
        match error {
            OutingsError::Announcement(error) => error.into(),
            OutingsError::Engagements(error) => error.into(),
            OutingsError::Rating(error) => error.into(),
        }
    }
}
