//! The mechanisms of `ticketing/src/platform`, one by one, on real servers.

mod append;
mod clock;
mod commands;
mod database;
mod deadlines;
mod fault_proxy;
mod grouped_reads;
mod idempotent;
mod inbox;
mod joint;
mod lost_replies;
mod memory;
mod projections;
mod relay;
mod snapshots;
mod verdicts;
