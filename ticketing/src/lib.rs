//! The ticketing service: HTTP, commands and projections over an event history in Postgres.
//!
//! [`app`] is the composition root; [`platform`] holds the mechanisms; every other module is a
//! context or the edge.

pub mod accounts;
pub mod api;
pub mod api_error;
pub mod app;
pub mod bounded_context;
pub mod catalogue;
pub mod config;
pub mod links;
pub mod market;
pub mod notifications;
pub mod outings;
pub mod platform;
pub mod providers;
pub mod readiness;
pub mod short_links;
pub mod venues;
pub mod verify;
