//! From a relayed event to the verdict that answers it: decode, evaluate, sign. Bytes in, bytes
//! out, no broker and no clock, so the same message gets the same answer (only ES256 signatures
//! differ). Not here: properties and delivery (`consumer.rs`).

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use shared_events::verdict::{Decision, Verdict, message_id, token_id};
use shared_events::{Envelope, LinkRequestEvent, Outcome, RequestId, Tier};
use uuid::Uuid;

use crate::evaluate::evaluate;
use crate::rule_set::RuleSet;
use crate::token::LinkSigner;

/// A message larger than this (bytes) is none of ours; a request takes less than one thousand.
pub const LARGEST_MESSAGE: usize = 64 * 1024;
/// The version of the verdict's shape, as its `event_version` header tells.
pub const VERDICT_VERSION: &str = "1.0";

/// A verdict ready to be sent. Its body holds a token: neither logged nor put with dead letters, so
/// there is no `Debug`.
pub struct Answer {
    /// The same for each answer to the same event.
    pub message_id: Uuid,
    /// Which request it answers.
    pub request: RequestId,
    /// Which history of the log the request belongs to; only passed on.
    pub history: Uuid,
    /// One id for everything that followed from one call; passed on.
    pub correlation: Uuid,
    /// W3C Trace Context of that call, if it had one; passed on.
    pub traceparent: Option<String>,
    /// The tier it was judged by.
    pub tier: Tier,
    /// When the link opens; `None` if it is refused.
    pub opens_at: Option<DateTime<Utc>>,
    /// The [`Verdict`] as JSON.
    pub body: Vec<u8>,
}

/// Why a message can not be answered, however often it comes.
#[derive(Debug, thiserror::Error)]
pub enum Unanswerable {
    /// It is larger than [`LARGEST_MESSAGE`].
    #[error("the message has {0} bytes; at most {LARGEST_MESSAGE} are read")]
    TooLarge(usize),
    /// It is no envelope.
    #[error("the message is not an event's envelope: {0}")]
    Envelope(serde_json::Error),
    /// Its event can not be read, or is of a version not known here.
    #[error("the event can not be read: {0}")]
    Event(String),
    /// It is an event, but not one that asks for a link.
    #[error("the event is {0}; only `Requested` is answered")]
    NotARequest(String),
    /// The answer could not be made: a fault of this service, not of the message.
    #[error("no answer could be made: {0}")]
    Failed(String),
}

/// Answers one relayed event.
///
/// # Errors
/// [`Unanswerable`] if it is not a `Requested` event of a known version in an envelope.
pub fn answer(
    rules: &RuleSet,
    signer: &LinkSigner,
    message: &[u8],
) -> Result<Answer, Unanswerable> {
    if message.len() > LARGEST_MESSAGE {
        return Err(Unanswerable::TooLarge(message.len()));
    }
    let envelope: Envelope<Box<RawValue>> =
        serde_json::from_slice(message).map_err(Unanswerable::Envelope)?;
    let (event_type, version) = (&envelope.event_type, &envelope.event_version);
    let event =
        shared_events::decode(&envelope.aggregate, event_type, version, envelope.payload.get())
            .map_err(|error| Unanswerable::Event(with_source(&error)))?;
    let LinkRequestEvent::Requested { tier, requested_at, .. } = event else {
        return Err(Unanswerable::NotARequest(envelope.event_type));
    };
    let request = RequestId(envelope.aggregate_id);
    let evaluation = evaluate(rules, tier, requested_at);
    let mut opens = None;
    let decision = match evaluation.outcome {
        Outcome::Opens { opens_at, closes_at } => {
            opens = Some(opens_at);
            let access_token = signer
                .sign(request, token_id(envelope.event_id), opens_at, closes_at)
                .map_err(|error| Unanswerable::Failed(with_source(&error)))?;
            Decision::Granted { opens_at, closes_at, access_token }
        }
        Outcome::Refused { refused } => Decision::Refused { refused },
    };
    let verdict = Verdict {
        request_id: request,
        tier,
        rule: evaluation.rule,
        rule_set_version: evaluation.rule_set_version,
        decision,
    };
    Ok(Answer {
        message_id: message_id(envelope.event_id),
        request,
        history: envelope.history,
        correlation: envelope.correlation,
        traceparent: envelope.traceparent,
        tier,
        opens_at: opens,
        body: serde_json::to_vec(&verdict).map_err(|e| Unanswerable::Failed(e.to_string()))?,
    })
}

/// An error and what caused it, in one line.
fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::new_private_key;
    use crate::rule_set::DEFAULT_RULES;
    use serde_json::{Value, json};

    fn answered(message: &Value) -> Result<Answer, Unanswerable> {
        answered_by(DEFAULT_RULES, message.to_string().as_bytes())
    }

    fn answered_by(rules: &str, message: &[u8]) -> Result<Answer, Unanswerable> {
        let rules = RuleSet::parse("rules.json", rules).expect("rules");
        let pem = new_private_key().expect("a key");
        let signer = LinkSigner::from_pem(pem.as_bytes()).expect("a signer");
        answer(&rules, &signer, message)
    }

    fn requested() -> Value {
        json!({
            "event_id": Uuid::from_u128(1), "log": "links", "history": Uuid::from_u128(2),
            "position": 7, "previous": 6, "aggregate": "link_request",
            "aggregate_id": Uuid::from_u128(3), "sequence": 1,
            "event_type": "Requested", "event_version": "1.0",
            "recorded_at": "2026-11-21T09:30:01Z", "correlation": Uuid::from_u128(4),
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "payload": {
                "type": "Requested", "requester": "guest", "tier": "standard",
                "requested_at": "2026-11-21T09:30:00Z"
            }
        })
    }

    fn verdict(answer: &Answer) -> Verdict {
        serde_json::from_slice(&answer.body).expect("a verdict")
    }

    #[test]
    fn a_request_is_answered_with_the_times_of_its_tier() {
        let answer = answered(&requested()).expect("answered");
        let verdict = verdict(&answer);
        assert_eq!((verdict.tier, verdict.rule.as_str()), (Tier::Standard, "10 minutes"));
        let Decision::Granted { opens_at, closes_at, .. } = verdict.decision else {
            panic!("refused");
        };
        assert_eq!(opens_at.to_rfc3339(), "2026-11-21T09:40:00+00:00");
        assert_eq!(closes_at.to_rfc3339(), "2026-11-21T10:40:00+00:00");
        assert_eq!(answer.opens_at, Some(opens_at));
    }

    #[test]
    fn what_the_request_came_with_is_passed_on() {
        let answer = answered(&requested()).expect("answered");
        assert_eq!(answer.request, RequestId(Uuid::from_u128(3)));
        assert_eq!(answer.history, Uuid::from_u128(2));
        assert_eq!(answer.correlation, Uuid::from_u128(4));
        assert_eq!(answer.message_id, message_id(Uuid::from_u128(1)));
        assert!(answer.traceparent.expect("passed on").starts_with("00-0af7"));
    }

    #[test]
    fn a_repeated_request_gets_the_same_answer_but_for_the_signature() {
        let unsigned = |mut answer: Verdict| {
            if let Decision::Granted { access_token, .. } = &mut answer.decision {
                let signed = access_token.rsplit_once('.').expect("a JWT").0;
                let (_, claims) = signed.split_once('.').expect("a header");
                *access_token = claims.to_owned();
            }
            answer
        };
        let (first, second) = (answered(&requested()), answered(&requested()));
        let (first, second) = (first.expect("answered"), second.expect("answered"));
        assert_eq!(first.message_id, second.message_id);
        assert_eq!(unsigned(verdict(&first)), unsigned(verdict(&second)));
    }

    #[test]
    fn a_refusal_carries_no_token() {
        let rules = r#"{"premium": "never", "standard": "never", "default": "never"}"#;
        let answer = answered_by(rules, requested().to_string().as_bytes()).expect("answered");
        assert_eq!(answer.opens_at, None);
        assert!(matches!(verdict(&answer).decision, Decision::Refused { .. }));
        assert!(!String::from_utf8(answer.body).expect("text").contains("access_token"));
    }

    #[test]
    fn what_is_no_request_of_a_known_version_can_not_be_answered() {
        let changed = |member: &str, value: Value| {
            let mut message = requested();
            message[member] = value;
            answered(&message).err().unwrap_or_else(|| panic!("{member} was answered"))
        };
        let other = json!({"type": "LinkIssued", "token_id": Uuid::from_u128(9)});
        assert!(matches!(changed("event_version", json!("9.0")), Unanswerable::Event(_)));
        assert!(matches!(changed("payload", other.clone()), Unanswerable::Event(_)));
        assert!(matches!(changed("payload", json!(7)), Unanswerable::Event(_)));
        assert!(matches!(changed("event_id", json!("x")), Unanswerable::Envelope(_)));
        let mut issued = requested();
        (issued["event_type"], issued["payload"]) = (json!("LinkIssued"), other);
        assert!(matches!(answered(&issued), Err(Unanswerable::NotARequest(_))));
    }

    #[test]
    fn what_is_no_envelope_or_too_large_can_not_be_answered() {
        let large = vec![b' '; LARGEST_MESSAGE + 1];
        let nested = "[".repeat(LARGEST_MESSAGE);
        for (message, large) in [
            (&b"\xff\x00"[..], false),
            (b"", false),
            (b"{}", false),
            (nested.as_bytes(), false),
            (&large, true),
        ] {
            let refused = answered_by(DEFAULT_RULES, message).err().expect("refused");
            assert_eq!(matches!(refused, Unanswerable::TooLarge(_)), large);
        }
    }
}
