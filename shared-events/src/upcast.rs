//! Reading stored events of every version ever released: an append-only list of upcasters, and
//! [`decode`].
//!
//! To change an event's shape: raise its `event_version`, add an upcaster from the old one at the
//! end of the list, and keep the old golden file. Not here: where the text comes from.

use std::fmt;
use std::sync::OnceLock;

use cqrs_es::DomainEvent;
use cqrs_es::persist::{EventUpcaster, SemanticVersion, SerializedEvent};
use serde_json::Value;

/// Every upcaster, oldest first. Nothing is ever removed from this list.
fn upcasters() -> &'static [Box<dyn EventUpcaster>] {
    static UPCASTERS: OnceLock<Vec<Box<dyn EventUpcaster>>> = OnceLock::new();
    UPCASTERS.get_or_init(Vec::new)
}

/// Why a stored or relayed event could not be read.
#[derive(Debug)]
pub enum DecodeError {
    /// The payload is not what its type and version promise.
    Payload(serde_json::Error),
    /// The payload names another type than its envelope does.
    Type {
        /// The envelope's.
        envelope: String,
        /// The payload's.
        payload: String,
    },
    /// The event is of a version this program does not know (written by a newer one).
    Version {
        /// Which event.
        event_type: String,
        /// Its version.
        found: String,
        /// The newest version known here.
        known: String,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload(_) => f.write_str("the payload does not have the shape of its event"),
            Self::Type { envelope, payload } => {
                write!(f, "the envelope says {envelope}, the payload says {payload}")
            }
            Self::Version { event_type, found, known } => {
                write!(f, "{event_type} has version {found}; known is {known}")
            }
        }
    }
}

impl std::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Payload(source) => Some(source),
            Self::Type { .. } | Self::Version { .. } => None,
        }
    }
}

/// Reads an event as stored, lifting older versions to the present one.
///
/// # Errors
/// [`DecodeError`] if the payload is malformed, contradicts `event_type`, or is of an unknown
/// version.
pub fn decode<E: DomainEvent>(
    event_type: &str,
    event_version: &str,
    payload: &str,
) -> Result<E, DecodeError> {
    decode_with(upcasters(), event_type, event_version, payload)
}

fn decode_with<E: DomainEvent>(
    upcasters: &[Box<dyn EventUpcaster>],
    event_type: &str,
    event_version: &str,
    payload: &str,
) -> Result<E, DecodeError> {
    let lifts = |version: &str| upcasters.iter().any(|u| u.can_upcast(event_type, version));
    let (event, version): (E, String) = if lifts(event_version) {
        let value: Value = serde_json::from_str(payload).map_err(DecodeError::Payload)?;
        let stored = SerializedEvent::new(
            String::new(),
            0,
            String::new(),
            event_type.to_owned(),
            event_version.to_owned(),
            value,
            Value::Null,
        );
        let lifted = upcasters.iter().fold(stored, |event, upcaster| {
            if upcaster.can_upcast(&event.event_type, &event.event_version) {
                upcaster.upcast(event)
            } else {
                event
            }
        });
        let event = serde_json::from_value(lifted.payload).map_err(DecodeError::Payload)?;
        (event, lifted.event_version)
    } else {
        let event = serde_json::from_str(payload).map_err(DecodeError::Payload)?;
        (event, event_version.to_owned())
    };
    if event.event_type() != event_type {
        return Err(DecodeError::Type {
            envelope: event_type.to_owned(),
            payload: event.event_type(),
        });
    }
    if !same_version(&event.event_version(), &version) {
        return Err(DecodeError::Version {
            event_type: event_type.to_owned(),
            found: event_version.to_owned(),
            known: event.event_version(),
        });
    }
    Ok(event)
}

/// `1.0` and `1.0.0` are the same version; what is no version at all equals nothing.
fn same_version(left: &str, right: &str) -> bool {
    match (left.parse::<SemanticVersion>(), right.parse::<SemanticVersion>()) {
        (Ok(left), Ok(right)) => left == right,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link_request::{LinkRequestEvent, TokenId};
    use cqrs_es::persist::SemanticVersionEventUpcaster;
    use uuid::Uuid;

    #[test]
    fn every_golden_event_can_still_be_read_and_every_variant_has_one() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");
        let mut seen = Vec::new();
        for entry in std::fs::read_dir(folder).expect("golden folder") {
            let path = entry.expect("entry").path();
            let text = std::fs::read_to_string(&path).expect("readable");
            let golden: Value = serde_json::from_str(&text).expect("JSON");
            let (kind, version) = (
                golden["event_type"].as_str().expect("event_type"),
                golden["event_version"].as_str().expect("event_version"),
            );
            let stored = golden["payload"].to_string();
            let event: LinkRequestEvent = decode(kind, version, &stored)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            if event.event_version() == version {
                let written = serde_json::to_value(&event).expect("serializes");
                assert_eq!(written, golden["payload"], "{}", path.display());
            }
            seen.push(kind.to_owned());
        }
        for kind in ["Requested", "RuleEvaluated", "LinkIssued", "TicketBought"] {
            assert!(seen.iter().any(|s| s == kind), "no golden file for {kind}");
        }
    }

    #[test]
    fn an_event_of_an_unknown_version_is_not_guessed_at() {
        let payload = r#"{"type":"LinkIssued","token_id":"00000000-0000-0000-0000-000000000001"}"#;
        let refused = decode::<LinkRequestEvent>("LinkIssued", "9.0", payload);
        assert!(matches!(refused, Err(DecodeError::Version { .. })), "{refused:?}");
    }

    #[test]
    fn a_payload_of_another_type_is_refused() {
        let payload = r#"{"type":"LinkIssued","token_id":"00000000-0000-0000-0000-000000000001"}"#;
        let refused = decode::<LinkRequestEvent>("Requested", "1.0", payload);
        assert!(matches!(refused, Err(DecodeError::Type { .. })), "{refused:?}");
    }

    #[test]
    fn an_older_version_is_lifted_to_the_present_one() {
        let lift: Box<dyn EventUpcaster> = Box::new(SemanticVersionEventUpcaster::new(
            "LinkIssued",
            "1.0",
            Box::new(|mut payload: Value| {
                let id = payload["token"].take();
                payload["token_id"] = id;
                payload
            }),
        ));
        let id = Uuid::from_u128(1);
        let old = format!(r#"{{"type":"LinkIssued","token":"{id}"}}"#);
        let event = decode_with::<LinkRequestEvent>(&[lift], "LinkIssued", "0.9", &old);
        assert_eq!(event.expect("lifted"), LinkRequestEvent::LinkIssued { token_id: TokenId(id) });
    }
}
