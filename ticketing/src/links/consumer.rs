//! Verdicts of the rule service become events: checks the message, then records it, once, with the
//! token in the vault.
//!
//! A verdict on a request that is decided changes nothing. Not here: reading tables.

use std::sync::Arc;

use shared_events::topology::RECORD_VERDICTS;
use shared_events::{Decision, LinkRequestEvent, Verdict};
use uuid::Uuid;

use super::link_request::{LinkRequest, LinkRequestCommand, LinkRequestError};
use super::link_token::LinkKeys;
use super::record_evaluation::{RecordEvaluation, Ruling};
use super::status::TOKEN_IN_VAULT;
use crate::platform::append::{Attached, NewSecret};
use crate::platform::clock::Clock;
use crate::platform::commands::{Commands, Done};
use crate::platform::inbox::{Handled, Handler, Incoming};

/// What stands in a dead letter instead of a token.
const REMOVED: &str = "(removed)";

/// Records verdicts.
pub struct RecordVerdicts {
    /// Commands on link requests.
    pub commands: Commands<LinkRequest>,
    /// The public keys of the rule service.
    pub keys: Arc<LinkKeys>,
    /// The time.
    pub clock: Clock,
}

impl Handler for RecordVerdicts {
    async fn handle(&self, message: &Incoming) -> Handled {
        let verdict: Verdict = match serde_json::from_str(&message.body) {
            Ok(verdict) => verdict,
            Err(error) => return Handled::Poison(format!("not a verdict: {error}")),
        };
        let (ruling, secret) = match verdict.decision {
            Decision::Refused { refused } => (Ruling::Refused { reason: refused }, None),
            Decision::Granted { opens_at, closes_at, access_token } => {
                let claims = self.keys.verify(&access_token);
                // A key that was rolled out to the rule service first will be known here soon.
                let Some(claims) = claims.filter(|claims| claims.sub == verdict.request_id) else {
                    return Handled::Refused("the access token can not be verified".into());
                };
                (
                    Ruling::Granted { opens_at, closes_at, token_id: claims.jti },
                    Some((claims.jti.0, access_token)),
                )
            }
        };
        let now = self.clock.now();
        let command = LinkRequestCommand::RecordEvaluation(RecordEvaluation {
            rule: verdict.rule,
            rule_set_version: verdict.rule_set_version,
            ruling,
            now,
        });
        let attach = |done: &Done<LinkRequest>| Attached {
            secrets: secret.iter().map(|(id, token)| token_secret(*id, token, done)).collect(),
            ..message.attached(&RECORD_VERDICTS)
        };
        let (id, execution) = (verdict.request_id.0, message.execution(now));
        Handled::of(self.commands.execute(id, command, execution, attach).await, judge)
    }

    fn without_secrets(&self, body: &str) -> String {
        without_tokens(body)
    }
}

/// A verdict may overtake its request; any other refusal will not change.
fn judge(refusal: LinkRequestError) -> Handled {
    match refusal {
        LinkRequestError::Unknown => Handled::Refused("there is no such request".into()),
        otherwise => Handled::Poison(otherwise.to_string()),
    }
}

/// The token is of no use once the link has closed.
fn token_secret(id: Uuid, token: &str, done: &Done<LinkRequest>) -> NewSecret {
    let closes_at = done.events.iter().find_map(|event| match event {
        LinkRequestEvent::RuleEvaluated {
            outcome: shared_events::Outcome::Opens { closes_at, .. },
            ..
        } => Some(*closes_at),
        _ => None,
    });
    NewSecret { id, name: TOKEN_IN_VAULT, value: token.to_owned(), expires_at: closes_at }
}

/// Replaces everything that has the looks of a JWT (RFC 7519: it begins with the base64 of `{"`).
fn without_tokens(body: &str) -> String {
    let in_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut clean = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(start) = rest.find("eyJ") {
        let (before, token) = rest.split_at(start);
        clean.push_str(before);
        clean.push_str(REMOVED);
        rest = token.trim_start_matches(in_token);
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_keeps_all_but_the_token() {
        let body = r#"{"tier":"premium","access_token":"eyJh.eyJi-_.c9","rule":"instant"}"#;
        let expected = r#"{"tier":"premium","access_token":"(removed)","rule":"instant"}"#;
        assert_eq!(without_tokens(body), expected);
    }

    #[test]
    fn a_token_is_found_in_what_is_not_even_json() {
        assert_eq!(without_tokens("{{ eyJh.eyJi.c eyJx"), "{{ (removed) (removed)");
        assert_eq!(without_tokens("nothing here"), "nothing here");
    }
}
