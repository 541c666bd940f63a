//! The gate played over HTTP, as its users see it: every promise of the tiers, rules and access
//! links, against both services as real processes.
//!
//! `world` brings a running system (one shared by most tests, one of its own for a test that moves
//! the clock, kills processes or needs other settings), `answer` reads what it says, `given` makes
//! the states tests start from, `inside` looks behind the API. All other files hold tests.

mod accounts;
mod administration;
mod answer;
mod buying;
mod faults;
mod given;
mod idempotency;
mod inside;
mod limits;
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
mod world;
