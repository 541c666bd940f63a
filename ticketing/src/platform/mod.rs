//! The mechanisms, without a word of the trade: how events are appended, read, relayed and
//! projected, how time is told, how repeats are recognised and overload is refused. Contexts stand
//! on these; nothing here knows a context.

pub mod append;
mod append_batch;
pub mod append_queue;
pub mod background;
pub mod broker;
pub mod caught_up;
pub mod causes;
pub mod clock;
pub mod commands;
pub mod consuming;
pub mod database;
pub mod dead_letters;
pub mod deadlines;
pub mod erasure;
pub mod event_store;
pub mod grouped_reads;
pub mod housekeeping;
pub mod idempotency;
pub mod inbox;
mod log_lines;
pub mod log_signal;
pub mod projection_copy;
pub mod projections;
pub mod read_table;
pub mod relay;
mod relay_flight;
mod relay_leadership;
pub mod retries;
pub mod snapshots;
pub mod telemetry;
pub mod vault;
pub mod workers;

use std::sync::Arc;

use broker::{Broker, BrokerError};
use clock::Clock;
use database::{Database, DatabaseError};
use dead_letters::DeadLetters;
use retries::Retries;
use workers::Workers;

use crate::config::Settings;

/// A setting that says where a server is can not be read.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// `DATABASE_URL`.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// `AMQP_URL`.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// The mechanisms a context is wired with; cheap to clone.
#[derive(Clone)]
pub struct Platform {
    /// Postgres.
    pub database: Database,
    /// The time.
    pub clock: Clock,
    /// RabbitMQ.
    pub broker: Broker,
    /// Where messages go that can not be processed.
    pub dead_letters: Arc<DeadLetters>,
    /// Messages that will be tried again.
    pub retries: Retries,
    /// The background tasks.
    pub workers: Workers,
}

impl Platform {
    /// All mechanisms; connects to nothing yet.
    ///
    /// # Errors
    /// [`AddressError`] if the settings name no database or no broker.
    pub fn new(settings: &Settings) -> Result<Self, AddressError> {
        let database = Database::new(&settings.database)?;
        let clock = Clock::default();
        let broker = Broker::new(&settings.broker.amqp_url)?;
        let dead_letters = Arc::new(DeadLetters::new(broker.clone(), clock.clone()));
        let retries = Retries::new(database.clone(), clock.clone());
        Ok(Self { database, clock, broker, dead_letters, retries, workers: Workers::new() })
    }
}
