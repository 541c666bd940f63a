//! The integration tests: whole flows over HTTP and single mechanisms, on real Postgres and
//! RabbitMQ.
//!
//! `harness` brings the servers, one pair for the whole run, and a place of its own (database and
//! virtual host) for each test, `peers` the servers of others, `world` a running system; `platform`
//! tests the mechanisms one by one; `accounts`, `catalogue`, `gate`, `market`, `notifications`,
//! `outings`, `short_links` and `venues` play the flows; `contracts` and `tidy` hold documents and
//! the shape of the source to what they promise.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and clippy takes only functions marked as tests for tests"
)]

mod accounts;
mod catalogue;
mod contracts;
mod gate;
mod harness;
mod market;
mod notifications;
mod outings;
mod peers;
mod platform;
mod short_links;
mod tidy;
mod venues;
mod world;
