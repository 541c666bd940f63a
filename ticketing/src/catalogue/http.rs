//! The catalogue over HTTP: films, who follows whom, reviews and likes. Everybody reads films and
//! reviews; administrators describe films; who is signed in follows, marks, writes and likes. No
//! rules and no SQL here.

mod answers;
mod errors;
mod films;
mod follows;
mod limits;
mod requests;
mod reviews;

use poem_openapi::Tags;

pub use films::FilmsApi;
pub use follows::FollowsApi;
pub use limits::CatalogueLimits;
pub use reviews::ReviewsApi;

use super::{Catalogue, Expected};
use crate::api::if_match;
use crate::api_error::ApiError;
use crate::platform::clock::Clock;

#[derive(Tags)]
enum Tag {
    /// Films, what people think of them, and who follows whom.
    #[oai(rename = "catalogue")]
    Catalogue,
}

/// What all routes need; cheap to clone.
#[derive(Clone)]
pub struct Service {
    /// Films, follows and reviews.
    pub catalogue: Catalogue,
    /// Who may how often.
    pub limits: CatalogueLimits,
    /// The time.
    pub clock: Clock,
}

/// Which state the header `If-Match` names; any if there is none.
///
/// # Errors
/// 412 if it names something that no entity tag of ours is.
fn expected(header: Option<&str>) -> Result<Expected, ApiError> {
    Ok(match if_match::sequence(header)? {
        Some(sequence) => Expected::At(sequence),
        None if header.is_some() => Expected::Known,
        None => Expected::Any,
    })
}
