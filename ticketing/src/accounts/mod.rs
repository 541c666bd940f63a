//! Accounts: who may log in and what they are entitled to. State, not events: it is personal data,
//! which has to be correctable and deletable; histories carry account ids only.
//!
//! | word | meaning |
//! | --- | --- |
//! | tier | what it is entitled to: `premium`, `standard` or `default`, as a guest |
//! | role | what it may do beyond that: `admin` |
//! | caller | an account as it presents itself with a login token |
//! | grant | a tier or role given by an administrator |
//! | erased | left: nothing is known of the person, the account's id stays |
//! | profile | what people tell of themselves beyond name and address |
//! | contact | how somebody is reached, and in which language |
//!
//! Invariants: usernames and addresses are unique whatever their case, by named indexes and nothing
//! else; the tier that counts is what the server knows, never what a request says; no password is
//! stored, logged or answered; an unknown user costs as much time as a wrong password; what was
//! granted lately overrides what a token says; nothing that an old password has opened outlives it.

pub mod caller;
pub mod directory;
pub mod erase;
mod erase_again;
mod find;
pub mod grant;
pub mod grants;
pub mod http;
pub mod identity_provider;
pub mod keys;
pub mod login;
pub mod password;
pub mod people;
pub mod profile;
pub mod register;
pub mod revocations;
mod revoke;
pub mod samples;
pub mod sessions;
pub mod set_password;
pub mod sign_in_with;
pub mod time_zone;
pub mod tokens;

use std::sync::Arc;

use chrono::TimeDelta;

pub use caller::{Caller, Role, Roles};
pub use directory::{Contact, People};
pub use profile::{DeliveryType, Language};
pub use shared_events::account::{AccountId, Tier};
pub use time_zone::TimeZone;

use crate::config::TierPolicy;
use crate::platform::clock::Clock;
use crate::platform::database::Database;
use crate::platform::housekeeping::Rule;
use crate::platform::idempotency::Idempotency;
use erase::Erasing;
use password::Passwords;
use revocations::Revocations;
use tokens::LoginTokens;

/// What housekeeping deletes: sessions that can not be refreshed and whose tokens have expired
/// everywhere, whatever the clocks; sign-ins from which nobody came back.
pub const SERVED_THEIR_TIME: [Rule; 2] = [
    Rule { table: "sessions", column: "expires_at", age: TimeDelta::minutes(5) },
    Rule { table: "sign_ins", column: "expires_at", age: TimeDelta::minutes(5) },
];

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
    /// Knows which sessions have ended.
    pub revocations: Revocations,
    /// Recognises repeated registrations.
    pub idempotency: Idempotency,
    /// What the role named at registration is worth.
    pub tier_policy: TierPolicy,
    /// What the contexts do about somebody who leaves.
    pub erasing: Erasing,
}
