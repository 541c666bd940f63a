//! The mechanisms of `ticketing/src/platform`, one by one, on real servers.

mod append;
mod commands;
mod deadlines;
mod fault_proxy;
mod idempotent;
mod joint;
mod lost_replies;
mod projections;
mod relay;
