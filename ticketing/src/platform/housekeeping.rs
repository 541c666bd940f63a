//! Housekeeping: deletes what has served its time, by the service's clock, in small pieces. Any
//! number of replicas may do it at once; one that fails tries again a minute later.
//!
//! How long a repeat is recognised follows from it: a message for 7 days, an idempotency key for 24
//! hours. History is never touched, nor is a value of the vault without an end. Not here: what is
//! derived (`projections.rs`).

use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::causes::causes;
use super::clock::Clock;
use super::database::{Database, DatabaseError};

/// How often it looks.
const PERIOD: Duration = Duration::from_secs(60);
/// Rows deleted in one statement, so that none runs into the statement's time limit.
const CHUNK: i64 = 5_000;

/// What is deleted, and when.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The table.
    pub table: &'static str,
    /// The column that tells the age of a row, with an index.
    pub column: &'static str,
    /// How old a row may get.
    pub age: TimeDelta,
}

const RULES: [Rule; 4] = [
    Rule { table: "inbox", column: "processed_at", age: TimeDelta::days(7) },
    Rule { table: "idempotency_keys", column: "stored_at", age: TimeDelta::hours(24) },
    Rule { table: "deadlines", column: "done_at", age: TimeDelta::hours(24) },
    Rule { table: "vault", column: "expires_at", age: TimeDelta::zero() },
];

/// Deletes from time to time, until cancelled: by the rules of the platform and by `more`.
pub async fn run(database: Database, clock: Clock, more: Vec<Rule>, shutdown: CancellationToken) {
    let mut period = tokio::time::interval(PERIOD);
    loop {
        tokio::select! {
            _ = period.tick() => {}
            () = shutdown.cancelled() => return,
        }
        match sweep(&database, &clock, &more).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "housekeeping deleted what had served its time"),
            Err(error) => tracing::warn!(error = causes(&error), "housekeeping failed"),
        }
    }
}

/// Deletes everything that has served its time now. Returns how many rows that were.
///
/// # Errors
/// [`DatabaseError`] if Postgres does not answer.
pub async fn sweep(
    database: &Database,
    clock: &Clock,
    more: &[Rule],
) -> Result<u64, DatabaseError> {
    let client = database.get().await?;
    let mut rows = 0;
    for Rule { table, column, age } in RULES.iter().chain(more) {
        let before = clock.now() - *age;
        let text = format!(
            "delete from {table} where ctid = any(array(\
             select ctid from {table} where {column} < $1 limit $2))"
        );
        loop {
            let deleted = client.execute(&text, &[&before, &CHUNK]).await?;
            rows += deleted;
            if deleted < CHUNK.unsigned_abs() {
                break;
            }
        }
    }
    Ok(rows)
}
