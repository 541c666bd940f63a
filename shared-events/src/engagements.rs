//! The events of one person's engagements: at which times somebody is at an outing, as host or as
//! guest, and which outings wait for time. Written with the events of the announcement, so that
//! nobody is at two at a time.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::AccountId;
use crate::announcement::AnnouncementId;
use crate::id::id;

id! {
    /// Whose engagements.
    EngagementsId
}

impl EngagementsId {
    /// The engagements of an account: a UUID v5 of `engagements` in the account's namespace.
    pub fn of(account: AccountId) -> Self {
        Self(Uuid::new_v5(&account.0, b"engagements"))
    }
}

/// What happens to somebody's engagements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum EngagementsEvent {
    /// A time is taken for an outing, or another time for the same.
    Engaged {
        /// Whose time.
        #[serde(rename = "account_id")]
        account: AccountId,
        /// For which outing.
        #[serde(rename = "announcement_id")]
        announcement: AnnouncementId,
        /// The first instant that is taken.
        starts_at: DateTime<Utc>,
        /// The first instant that is not taken any more.
        ends_at: DateTime<Utc>,
        /// Outings that were over by then: they need not be remembered.
        over: Vec<AnnouncementId>,
    },
    /// An outing was moved to when they are elsewhere, or they follow it only when it has begun: no
    /// time is taken for it, it waits for it.
    Deferred {
        /// Whose time.
        #[serde(rename = "account_id")]
        account: AccountId,
        /// Which outing.
        #[serde(rename = "announcement_id")]
        announcement: AnnouncementId,
        /// The first instant it waits for.
        starts_at: DateTime<Utc>,
        /// The first instant it does not wait for any more.
        ends_at: DateTime<Utc>,
    },
    /// No time is taken for the outing any more, and it waits for none.
    Released {
        /// For which outing it was.
        #[serde(rename = "announcement_id")]
        announcement: AnnouncementId,
    },
}

impl DomainEvent for EngagementsEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Engaged { .. } => "Engaged",
            Self::Deferred { .. } => "Deferred",
            Self::Released { .. } => "Released",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
