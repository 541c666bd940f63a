//! A booking: what host and guest say of the guest's place. It lives in its announcement, whose
//! places it takes.

use serde::{Deserialize, Serialize};
use shared_events::AccountId;

/// An application for a place, whatever has become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// Who wants to come along.
    pub guest: AccountId,
    /// Whether they still do.
    pub guest_says: bool,
    /// Whether the host takes them along; `None` while the host has not said.
    pub host_says: Option<bool>,
    /// The outing was moved to a time at which the guest is elsewhere.
    pub clashes: bool,
}

impl Booking {
    pub(super) fn new(guest: AccountId) -> Self {
        Self { guest, guest_says: true, host_says: None, clashes: false }
    }

    /// Whether it takes a place: both say yes.
    pub fn has_place(&self) -> bool {
        self.guest_says && self.host_says == Some(true)
    }

    /// Whether it takes the guest's time: neither says no.
    pub fn engages(&self) -> bool {
        self.guest_says && self.host_says != Some(false)
    }
}
