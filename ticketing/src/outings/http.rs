//! Outings over HTTP: announcements, bookings, reviews. Who is signed in takes part; what only
//! followers may see is not there for others. No rules and no SQL here.

mod admin;
mod announcements;
mod announcing;
mod answers;
mod bookings;
mod bounds;
mod errors;
mod limits;
mod repeats;
mod requests;
mod review_answers;
mod reviews;
mod times;
mod views;

use poem_openapi::Tags;
use shared_events::AnnouncementId;

pub use admin::OutingsAdminApi;
pub use announcements::AnnouncementsApi;
pub use bookings::BookingsApi;
pub use limits::OutingsLimits;
pub use reviews::OutingReviewsApi;

use super::announcement::Outing;
use super::announcements::Announcements;
use super::bookings::Bookings;
use super::planner::{Current, Planner};
use super::reviewing::Reviewing;
use super::reviews::Reviews;
use crate::accounts::{Caller, People};
use crate::api::Context;
use crate::api::idempotent::{Call, CallError, Idempotent};
use crate::api::if_match;
use crate::api_error::{ApiError, Code};
use crate::catalogue::Catalogue;
use crate::platform::caught_up::CaughtUp;
use crate::platform::clock::Clock;
use crate::platform::commands::{CommandError, Execution};
use crate::platform::vault::Vault;
use errors::{CallRefused, unknown_announcement};

#[derive(Tags)]
enum Tag {
    /// Outings: going to the cinema together, and what people say of each other afterwards.
    #[oai(rename = "outings")]
    Outings,
}

/// What all routes need; cheap to clone.
#[derive(Clone)]
pub struct Service {
    /// Changes announcements and bookings.
    pub planner: Planner,
    /// Takes ratings.
    pub reviewing: Reviewing,
    /// Reads announcements.
    pub announcements: Announcements,
    /// Reads bookings.
    pub bookings: Bookings,
    /// Reads reviews.
    pub reviews: Reviews,
    /// Knows films, and who follows whom.
    pub catalogue: Catalogue,
    /// Knows what people are called.
    pub people: People,
    /// Keeps what people write.
    pub vault: Vault,
    /// Waits for what was written to be listed.
    pub caught_up: CaughtUp,
    /// Repeats of the same call.
    pub idempotent: Idempotent,
    /// Who may how often.
    pub limits: OutingsLimits,
    /// The time.
    pub clock: Clock,
}

impl Service {
    /// A command of this request, if what it speaks of is as the caller has seen it.
    fn execution(&self, context: &Context, if_match: Option<&str>) -> Result<Execution, ApiError> {
        if_match::only_at(Execution::new(context.origin(), self.clock.now()), if_match)
    }

    /// An announcement that the caller may see, as current as its last event.
    ///
    /// # Errors
    /// 404 if there is none, it was called off, or only followers of its host may see it.
    async fn visible(&self, id: AnnouncementId, caller: &Caller) -> Result<Current, ApiError> {
        let loaded = self.planner.load(id).await?;
        let outing = loaded.state.outing().ok_or_else(unknown_announcement)?;
        if !self.may_see(outing, caller).await? {
            return Err(unknown_announcement());
        }
        Ok(loaded)
    }

    async fn may_see(&self, outing: &Outing, caller: &Caller) -> Result<bool, ApiError> {
        let (host, me) = (outing.terms.host, caller.account);
        let is_open_to_me = !outing.terms.sub_only
            || me == host
            || caller.is_administrator()
            || outing.booking_of(me).is_some_and(|(_, booking)| booking.engages());
        Ok(is_open_to_me || self.catalogue.follows(me, host).await?)
    }
}

/// What makes two calls of the same caller the same.
fn call<'a>(
    caller: &Caller,
    key: Option<&'a str>,
    method: &'a str,
    path: &'a str,
    body: &'a [u8],
) -> Call<'a> {
    Call { key, caller: Some(caller.account), method, path, body }
}

/// What is kept for a repeat is what the call was answered.
fn as_answered<T: Clone>(answer: &T) -> T {
    answer.clone()
}

/// What a failure is to who named a state: that of a conflict is that it is not the present one.
fn failed(error: CallError<CallRefused>, if_match: Option<&str>) -> ApiError {
    match error {
        CallError::Failed(error) if error.code() == Code::ConcurrentChange => {
            let conflict: CommandError<CallRefused> = CommandError::Conflict;
            if_match::refused(conflict, if_match).into()
        }
        error => error.into(),
    }
}
