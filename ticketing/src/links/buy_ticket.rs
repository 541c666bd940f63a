//! Using a link: once, within its time, with its own token.

use chrono::{DateTime, Utc};
use shared_events::{LinkRequestEvent, TokenId};

use super::link_request::{LinkRequest, LinkRequestError, Opening};

/// Use a link.
#[derive(Clone, Copy, Debug)]
pub struct BuyTicket {
    /// The token that was presented, if it is a genuine one of this request.
    pub token: Option<TokenId>,
    /// When.
    pub now: DateTime<Utc>,
}

impl BuyTicket {
    /// Refusals come in the order of the contract: unknown, not open, wrong token, used, expired.
    pub(super) fn decide(
        self,
        request: &LinkRequest,
    ) -> Result<Vec<LinkRequestEvent>, LinkRequestError> {
        let (requester, opening, token_id) = match request {
            LinkRequest::Absent => return Err(LinkRequestError::Unknown),
            LinkRequest::Requested { .. } => {
                return Err(LinkRequestError::NotYetOpen { opens_at: None });
            }
            LinkRequest::Evaluated { opening, .. } => {
                return Err(LinkRequestError::NotYetOpen { opens_at: Some(opening.opens_at) });
            }
            LinkRequest::Refused { .. } => return Err(LinkRequestError::WrongToken),
            LinkRequest::Issued { requester, opening, token_id } => {
                (Some(*requester), opening, token_id)
            }
            LinkRequest::Bought { opening, token_id } => (None, opening, token_id),
        };
        let Opening { opens_at, closes_at } = *opening;
        if self.now < opens_at {
            return Err(LinkRequestError::NotYetOpen { opens_at: Some(opens_at) });
        }
        if self.token != Some(*token_id) {
            return Err(LinkRequestError::WrongToken);
        }
        if requester.is_none() {
            return Err(LinkRequestError::AlreadyUsed);
        }
        if self.now >= closes_at {
            return Err(LinkRequestError::Expired { closed_at: closes_at });
        }
        Ok(vec![LinkRequestEvent::TicketBought { bought_at: self.now, requester }])
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use cqrs_es::test::TestFramework;
    use shared_events::Requester;
    use uuid::Uuid;

    use super::super::link_request::{LinkRequestCommand, given};
    use super::*;

    fn at(minute: i64) -> LinkRequestCommand {
        buy(Some(given::token()), given::noon() + given::minutes(minute))
    }

    fn buy(token: Option<TokenId>, now: DateTime<Utc>) -> LinkRequestCommand {
        LinkRequestCommand::BuyTicket(BuyTicket { token, now })
    }

    fn refused(given: Vec<LinkRequestEvent>, command: LinkRequestCommand, why: LinkRequestError) {
        TestFramework::<LinkRequest>::with(()).given(given).when(command).then_expect_error(why);
    }

    #[test]
    fn an_open_link_can_be_used() {
        TestFramework::<LinkRequest>::with(())
            .given(given::issued())
            .when(at(15))
            .then_expect_events(given::bought().split_off(3));
    }

    #[test]
    fn a_link_works_from_its_first_instant_until_just_before_it_closes() {
        let first = given::noon() + given::minutes(10);
        let last = given::noon() + given::minutes(70) - TimeDelta::microseconds(1);
        for now in [first, last] {
            let requester = Some(Requester::Guest);
            let used = vec![LinkRequestEvent::TicketBought { bought_at: now, requester }];
            TestFramework::<LinkRequest>::with(())
                .given(given::issued())
                .when(buy(Some(given::token()), now))
                .then_expect_events(used);
        }
    }

    #[test]
    fn a_link_cannot_be_used_before_it_opens_whatever_the_token() {
        let opens_at = Some(given::noon() + given::minutes(10));
        let before = given::noon() + given::minutes(10) - TimeDelta::microseconds(1);
        for token in [Some(given::token()), None] {
            let not_yet = LinkRequestError::NotYetOpen { opens_at };
            refused(given::issued(), buy(token, before), not_yet);
        }
    }

    #[test]
    fn a_link_without_a_verdict_is_not_open() {
        refused(given::requested(), at(15), LinkRequestError::NotYetOpen { opens_at: None });
    }

    #[test]
    fn a_link_works_once() {
        refused(given::bought(), at(16), LinkRequestError::AlreadyUsed);
    }

    #[test]
    fn a_used_link_stays_used_after_it_closed() {
        refused(given::bought(), at(90), LinkRequestError::AlreadyUsed);
    }

    #[test]
    fn a_link_cannot_be_used_after_it_closed() {
        let closed_at = given::noon() + given::minutes(70);
        refused(given::issued(), at(70), LinkRequestError::Expired { closed_at });
    }

    #[test]
    fn another_token_opens_nothing() {
        let now = given::noon() + given::minutes(15);
        for token in [None, Some(TokenId(Uuid::from_u128(8)))] {
            refused(given::issued(), buy(token, now), LinkRequestError::WrongToken);
            refused(given::bought(), buy(token, now), LinkRequestError::WrongToken);
        }
    }

    #[test]
    fn a_refused_request_has_no_link() {
        refused(given::refused(), at(15), LinkRequestError::WrongToken);
    }

    #[test]
    fn an_unknown_request_is_unknown() {
        refused(Vec::new(), at(15), LinkRequestError::Unknown);
    }
}
