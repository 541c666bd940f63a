//! The rule service: decides when a ticket link opens, and signs the token the link will carry.
//!
//! A request comes in as an event, a verdict goes out as a message; nothing is stored here. The
//! decision itself is the pure function [`evaluate::evaluate`]: the same event under the same rules
//! always gets the same answer, however late or often it is asked for. What this service knows of
//! the rest is `shared-events` alone: it has no database, serves no API, and never sees what
//! becomes of a link.

pub mod answer;
mod broker;
mod clock;
pub mod config;
pub mod consumer;
pub mod evaluate;
pub mod health;
pub mod keys;
mod outgoing;
pub mod phrase;
pub mod rule_set;
pub mod rules_file;
pub mod span;
pub mod supervisor;
pub mod telemetry;
pub mod token;
