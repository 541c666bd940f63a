//! The verdict: what the rule service answers to a `Requested` event. A message, never stored as
//! such: `ticketing` turns it into events and puts the token into its vault.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::Tier;
use crate::link_request::{RequestId, TokenId};

/// The rule service's answer about one request.
///
/// The same `Requested` event under the same rule set always gets the same answer, message id and
/// token id (only the signature inside the token differs, as ECDSA signatures do).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which request.
    pub request_id: RequestId,
    /// The tier it was judged by.
    pub tier: Tier,
    /// The rule's phrase.
    pub rule: String,
    /// The version of the rule set.
    pub rule_set_version: String,
    /// Granted with times and token, or refused.
    #[serde(flatten)]
    pub decision: Decision,
}

/// The two answers there are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Decision {
    /// The link opens at `opens_at` and closes at `closes_at`.
    Granted {
        /// The first instant at which the link works.
        opens_at: DateTime<Utc>,
        /// The first instant at which it no longer works.
        closes_at: DateTime<Utc>,
        /// The signed token the link will carry: a secret, so neither `Debug` nor a dead letter
        /// shows it.
        access_token: String,
    },
    /// There will be no link.
    Refused {
        /// Why, for people.
        refused: String,
    },
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Granted { opens_at, closes_at, .. } => f
                .debug_struct("Granted")
                .field("opens_at", opens_at)
                .field("closes_at", closes_at)
                .finish_non_exhaustive(),
            Self::Refused { refused } => {
                f.debug_struct("Refused").field("refused", refused).finish()
            }
        }
    }
}

/// The claims of a link token, a JWT of type [`LINK_TOKEN_TYPE`] signed with ES256 by the rule
/// service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkTokenClaims {
    /// Always [`LINK_TOKEN_ISSUER`].
    pub iss: String,
    /// Always [`LINK_TOKEN_AUDIENCE`].
    pub aud: String,
    /// The request the link belongs to.
    pub sub: RequestId,
    /// Which token.
    pub jti: TokenId,
    /// The link's first instant, seconds since 1970.
    pub nbf: i64,
    /// An outer bound, a day after the link closes, seconds since 1970. The request's stream
    /// decides.
    pub exp: i64,
}

/// The `typ` header of a link token (RFC 8725 §3.11): never that of a login token.
pub const LINK_TOKEN_TYPE: &str = "link+jwt";
/// The `iss` claim of a link token.
pub const LINK_TOKEN_ISSUER: &str = "rules";
/// The `aud` claim of a link token.
pub const LINK_TOKEN_AUDIENCE: &str = "buy_ticket";

const TOKEN_NAMESPACE: Uuid = Uuid::from_u128(0x4b2f_9d0e_6c51_4a7e_9a39_0d6e_0d7c_1f01);
const MESSAGE_NAMESPACE: Uuid = Uuid::from_u128(0x4b2f_9d0e_6c51_4a7e_9a39_0d6e_0d7c_1f02);

/// The token id of the verdict on a `Requested` event: UUID v5 of the event's id (RFC 9562 §5.5).
pub fn token_id(event_id: Uuid) -> TokenId {
    TokenId(Uuid::new_v5(&TOKEN_NAMESPACE, event_id.as_bytes()))
}

/// The message id of the verdict on a `Requested` event: UUID v5 of the event's id (RFC 9562 §5.5).
pub fn message_id(event_id: Uuid) -> Uuid {
    Uuid::new_v5(&MESSAGE_NAMESPACE, event_id.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(decision: Decision) -> Verdict {
        Verdict {
            request_id: RequestId(Uuid::from_u128(1)),
            tier: Tier::Standard,
            rule: "10 minutes".into(),
            rule_set_version: "abc".into(),
            decision,
        }
    }

    #[test]
    fn both_answers_survive_the_wire() {
        for decision in [
            Decision::Refused { refused: "never".into() },
            Decision::Granted {
                opens_at: DateTime::UNIX_EPOCH,
                closes_at: DateTime::UNIX_EPOCH,
                access_token: "secret".into(),
            },
        ] {
            let text = serde_json::to_string(&verdict(decision.clone())).expect("serializes");
            let back: Verdict = serde_json::from_str(&text).expect("reads back");
            assert_eq!(back, verdict(decision));
        }
    }

    #[test]
    fn debug_output_never_shows_the_token() {
        let granted = Decision::Granted {
            opens_at: DateTime::UNIX_EPOCH,
            closes_at: DateTime::UNIX_EPOCH,
            access_token: "secret".into(),
        };
        assert!(!format!("{:?}", verdict(granted)).contains("secret"));
    }

    #[test]
    fn a_repeated_event_names_the_same_message_and_token() {
        let event = Uuid::from_u128(9);
        assert_eq!(token_id(event), token_id(event));
        assert_eq!(message_id(event), message_id(event));
        assert_ne!(token_id(event).0, message_id(event));
    }
}
