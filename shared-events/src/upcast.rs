//! Reading stored events of every version ever released: an append-only list of upcasters, and
//! [`decode`].
//!
//! To change an event's shape: raise its `event_version`, add an upcaster from the old one at the
//! end of the list, and keep the old golden file. An upcaster is of one aggregate: others may have
//! events of the same name. Not here: where the text comes from.

use std::fmt;
use std::sync::OnceLock;

use cqrs_es::DomainEvent;
use cqrs_es::persist::{EventUpcaster, SemanticVersion, SerializedEvent};
use serde_json::Value;

/// Lifts one type of event of one aggregate to a newer version.
struct Upcaster {
    aggregate: &'static str,
    lift: Box<dyn EventUpcaster>,
}

impl Upcaster {
    fn lifts(&self, aggregate: &str, event_type: &str, version: &str) -> bool {
        self.aggregate == aggregate && self.lift.can_upcast(event_type, version)
    }
}

/// Every upcaster, oldest first. Nothing is ever removed from this list.
fn upcasters() -> &'static [Upcaster] {
    static UPCASTERS: OnceLock<Vec<Upcaster>> = OnceLock::new();
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

/// Reads an event of an aggregate as stored, lifting older versions to the present one.
///
/// # Errors
/// [`DecodeError`] if the payload is malformed, contradicts `event_type`, or is of an unknown
/// version.
pub fn decode<E: DomainEvent>(
    aggregate: &str,
    event_type: &str,
    event_version: &str,
    payload: &str,
) -> Result<E, DecodeError> {
    decode_with(upcasters(), aggregate, event_type, event_version, payload)
}

fn decode_with<E: DomainEvent>(
    upcasters: &[Upcaster],
    aggregate: &str,
    event_type: &str,
    event_version: &str,
    payload: &str,
) -> Result<E, DecodeError> {
    let lifts = |u: &Upcaster| u.lifts(aggregate, event_type, event_version);
    let (event, version): (E, String) = if upcasters.iter().any(lifts) {
        let value: Value = serde_json::from_str(payload).map_err(DecodeError::Payload)?;
        let stored = SerializedEvent::new(
            String::new(),
            0,
            aggregate.to_owned(),
            event_type.to_owned(),
            event_version.to_owned(),
            value,
            Value::Null,
        );
        let lifted = upcasters.iter().fold(stored, |event, upcaster| {
            if upcaster.lifts(aggregate, &event.event_type, &event.event_version) {
                upcaster.lift.upcast(event)
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
    use crate::listing::ListingEvent;
    use crate::order::OrderEvent;
    use crate::payment::PaymentEvent;
    use crate::{
        AccessRightEvent, AnnouncementEvent, BasketEvent, EngagementsEvent, FixtureEvent,
        PurchaseEvent, RatingEvent, SeatEvent, StadiumEvent, TariffEvent, TopUpEvent, WalletEvent,
    };
    use cqrs_es::persist::SemanticVersionEventUpcaster;
    use std::path::PathBuf;
    use uuid::Uuid;

    const LINK_REQUEST: &str = "link_request";

    /// The golden files as aggregate, path and content. A file is named after its event:
    /// `<aggregate>.<event>[.<case>].<version>.json`.
    fn golden() -> Vec<(String, PathBuf, Value)> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");
        let files = std::fs::read_dir(folder).expect("golden folder");
        let read = |path: PathBuf| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let (aggregate, _) = name.split_once('.').expect("an aggregate");
            let text = std::fs::read_to_string(&path).expect("readable");
            (aggregate.to_owned(), path, serde_json::from_str(&text).expect("JSON"))
        };
        files.map(|entry| read(entry.expect("entry").path())).collect()
    }

    /// Reads every golden file of an aggregate; each of its `variants` has to have one.
    fn assert_golden<E: DomainEvent>(aggregate: &str, variants: &[&str]) {
        let mut seen = Vec::new();
        for (_, path, golden) in golden().into_iter().filter(|(of, ..)| of == aggregate) {
            let (kind, version) = (
                golden["event_type"].as_str().expect("event_type"),
                golden["event_version"].as_str().expect("event_version"),
            );
            let event: E = decode(aggregate, kind, version, &golden["payload"].to_string())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            if event.event_version() == version {
                let written = serde_json::to_value(&event).expect("serializes");
                assert_eq!(written, golden["payload"], "{}", path.display());
            }
            seen.push(kind.to_owned());
        }
        for kind in variants {
            assert!(seen.iter().any(|s| s == kind), "no golden file for {kind}");
        }
    }

    #[test]
    fn every_golden_event_can_still_be_read_and_every_variant_has_one() {
        let variants = ["Requested", "RuleEvaluated", "LinkIssued", "TicketBought"];
        assert_golden::<LinkRequestEvent>(LINK_REQUEST, &variants);
        let variants =
            ["Listed", "Edited", "Reserved", "Released", "Sold", "Withdrawn", "SellerLeft"];
        assert_golden::<ListingEvent>("listing", &variants);
        let variants = [
            "Placed",
            "PaymentStarted",
            "PaymentDeclined",
            "Completed",
            "Cancelled",
            "Expired",
            "Refunded",
        ];
        assert_golden::<OrderEvent>("order", &variants);
        let variants = ["Started", "Captured", "Declined", "RefundStarted", "Refunded"];
        assert_golden::<PaymentEvent>("payment", &variants);
    }

    #[test]
    fn every_golden_event_of_the_venues_can_still_be_read_and_every_variant_has_one() {
        assert_golden::<StadiumEvent>(
            "stadium",
            &[
                "Defined",
                "Described",
                "SeatsPlanned",
                "SeatAdded",
                "SeatMoved",
                "SeatRemoved",
                "Booked",
                "Unbooked",
                "Closed",
            ],
        );
        assert_golden::<FixtureEvent>(
            "fixture",
            &[
                "Scheduled",
                "Edited",
                "Moved",
                "SeatsOffered",
                "TicketRepriced",
                "TicketWithdrawn",
                "Cancelled",
            ],
        );
        assert_golden::<TariffEvent>("tariff", &["Defined", "Changed", "Removed"]);
        assert_golden::<SeatEvent>("seat", &["Held", "Released", "Sold", "Returned"]);
        assert_golden::<BasketEvent>(
            "basket",
            &["TicketsHeld", "TicketsReleased", "TicketsBought"],
        );
        assert_golden::<WalletEvent>("wallet", &["Opened", "Posted"]);
        assert_golden::<PurchaseEvent>("purchase", &["Made", "Refunded"]);
        assert_golden::<TopUpEvent>("top_up", &["Started", "Captured", "Declined"]);
        assert_golden::<AccessRightEvent>("access_right", &["Granted", "Used"]);
    }

    #[test]
    fn every_golden_event_of_the_outings_can_still_be_read_and_every_variant_has_one() {
        let variants = [
            "Announced",
            "Opened",
            "Edited",
            "PlacesChanged",
            "Moved",
            "Closed",
            "Reopened",
            "Cancelled",
            "Ended",
            "Applied",
            "Accepted",
            "Declined",
            "Withdrawn",
            "Confirmed",
            "Removed",
            "ClashFound",
            "ClashCleared",
        ];
        assert_golden::<AnnouncementEvent>("announcement", &variants);
        assert_golden::<EngagementsEvent>("engagements", &["Engaged", "Deferred", "Released"]);
        assert_golden::<RatingEvent>("rating", &["Rated", "Revised", "Published"]);
    }

    #[test]
    fn every_golden_event_is_read_by_somebody() {
        let market = ["listing", "order", "payment"];
        let venues = [
            "stadium",
            "fixture",
            "tariff",
            "seat",
            "basket",
            "wallet",
            "purchase",
            "top_up",
            "access_right",
        ];
        let outings = ["announcement", "engagements", "rating"];
        for (aggregate, path, _) in golden() {
            let read = [LINK_REQUEST].iter().chain(&market).chain(&venues).chain(&outings);
            let read = read.copied().any(|known| known == aggregate);
            assert!(read, "nobody reads {}", path.display());
        }
    }

    #[test]
    fn an_event_of_an_unknown_version_is_not_guessed_at() {
        let payload = r#"{"type":"LinkIssued","token_id":"00000000-0000-0000-0000-000000000001"}"#;
        let refused = decode::<LinkRequestEvent>(LINK_REQUEST, "LinkIssued", "9.0", payload);
        assert!(matches!(refused, Err(DecodeError::Version { .. })), "{refused:?}");
    }

    #[test]
    fn a_payload_of_another_type_is_refused() {
        let payload = r#"{"type":"LinkIssued","token_id":"00000000-0000-0000-0000-000000000001"}"#;
        let refused = decode::<LinkRequestEvent>(LINK_REQUEST, "Requested", "1.0", payload);
        assert!(matches!(refused, Err(DecodeError::Type { .. })), "{refused:?}");
    }

    /// `LinkIssued` once called its token by another name.
    fn renamed_token(aggregate: &'static str) -> Upcaster {
        let rename = |mut payload: Value| {
            let id = payload["token"].take();
            payload["token_id"] = id;
            payload
        };
        let lift = SemanticVersionEventUpcaster::new("LinkIssued", "1.0", Box::new(rename));
        Upcaster { aggregate, lift: Box::new(lift) }
    }

    #[test]
    fn an_older_version_is_lifted_to_the_present_one() {
        let id = Uuid::from_u128(1);
        let old = format!(r#"{{"type":"LinkIssued","token":"{id}"}}"#);
        let lift = [renamed_token(LINK_REQUEST)];
        let event = decode_with::<LinkRequestEvent>(&lift, LINK_REQUEST, "LinkIssued", "0.9", &old);
        assert_eq!(event.expect("lifted"), LinkRequestEvent::LinkIssued { token_id: TokenId(id) });
    }

    #[test]
    fn an_event_of_the_same_name_of_another_aggregate_is_left_alone() {
        let id = Uuid::from_u128(1);
        let now = format!(r#"{{"type":"LinkIssued","token_id":"{id}"}}"#);
        let lift = [renamed_token("invitation")];
        let event = decode_with::<LinkRequestEvent>(&lift, LINK_REQUEST, "LinkIssued", "1.0", &now);
        assert_eq!(
            event.expect("as it is"),
            LinkRequestEvent::LinkIssued { token_id: TokenId(id) }
        );
        let old = decode_with::<LinkRequestEvent>(&lift, LINK_REQUEST, "LinkIssued", "0.9", &now);
        assert!(matches!(old, Err(DecodeError::Version { .. })), "{old:?}");
    }
}
