//! Recording what the rule service decided. The first verdict is final; later or repeated ones
//! change nothing.

use chrono::{DateTime, Utc};
use shared_events::{LinkRequestEvent, Outcome, TokenId};

use super::link_request::{LinkRequest, LinkRequestError};

/// Record a verdict.
#[derive(Clone, Debug)]
pub struct RecordEvaluation {
    /// The rule's phrase.
    pub rule: String,
    /// The version of the rule set.
    pub rule_set_version: String,
    /// What it decided.
    pub ruling: Ruling,
    /// When it is recorded.
    pub now: DateTime<Utc>,
}

/// What a rule decided.
#[derive(Clone, Debug)]
pub enum Ruling {
    /// The link opens.
    Granted {
        /// The first instant at which it works.
        opens_at: DateTime<Utc>,
        /// The first instant at which it no longer works.
        closes_at: DateTime<Utc>,
        /// Its token.
        token_id: TokenId,
    },
    /// There is no link.
    Refused {
        /// Why.
        reason: String,
    },
}

impl RecordEvaluation {
    pub(super) fn decide(
        self,
        request: &LinkRequest,
    ) -> Result<Vec<LinkRequestEvent>, LinkRequestError> {
        match request {
            LinkRequest::Absent => return Err(LinkRequestError::Unknown),
            LinkRequest::Requested { .. } => {}
            LinkRequest::Evaluated { .. }
            | LinkRequest::Refused { .. }
            | LinkRequest::Issued { .. }
            | LinkRequest::Bought { .. } => return Ok(Vec::new()),
        }
        let (outcome, issued) = match self.ruling {
            Ruling::Refused { reason } => (Outcome::Refused { refused: reason }, None),
            Ruling::Granted { opens_at, closes_at, token_id } => {
                // A verdict that comes late (the rule service was down) must not cost opening time.
                let closes_at = closes_at.max(self.now.max(opens_at) + (closes_at - opens_at));
                (Outcome::Opens { opens_at, closes_at }, Some(token_id))
            }
        };
        let evaluated = LinkRequestEvent::RuleEvaluated {
            rule: self.rule,
            rule_set_version: self.rule_set_version,
            outcome,
        };
        let issued = issued.map(|token_id| LinkRequestEvent::LinkIssued { token_id });
        Ok(std::iter::once(evaluated).chain(issued).collect())
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::test::TestFramework;

    use super::super::link_request::{LinkRequestCommand, given};
    use super::*;

    fn granted(now: DateTime<Utc>) -> LinkRequestCommand {
        record(
            "10 minutes",
            Ruling::Granted {
                opens_at: given::noon() + given::minutes(10),
                closes_at: given::noon() + given::minutes(70),
                token_id: given::token(),
            },
            now,
        )
    }

    fn record(rule: &str, ruling: Ruling, now: DateTime<Utc>) -> LinkRequestCommand {
        LinkRequestCommand::RecordEvaluation(RecordEvaluation {
            rule: rule.into(),
            rule_set_version: "v1".into(),
            ruling,
            now,
        })
    }

    #[test]
    fn a_verdict_issues_the_link() {
        TestFramework::<LinkRequest>::with(())
            .given(given::requested())
            .when(granted(given::noon()))
            .then_expect_events(given::issued().split_off(1));
    }

    #[test]
    fn a_refusal_issues_nothing() {
        TestFramework::<LinkRequest>::with(())
            .given(given::requested())
            .when(record("never", Ruling::Refused { reason: "no links".into() }, given::noon()))
            .then_expect_events(given::refused().split_off(1));
    }

    #[test]
    fn the_first_verdict_wins() {
        for decided in [given::issued(), given::refused(), given::bought()] {
            TestFramework::<LinkRequest>::with(())
                .given(decided)
                .when(granted(given::noon()))
                .then_expect_events(Vec::new());
        }
    }

    #[test]
    fn a_late_verdict_keeps_its_full_opening_time() {
        let an_hour_late = given::noon() + given::minutes(70);
        let events = TestFramework::<LinkRequest>::with(())
            .given(given::requested())
            .when(granted(an_hour_late))
            .inspect_result()
            .expect("recorded");
        let LinkRequestEvent::RuleEvaluated { outcome, .. } = &events[0] else { panic!() };
        let opens_at = given::noon() + given::minutes(10);
        let closes_at = an_hour_late + given::minutes(60);
        assert_eq!(*outcome, Outcome::Opens { opens_at, closes_at });
    }

    #[test]
    fn a_verdict_on_nothing_is_refused() {
        TestFramework::<LinkRequest>::with(())
            .given_no_previous_events()
            .when(granted(given::noon()))
            .then_expect_error(LinkRequestError::Unknown);
    }
}
