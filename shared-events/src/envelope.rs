//! The envelope: what is known of every event beside what happened, and the form in which it is
//! relayed.
//!
//! A relayed message's body is the whole envelope as JSON; its AMQP properties and headers repeat
//! what routers and operators read (see [`crate::topology::header`]). Not here: the events
//! themselves, one file per aggregate.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An event together with its place in history.
///
/// Within one log and history, positions are 1, 2, 3, … in commit order and without holes, so a
/// reader that has applied `previous` may apply this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<P> {
    /// The event's own id, a UUID v7; also the id of the message that carries it.
    pub event_id: Uuid,
    /// The log (one per context) that orders the event, for example `links`.
    pub log: String,
    /// Which history the log is; a restored database begins another.
    pub history: Uuid,
    /// The place in the log, counted from 1.
    pub position: i64,
    /// The position before this one; 0 for the first event of a log.
    pub previous: i64,
    /// The kind of aggregate, for example `link_request`.
    pub aggregate: String,
    /// Which aggregate.
    pub aggregate_id: Uuid,
    /// The place in the aggregate's stream, counted from 1.
    pub sequence: i64,
    /// The event's name, for example `LinkIssued`.
    pub event_type: String,
    /// The version of the payload's shape, for example `1.0`.
    pub event_version: String,
    /// When it was recorded, by the service's clock.
    pub recorded_at: DateTime<Utc>,
    /// One id for everything that followed from one call.
    pub correlation: Uuid,
    /// The event or message this one follows from, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<Uuid>,
    /// W3C Trace Context of the call that caused it, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// What happened.
    pub payload: P,
}

impl<P> Envelope<P> {
    /// The same place in history with another payload.
    pub fn with_payload<Q>(self, payload: Q) -> Envelope<Q> {
        self.map_payload(|_| payload)
    }

    /// The same place in history with the payload changed by `f`.
    pub fn map_payload<Q>(self, f: impl FnOnce(P) -> Q) -> Envelope<Q> {
        Envelope {
            event_id: self.event_id,
            log: self.log,
            history: self.history,
            position: self.position,
            previous: self.previous,
            aggregate: self.aggregate,
            aggregate_id: self.aggregate_id,
            sequence: self.sequence,
            event_type: self.event_type,
            event_version: self.event_version,
            recorded_at: self.recorded_at,
            correlation: self.correlation,
            causation: self.causation,
            traceparent: self.traceparent,
            payload: f(self.payload),
        }
    }

    /// The routing key under which the event is relayed.
    pub fn routing_key(&self) -> String {
        crate::topology::routing_key(&self.log, &self.aggregate, &self.event_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_survives_the_wire() {
        let envelope = Envelope {
            event_id: Uuid::from_u128(1),
            log: "links".into(),
            history: Uuid::from_u128(2),
            position: 7,
            previous: 6,
            aggregate: "link_request".into(),
            aggregate_id: Uuid::from_u128(3),
            sequence: 2,
            event_type: "LinkIssued".into(),
            event_version: "1.0".into(),
            recorded_at: DateTime::UNIX_EPOCH,
            correlation: Uuid::from_u128(4),
            causation: None,
            traceparent: None,
            payload: 5_u8,
        };
        let text = serde_json::to_string(&envelope).expect("serializes");
        assert_eq!(serde_json::from_str::<Envelope<u8>>(&text).expect("reads back"), envelope);
        assert_eq!(envelope.routing_key(), "links.link_request.link_issued");
    }
}
