//! The passwords of the broker's users, made at the first start and kept in the home with mode
//! 0600.

use std::fmt;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::files::{read_json, write_private};

/// A user of the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerUser {
    /// The service `ticketing`.
    Ticketing,
    /// The service `rules`.
    Rules,
    /// The administrator, for the console.
    Operator,
}

impl BrokerUser {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Ticketing, Self::Rules, Self::Operator];

    /// The name to log in with.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ticketing => "ticketing",
            Self::Rules => "rules",
            Self::Operator => "operator",
        }
    }
}

/// Their passwords: letters and digits only, so they stand in a URL as they are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passwords {
    ticketing: String,
    rules: String,
    operator: String,
}

impl Passwords {
    /// New ones, 122 random bits each.
    pub fn generate() -> Self {
        let [ticketing, rules, operator] =
            std::array::from_fn(|_| Uuid::new_v4().simple().to_string());
        Self { ticketing, rules, operator }
    }

    /// Those kept at `path`, made and written if there are none.
    ///
    /// # Errors
    /// If the file can not be read or written.
    pub fn kept_at(path: &Path) -> Result<Self> {
        if let Some(known) = read_json(path)? {
            return Ok(known);
        }
        let new = Self::generate();
        write_private(path, &serde_json::to_vec_pretty(&new)?)?;
        Ok(new)
    }

    /// The password of `user`.
    pub fn of(&self, user: BrokerUser) -> &str {
        match user {
            BrokerUser::Ticketing => &self.ticketing,
            BrokerUser::Rules => &self.rules,
            BrokerUser::Operator => &self.operator,
        }
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passwords(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn passwords_are_kept_and_nobody_else_may_read_them() {
        let path = std::env::temp_dir().join(format!("turnstile-passwords-{}", Uuid::new_v4()));
        let made = Passwords::kept_at(&path).expect("made");
        assert!(made == Passwords::kept_at(&path).expect("kept"));
        let mode = path.metadata().expect("written").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::remove_file(&path).expect("removed");
    }

    #[test]
    fn no_two_passwords_are_alike_and_none_is_shown() {
        let passwords = Passwords::generate();
        assert_ne!(passwords.of(BrokerUser::Ticketing), passwords.of(BrokerUser::Rules));
        assert!(!format!("{passwords:?}").contains(passwords.of(BrokerUser::Operator)));
    }
}
