//! The aggregate `LinkRequest`: what its events made of it, and which commands it takes. Decisions
//! stand in the use-case files; `apply` only remembers.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use shared_events::{LinkRequestEvent, Outcome, Requester, Tier, TokenId};

use super::buy_ticket::BuyTicket;
use super::record_evaluation::RecordEvaluation;
use super::request::Request;

/// A request for a ticket link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkRequest {
    /// Nobody has asked.
    #[default]
    Absent,
    /// Asked; no verdict yet.
    Requested {
        /// Who asked.
        requester: Requester,
        /// With which tier.
        tier: Tier,
    },
    /// A rule has said when the link opens.
    Evaluated {
        /// Who asked.
        requester: Requester,
        /// When it can be used.
        opening: Opening,
    },
    /// A rule has said that there is no link.
    Refused {
        /// Why.
        reason: String,
    },
    /// The link exists; whether it is open is a comparison with the clock.
    Issued {
        /// Who asked.
        requester: Requester,
        /// When it can be used.
        opening: Opening,
        /// Its only token.
        token_id: TokenId,
    },
    /// The link was used.
    Bought {
        /// When it could be used.
        opening: Opening,
        /// Its only token.
        token_id: TokenId,
    },
}

/// When a link can be used: from `opens_at` on, until just before `closes_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The first instant at which it works.
    pub opens_at: DateTime<Utc>,
    /// The first instant at which it no longer works.
    pub closes_at: DateTime<Utc>,
}

/// What can be asked of a link request.
#[derive(Clone, Debug)]
pub enum LinkRequestCommand {
    /// Ask for a link.
    Request(Request),
    /// Record what the rule service decided.
    RecordEvaluation(RecordEvaluation),
    /// Use the link.
    BuyTicket(BuyTicket),
}

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkRequestError {
    /// There is no such request.
    #[error("there is no such request")]
    Unknown,
    /// The id was used before.
    #[error("the request exists already")]
    AlreadyRequested,
    /// The link does not work yet; without a time while the rule has not decided.
    #[error("the link is not open yet")]
    NotYetOpen {
        /// When it opens, if that is known.
        opens_at: Option<DateTime<Utc>>,
    },
    /// The token is not this request's.
    #[error("the token does not belong to this request")]
    WrongToken,
    /// The link was used; it works once.
    #[error("the link was used before")]
    AlreadyUsed,
    /// The link's time is over.
    #[error("the link has closed")]
    Expired {
        /// Since when.
        closed_at: DateTime<Utc>,
    },
}

impl Aggregate for LinkRequest {
    const TYPE: &'static str = "link_request";
    type Command = LinkRequestCommand;
    type Event = LinkRequestEvent;
    type Error = LinkRequestError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let events = match command {
            LinkRequestCommand::Request(command) => command.decide(self),
            LinkRequestCommand::RecordEvaluation(command) => command.decide(self),
            LinkRequestCommand::BuyTicket(command) => command.decide(self),
        }?;
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        *self = match (event, &*self) {
            (LinkRequestEvent::Requested { requester, tier, .. }, _) => {
                Self::Requested { requester, tier }
            }
            (
                LinkRequestEvent::RuleEvaluated { outcome, .. },
                Self::Requested { requester, .. },
            ) => match outcome {
                Outcome::Opens { opens_at, closes_at } => {
                    let opening = Opening { opens_at, closes_at };
                    Self::Evaluated { requester: *requester, opening }
                }
                Outcome::Refused { refused } => Self::Refused { reason: refused },
            },
            (LinkRequestEvent::LinkIssued { token_id }, Self::Evaluated { requester, opening }) => {
                Self::Issued { requester: *requester, opening: *opening, token_id }
            }
            (LinkRequestEvent::TicketBought { .. }, Self::Issued { opening, token_id, .. }) => {
                Self::Bought { opening: *opening, token_id: *token_id }
            }
            (_, unchanged) => unchanged.clone(),
        };
    }
}

#[cfg(test)]
pub(super) mod given {
    //! States of a link request, as the events that lead to them.

    use super::*;
    use chrono::TimeDelta;
    use uuid::Uuid;

    pub(in crate::links) fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_262_400, 0).unwrap()
    }

    pub(in crate::links) fn minutes(minutes: i64) -> TimeDelta {
        TimeDelta::minutes(minutes)
    }

    pub(in crate::links) fn token() -> TokenId {
        TokenId(Uuid::from_u128(7))
    }

    /// Asked at noon.
    pub(in crate::links) fn requested() -> Vec<LinkRequestEvent> {
        let requester = Requester::Guest;
        vec![LinkRequestEvent::Requested { requester, tier: Tier::Standard, requested_at: noon() }]
    }

    /// Open from ten past noon for an hour.
    pub(in crate::links) fn issued() -> Vec<LinkRequestEvent> {
        let mut events = requested();
        events.push(LinkRequestEvent::RuleEvaluated {
            rule: "10 minutes".into(),
            rule_set_version: "v1".into(),
            outcome: Outcome::Opens {
                opens_at: noon() + minutes(10),
                closes_at: noon() + minutes(70),
            },
        });
        events.push(LinkRequestEvent::LinkIssued { token_id: token() });
        events
    }

    pub(in crate::links) fn refused() -> Vec<LinkRequestEvent> {
        let mut events = requested();
        events.push(LinkRequestEvent::RuleEvaluated {
            rule: "never".into(),
            rule_set_version: "v1".into(),
            outcome: Outcome::Refused { refused: "no links".into() },
        });
        events
    }

    /// Used at a quarter past noon.
    pub(in crate::links) fn bought() -> Vec<LinkRequestEvent> {
        let mut events = issued();
        events.push(LinkRequestEvent::TicketBought {
            bought_at: noon() + minutes(15),
            requester: Some(Requester::Guest),
        });
        events
    }
}
