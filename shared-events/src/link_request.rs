//! The events of a link request: somebody asks for a ticket link, a rule says when it opens, it is
//! issued and used once. Nothing marks expiry: that is a comparison with the clock. The link's
//! token is not here (vault).

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// Which link request.
    RequestId
}
id! {
    /// Which account.
    AccountId
}
id! {
    /// Which access token: the `jti` of the link's token.
    TokenId
}

/// What an account is entitled to; a guest has [`Tier::Default`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// The link opens at once.
    Premium,
    /// The link opens after a while.
    Standard,
    /// Without an account: the link opens with the next day.
    Default,
}

impl Tier {
    /// All tiers, best first.
    pub const ALL: [Self; 3] = [Self::Premium, Self::Standard, Self::Default];

    /// The name on the wire: `premium`, `standard` or `default`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Premium => "premium",
            Self::Standard => "standard",
            Self::Default => "default",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names none of the three tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownTier;

impl fmt::Display for UnknownTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tier is one of premium, standard, default")
    }
}

impl std::error::Error for UnknownTier {}

impl FromStr for Tier {
    type Err = UnknownTier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|tier| tier.as_str() == text).ok_or(UnknownTier)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_reads_back_from_its_name() {
        for tier in Tier::ALL {
            assert_eq!(tier.to_string().parse::<Tier>(), Ok(tier));
        }
        assert_eq!("Premium".parse::<Tier>(), Err(UnknownTier));
    }
}
