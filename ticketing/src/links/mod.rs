//! The access links: somebody asks for the link to the ticket page, a rule decides when it opens,
//! it works once.
//!
//! ```text
//! Absent --request--> Requested --verdict--> Evaluated -> Issued --buy_ticket--> Bought
//!                         \----verdict: never----> Refused
//! ```
//! Invariants: a request has one verdict, the first; a link has one token and is used at most once,
//! within `opens_at <= now < closes_at`; whether it is open or expired is a comparison with the
//! clock, never an event; a request of an account is read by that account alone, a guest's by
//! whoever knows its id.

pub mod buy_ticket;
pub mod check;
pub mod consumer;
pub mod http;
pub mod invariants;
pub mod link_request;
pub mod link_token;
pub mod record_evaluation;
pub mod request;
pub mod status;
pub mod sweep;
mod wiring;
pub mod words;

pub use wiring::Links;
