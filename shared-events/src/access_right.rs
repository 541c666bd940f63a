//! The events of the right to buy that a used access link gives: it is granted once and used once.
//! Its id is that of the link request.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::fixture::FixtureId;
use crate::link_request::Requester;
use crate::seat::HoldId;

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
        fixture: FixtureId,
        /// By which hold.
        hold: HoldId,
        /// By whom.
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
