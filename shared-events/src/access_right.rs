//! The events of the right to buy that a used access link gives: it is granted once and used once.
//! Its id follows from that of the link request.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::AccountId;
use crate::fixture::FixtureId;
use crate::id::id;
use crate::link_request::{RequestId, Requester};
use crate::seat::HoldId;

id! {
    /// Which right to buy.
    AccessRightId
}

impl AccessRightId {
    /// The right that a link request gives: a UUID v5 of `access_right` in the request's
    /// namespace.
    pub fn of(request: RequestId) -> Self {
        Self(Uuid::new_v5(&request.0, b"access_right"))
    }
}

/// What happens to a right to buy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum AccessRightEvent {
    /// An access link was used: its requester may buy.
    Granted {
        /// Whose right it is; a guest's is that of whoever knows the request's id.
        requester: Requester,
    },
    /// Seats were reserved by it; it is worth nothing any more.
    Used {
        /// At which match.
        #[serde(rename = "match_id")]
        fixture: FixtureId,
        /// By which hold.
        #[serde(rename = "hold_id")]
        hold: HoldId,
        /// By whom.
        #[serde(rename = "account_id")]
        by: AccountId,
    },
}

impl DomainEvent for AccessRightEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Granted { .. } => "Granted",
            Self::Used { .. } => "Used",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
