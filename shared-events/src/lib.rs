//! The published language of Turnstile: what is stored, relayed and answered.
//!
//! What a stored event promises: it never changes, it is never deleted, and every version that was
//! ever released can still be read ([`upcast`] lifts old versions, `golden/` holds one of each).
//! Times are UTC. No secret and no personal data stands in an event: those live in the vault of
//! `ticketing`.
//!
//! Deliberately not here: how anything is stored (`ticketing`), how anything is sent (`lapin`
//! stands in the services), and any decision.

pub mod envelope;
pub mod link_request;
pub mod topology;
pub mod upcast;
pub mod verdict;

pub use envelope::Envelope;
pub use link_request::{AccountId, LinkRequestEvent, Outcome, RequestId, Requester, Tier, TokenId};
pub use upcast::{DecodeError, decode};
pub use verdict::{Decision, Verdict};
