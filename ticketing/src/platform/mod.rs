//! The mechanisms, without a word of the trade: how events are appended, read, relayed and projected, how time is told,
//! how repeats are recognised and overload is refused. Contexts stand on these; nothing here knows a context.

pub mod append;
mod append_batch;
pub mod append_queue;
pub mod broker;
pub mod clock;
pub mod commands;
pub mod database;
pub mod dead_letters;
pub mod deadlines;
pub mod event_store;
pub mod housekeeping;
pub mod idempotency;
pub mod inbox;
pub mod log_signal;
pub mod projection_copy;
pub mod projections;
pub mod relay;
pub mod retries;
pub mod telemetry;
pub mod vault;
