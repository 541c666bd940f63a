//! The clock: the only reader of time in this service.
//!
//! System time plus the measured offset to Postgres, so that replicas agree; it never runs
//! backwards within a process. A measurement corrects the offset only as far as it proves it wrong:
//! an answer that took long proves little. With the test clock an offset kept in a row of the
//! database, which only grows, is added; every process follows it within [`TEST_CLOCK_POLL`]. Not
//! here: deadlines, and any decision about what a time means.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::timeout;

use super::causes::causes;
use super::database::{Database, DatabaseError};

/// How often a process looks whether the test clock was moved.
pub const TEST_CLOCK_POLL: Duration = Duration::from_millis(25);
/// How often the offset to Postgres is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(5);
/// How long Postgres may take to tell its time. A slow answer tells little, and meanwhile the test
/// clock is not followed.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// A replica further off than this is not ready; in microseconds.
const TOLERANCE_US: i64 = 500_000;

/// Tells the time; cheap to clone, all clones are the same clock.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Postgres' time minus ours, microseconds.
    database_offset: AtomicI64,
    /// How far tests have moved the clock, microseconds.
    test_offset: AtomicI64,
    /// The latest time told, microseconds since 1970.
    latest: AtomicI64,
}

impl Clock {
    /// The present moment, in whole microseconds (what Postgres can store).
    pub fn now(&self) -> DateTime<Utc> {
        let State { database_offset, test_offset, .. } = &*self.0;
        let offset = database_offset.load(Ordering::Relaxed) + test_offset.load(Ordering::Relaxed);
        let now = system_time_us() + offset;
        let latest = self.0.latest.fetch_max(now, Ordering::Relaxed).max(now);
        DateTime::from_timestamp_micros(latest).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Whether system time agrees with Postgres well enough to take commands.
    pub fn agrees_with_database(&self) -> bool {
        self.0.database_offset.load(Ordering::Relaxed).abs() <= TOLERANCE_US
    }

    /// Measures how far system time is from Postgres' time.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer within two seconds.
    pub async fn measure(&self, database: &Database) -> Result<(), DatabaseError> {
        let client = database.get().await?;
        // Started first: what passes before the system time is read only widens the bounds.
        let started = Instant::now();
        let before = system_time_us();
        let asked = client.query_one("select clock_timestamp()", &[]);
        let row = timeout(ANSWER_LIMIT, asked).await.map_err(|_| DatabaseError::Silent)??;
        let after = before.saturating_add_unsigned(started.elapsed().as_micros() as u64);
        let theirs: DateTime<Utc> = row.try_get(0)?;
        let theirs = theirs.timestamp_micros();
        let known = self.0.database_offset.load(Ordering::Relaxed);
        let offset = corrected(known, theirs - after, theirs - before);
        self.0.database_offset.store(offset, Ordering::Relaxed);
        Ok(())
    }

    /// Reads how far the test clock was moved.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn follow_test_clock(&self, database: &Database) -> Result<(), DatabaseError> {
        let client = database.get().await?;
        let row = client.query_one("select offset_us from test_clock", &[]).await?;
        self.0.test_offset.fetch_max(row.try_get(0)?, Ordering::Relaxed);
        Ok(())
    }

    /// Moves the test clock forward to `to`, for every process; a time already passed changes
    /// nothing. Returns the time it is afterwards.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn move_test_clock(
        &self,
        database: &Database,
        to: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, DatabaseError> {
        let known = self.0.database_offset.load(Ordering::Relaxed);
        let offset = to.timestamp_micros() - system_time_us() - known;
        let client = database.get().await?;
        let statement = "update test_clock set offset_us = greatest(offset_us, $1) \
                         returning offset_us";
        let row = client.query_one(statement, &[&offset]).await?;
        self.0.test_offset.fetch_max(row.try_get(0)?, Ordering::Relaxed);
        Ok(self.now())
    }

    /// Keeps the clock true until cancelled: measures, and follows the test clock if there is one.
    pub async fn run(self, database: Database, test_clock: bool) {
        let mut measure = tokio::time::interval(MEASURE_EVERY);
        let mut follow = tokio::time::interval(TEST_CLOCK_POLL);
        loop {
            let outcome = tokio::select! {
                _ = measure.tick() => self.measure(&database).await,
                _ = follow.tick(), if test_clock => self.follow_test_clock(&database).await,
            };
            if let Err(error) = outcome {
                tracing::debug!(
                    error = causes(&error),
                    "the clock could not be compared with Postgres"
                );
            }
        }
    }
}

/// The offset nearest to the known one that a measurement allows. Postgres told its time somewhere
/// between question and answer, so the true offset lies between `least` and `most`; where in
/// between, nobody knows, least of all when one of the two stood still meanwhile.
fn corrected(known: i64, least: i64, most: i64) -> i64 {
    known.max(least).min(most)
}

/// How long until `then`, zero if it has passed.
pub fn until(then: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (then - now).max(TimeDelta::zero()).to_std().unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "this is the one reader of system time")]
fn system_time_us() -> i64 {
    Utc::now().timestamp_micros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_runs_backwards() {
        let clock = Clock::default();
        clock.0.test_offset.store(1_000_000, Ordering::Relaxed);
        let later = clock.now();
        clock.0.test_offset.store(0, Ordering::Relaxed);
        assert!(clock.now() >= later);
    }

    #[test]
    fn an_answer_that_took_long_does_not_set_the_clock() {
        // Frozen for 10 s just after, or just before, it told the time.
        assert_eq!(corrected(0, -10_000_000, 200), 0);
        assert_eq!(corrected(0, -200, 10_000_000), 0);
    }

    #[test]
    fn a_clock_that_is_provably_off_is_set() {
        assert_eq!(corrected(0, 1_999_000, 2_000_500), 1_999_000);
        assert_eq!(corrected(1_999_000, 1_999_900, 2_000_200), 1_999_900);
        assert_eq!(corrected(2_000_000, -300, 300), 300);
    }

    #[test]
    fn a_replica_half_a_second_off_does_not_agree() {
        let clock = Clock::default();
        assert!(clock.agrees_with_database());
        clock.0.database_offset.store(-TOLERANCE_US - 1, Ordering::Relaxed);
        assert!(!clock.agrees_with_database());
    }

    #[test]
    fn nothing_is_waited_for_that_has_passed() {
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(until(now - TimeDelta::seconds(1), now), Duration::ZERO);
        assert_eq!(until(now + TimeDelta::seconds(1), now), Duration::from_secs(1));
    }
}
