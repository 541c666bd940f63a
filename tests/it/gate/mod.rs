//! The gate played over HTTP, as its users see it: every promise of the tiers, rules and access
//! links, against both services as real processes.
//!
//! `given` makes the states tests start from. All other files hold tests.

mod accounts;
mod administration;
mod buying;
mod faults;
mod given;
mod idempotency;
pub(crate) mod limits;
mod opening;
mod outages;
mod pages;
mod poison;
mod problems;
mod queues;
mod requests;
mod rights;
mod rule_changes;
mod secrets;
mod tiers;
mod tokens;
mod tokens_in_time;
mod trace;
mod transcripts;
mod verify;
