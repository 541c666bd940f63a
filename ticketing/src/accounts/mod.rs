//! Accounts.

pub mod caller;
pub mod grants;
pub mod keys;
pub mod tokens;

pub use caller::{Caller, People, Role, Roles};
pub use shared_events::link_request::{AccountId, Tier};
