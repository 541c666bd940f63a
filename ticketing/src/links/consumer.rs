//! Verdicts of the rule service become events: checks the message, then records it, once, with the
//! token in the vault.
//!
//! A verdict of another history or on a request that is decided changes nothing. Not here: reading
//! tables.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use shared_events::{Decision, LinkRequestEvent, Verdict};
use uuid::Uuid;

use super::link_request::{LinkRequest, LinkRequestCommand, LinkRequestError};
use super::link_token::LinkKeys;
use super::record_evaluation::{RecordEvaluation, Ruling};
use super::status::TOKEN_IN_VAULT;
use crate::platform::append::{AppendError, Attached, NewSecret, Origin, ProcessedMessage};
use crate::platform::causes::causes;
use crate::platform::clock::Clock;
use crate::platform::commands::{CommandError, Commands, Done, Execution};
use crate::platform::database::DatabaseError;
use crate::platform::event_store::ReadError;
use crate::platform::inbox::{Handled, Handler, Incoming};

/// The name under which processed messages are remembered.
const CONSUMER: &str = shared_events::topology::RECORD_VERDICTS.name;
/// What stands in a dead letter instead of a token.
const REMOVED: &str = "(removed)";
/// How long a history counts as the log's without asking again; so long a verdict of the history
/// before a restore may still be taken.
const HISTORY_KEPT: Duration = Duration::from_secs(1);

/// Records verdicts.
pub struct RecordVerdicts {
    /// Commands on link requests.
    pub commands: Commands<LinkRequest>,
    /// The public keys of the rule service.
    pub keys: Arc<LinkKeys>,
    /// The time.
    pub clock: Clock,
    /// The history this service writes; known once the database answered.
    pub history: tokio::sync::OnceCell<Mutex<KnownHistory>>,
}

/// Which history the log was when the database was asked.
#[derive(Clone, Copy, Debug)]
pub struct KnownHistory {
    id: Uuid,
    asked_at: Instant,
}

impl Handler for RecordVerdicts {
    async fn handle(&self, message: &Incoming) -> Handled {
        let verdict: Verdict = match serde_json::from_str(&message.body) {
            Ok(verdict) => verdict,
            Err(error) => return Handled::Poison(format!("not a verdict: {error}")),
        };
        let belongs = match message.history {
            Some(theirs) => self.is_current(theirs).await,
            None => Ok(true),
        };
        let belongs = match belongs {
            Ok(belongs) => belongs,
            Err(error) => {
                tracing::debug!(error = causes(&error), "the log's history could not be read");
                return Handled::Unavailable;
            }
        };
        if !belongs {
            tracing::warn!(message_id = %message.message_id, "a verdict of another history was dropped");
            return Handled::Done;
        }
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
        self.record(message, verdict.request_id.0, command, secret, now).await
    }

    fn without_secrets(&self, body: &str) -> String {
        without_tokens(body)
    }
}

impl RecordVerdicts {
    /// Whether the log is this history. What was known is asked again after [`HISTORY_KEPT`], and
    /// always before the answer is no: a database can be restored under a running service.
    async fn is_current(&self, theirs: Uuid) -> Result<bool, DatabaseError> {
        let ask = || async {
            let id = self.commands.store().history().await?;
            Ok::<_, DatabaseError>(KnownHistory { id, asked_at: Instant::now() })
        };
        let first = || async { ask().await.map(Mutex::new) };
        let kept = self.history.get_or_try_init(first).await?;
        let known = *kept.lock().unwrap_or_else(PoisonError::into_inner);
        if known.id == theirs && known.asked_at.elapsed() < HISTORY_KEPT {
            return Ok(true);
        }
        let known = ask().await?;
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(known.id == theirs)
    }

    async fn record(
        &self,
        message: &Incoming,
        request_id: Uuid,
        command: LinkRequestCommand,
        secret: Option<(Uuid, String)>,
        now: DateTime<Utc>,
    ) -> Handled {
        let execution = Execution {
            origin: Origin {
                correlation: message.correlation.unwrap_or(message.message_id),
                causation: Some(message.message_id),
                traceparent: message.traceparent.clone(),
            },
            now,
        };
        let attach = |done: &Done<LinkRequest>| Attached {
            message: Some(ProcessedMessage { consumer: CONSUMER, id: message.message_id }),
            secrets: secret.iter().map(|(id, token)| token_secret(*id, token, done)).collect(),
            ..Attached::default()
        };
        match self.commands.execute(request_id, command, execution, attach).await {
            Ok(_) => Handled::Done,
            Err(CommandError::Refused(LinkRequestError::Unknown)) => {
                Handled::Refused("there is no such request".into())
            }
            Err(CommandError::Refused(refusal)) => Handled::Poison(refusal.to_string()),
            Err(CommandError::Append(AppendError::Invalid)) => {
                Handled::Poison("the verdict can not be stored".into())
            }
            Err(CommandError::Conflict | CommandError::KeyTaken | CommandError::Append(_)) => {
                Handled::Unavailable
            }
            // Damaged, or written by a newer program: no reason to hold up everything else.
            Err(CommandError::Read(error @ ReadError::Event { .. })) => {
                Handled::Refused(error.to_string())
            }
            Err(CommandError::Read(error)) => {
                tracing::warn!(error = causes(&error), "a link request could not be read");
                Handled::Unavailable
            }
        }
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
