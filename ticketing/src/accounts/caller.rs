//! Who is asking: what every context may know of an account. A [`Caller`] is made from a verified
//! login token, so no store is read for it. Not here: names (`directory.rs`).

use std::fmt;
use std::sync::Arc;

use shared_events::account::{AccountId, Tier};
use uuid::Uuid;

/// Somebody who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Which account.
    pub account: AccountId,
    /// Its name, as it was registered.
    pub username: Arc<str>,
    /// What it is entitled to.
    pub tier: Tier,
    /// What it may do beyond that.
    pub roles: Roles,
    /// By which session; it can be ended.
    pub session: Uuid,
}

impl Caller {
    /// Whether the caller administrates this service.
    pub fn is_administrator(&self) -> bool {
        self.roles.contains(Role::Admin)
    }
}

/// What an account may do beyond its tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Administrates the service.
    Admin,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 1] = [Self::Admin];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of roles.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Roles(u8);

impl Roles {
    /// Reads names; those that are not known here grant nothing.
    pub fn from_names<S: AsRef<str>>(names: &[S]) -> Self {
        let known =
            Role::ALL.iter().filter(|role| names.iter().any(|n| n.as_ref() == role.as_str()));
        Self(known.fold(0, |bits, role| bits | role.bit()))
    }

    /// The names on the wire.
    pub fn names(self) -> Vec<&'static str> {
        Role::ALL.iter().filter(|role| self.contains(**role)).map(|role| role.as_str()).collect()
    }

    /// Whether the role is in the set.
    pub fn contains(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_survive_the_way_through_their_names_and_unknown_ones_grant_nothing() {
        let roles = Roles::from_names(&["admin", "root"]);
        assert!(roles.contains(Role::Admin));
        assert_eq!(roles.names(), ["admin"]);
        assert_eq!(Roles::from_names(&["Admin", "root", ""]), Roles::default());
    }
}
