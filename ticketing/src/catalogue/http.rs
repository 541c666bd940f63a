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

use super::Catalogue;
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
