//! Accounts: who may log in and what they are entitled to. State, not events: it is personal data,
//! which has to be correctable and deletable; histories carry account ids only.
//!
//! | word | meaning |
//! | --- | --- |
//! | tier | what it is entitled to: `premium`, `standard` or `default`, as a guest |
//! | role | what it may do beyond that: `admin` |
//! | caller | an account as it presents itself with a login token |
//! | grant | a tier or role given by an administrator |
//!
//! Invariants: usernames and addresses are unique whatever their case, by named indexes and nothing
//! else; the tier that counts is what the server knows, never what a request says; no password is
//! stored, logged or answered; an unknown user costs as much time as a wrong password; what was
//! granted lately overrides what a token says.

pub mod caller;
mod find;
pub mod grant;
pub mod grants;
pub mod http;
pub mod keys;
pub mod login;
pub mod password;
pub mod register;
pub mod tokens;

use std::sync::Arc;

pub use caller::{Caller, People, Role, Roles};
pub use shared_events::link_request::{AccountId, Tier};

use crate::config::TierPolicy;
use crate::platform::clock::Clock;
use crate::platform::database::Database;
use crate::platform::idempotency::Idempotency;
use password::Passwords;
use tokens::LoginTokens;

/// What the use cases of this context work with.
pub struct Accounts {
    /// Where accounts are kept.
    pub database: Database,
    /// Tells the time.
    pub clock: Clock,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Issues login tokens.
    pub tokens: Arc<LoginTokens>,
    /// Recognises repeated registrations.
    pub idempotency: Idempotency,
    /// What the role named at registration is worth.
    pub tier_policy: TierPolicy,
}
