//! The events of a link request: somebody asks for a ticket link, a rule says when it opens, it is
//! issued and used once. Nothing marks expiry: that is a comparison with the clock. The link's
//! token is not here (vault).

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::account::{AccountId, Tier};
use crate::id::id;

id! {
    /// Which link request.
    RequestId
}
id! {
    /// Which access token: the `jti` of the link's token.
    TokenId
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Requester {
    /// An account; only it may read and use the request.
    Account(AccountId),
    /// Somebody without an account; whoever knows the request's id is the requester.
    Guest,
}

/// What the rule decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    /// The link may be used from `opens_at` (inclusive) until `closes_at` (exclusive).
    Opens {
        /// The first instant at which the link works.
        opens_at: DateTime<Utc>,
        /// The first instant at which it no longer works.
        closes_at: DateTime<Utc>,
    },
    /// There will be no link.
    Refused {
        /// Why, for people.
        refused: String,
    },
}

/// What happens to a link request, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum LinkRequestEvent {
    /// A link was asked for.
    Requested {
        /// Who asked.
        requester: Requester,
        /// The tier granted to them at that moment, never the one they claim.
        tier: Tier,
        /// The moment that rules count from.
        requested_at: DateTime<Utc>,
    },
    /// A rule decided; the first decision is final.
    RuleEvaluated {
        /// The rule's phrase, for example `10 minutes`.
        rule: String,
        /// The version of the rule set that held it.
        rule_set_version: String,
        /// What it decided.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// The link exists; its token is kept apart from history.
    LinkIssued {
        /// Which token.
        token_id: TokenId,
    },
    /// The link was used; it can not be used again.
    TicketBought {
        /// When.
        bought_at: DateTime<Utc>,
        /// Who asked for it; not told of links that were used before this was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        requester: Option<Requester>,
    },
}

impl DomainEvent for LinkRequestEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Requested { .. } => "Requested",
            Self::RuleEvaluated { .. } => "RuleEvaluated",
            Self::LinkIssued { .. } => "LinkIssued",
            Self::TicketBought { .. } => "TicketBought",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
