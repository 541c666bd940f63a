//! Asking for a link: the first event of a request, made once, with the tier that was granted.
//!
//! Not here: who is granted which tier (`accounts`), and what a rule makes of it
//! (`record_evaluation.rs`).

use chrono::{DateTime, Utc};
use shared_events::{LinkRequestEvent, Requester, Tier};

use super::link_request::{LinkRequest, LinkRequestError};

/// Ask for a link. The tier is the one granted to the requester, never the one they claim.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Who asks.
    pub requester: Requester,
    /// What they are entitled to.
    pub tier: Tier,
    /// When.
    pub now: DateTime<Utc>,
}

impl Request {
    pub(super) fn decide(
        self,
        request: &LinkRequest,
    ) -> Result<Vec<LinkRequestEvent>, LinkRequestError> {
        match request {
            LinkRequest::Absent => Ok(vec![LinkRequestEvent::Requested {
                requester: self.requester,
                tier: self.tier,
                requested_at: self.now,
            }]),
            _ => Err(LinkRequestError::AlreadyRequested),
        }
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::test::TestFramework;

    use super::super::link_request::{LinkRequestCommand, given};
    use super::*;

    fn by_guest() -> LinkRequestCommand {
        let requester = Requester::Guest;
        LinkRequestCommand::Request(Request { requester, tier: Tier::Standard, now: given::noon() })
    }

    #[test]
    fn a_link_can_be_asked_for() {
        TestFramework::<LinkRequest>::with(())
            .given_no_previous_events()
            .when(by_guest())
            .then_expect_events(given::requested());
    }

    #[test]
    fn a_request_is_made_once() {
        TestFramework::<LinkRequest>::with(())
            .given(given::requested())
            .when(by_guest())
            .then_expect_error(LinkRequestError::AlreadyRequested);
    }
}
