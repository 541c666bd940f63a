//! Waiting for a projection: who has just written something finds it in a list, if the projection
//! gets there soon. Bounded, so that a projection that lags makes nobody wait for long.
//!
//! What only a projection knows by its id is looked up ([`CaughtUp::find`]): that there is none is
//! said by one that knows all. Not here: other answers by id, which are read from the stream.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::database::{Database, DatabaseError};
use super::event_store::{EventStore, ReadError};

/// The longest that a list waits.
const PATIENCE: Duration = Duration::from_millis(250);
/// The pause before it looks again; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// Why it is not known whether something is there.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// What is there can not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It may be in what the log holds and whoever is asked does not know yet.
    #[error("what was looked up may be too new to be known")]
    Behind,
}

impl From<DatabaseError> for LookupError {
    fn from(error: DatabaseError) -> Self {
        Self::Read(error.into())
    }
}

/// Waits for one projection of a log; cheap to clone.
#[derive(Clone)]
pub struct CaughtUp {
    database: Database,
    log: &'static str,
    projection: &'static str,
}

impl CaughtUp {
    /// The projection of this name reads the store's log.
    pub fn new(store: EventStore, projection: &'static str) -> Self {
        Self::following(store.database().clone(), store.log(), projection)
    }

    /// The projection of this name reads a log that others write.
    pub fn following(database: Database, log: &'static str, projection: &'static str) -> Self {
        Self { database, log, projection }
    }

    /// Looks something up, and once more when the projection has what the log holds now.
    ///
    /// # Errors
    /// [`LookupError`] if Postgres does not answer, or nothing was found and the projection is
    /// behind.
    pub async fn find<T, R>(&self, find: impl Fn() -> R) -> Result<Option<T>, LookupError>
    where
        R: Future<Output = Result<Option<T>, ReadError>>,
    {
        if let Some(found) = find().await? {
            return Ok(Some(found));
        }
        let knows_all = self.wait().await?;
        match find().await? {
            None if !knows_all => Err(LookupError::Behind),
            found => Ok(found),
        }
    }

    /// Waits until the projection has what the log holds now, at most 250 ms; whether it has.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn wait(&self) -> Result<bool, DatabaseError> {
        let deadline = Instant::now() + PATIENCE;
        let text = "select coalesce((select position from events where log = $1 \
                                     order by position desc limit 1), 0), \
                           coalesce((select position from checkpoints where projection = $2), 0)";
        let mut awaited = None;
        let mut pause = FIRST_PAUSE;
        loop {
            let (head, reached): (i64, i64) = {
                let client = self.database.get().await?;
                let statement = client.prepare_cached(text).await?;
                let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 2] =
                    [&self.log, &self.projection];
                let row = client.query_one(&statement, &parameters).await?;
                (row.try_get(0)?, row.try_get(1)?)
            };
            let has_it = reached >= *awaited.get_or_insert(head);
            if has_it || Instant::now() >= deadline {
                return Ok(has_it);
            }
            sleep(pause.min(deadline - Instant::now())).await;
            pause *= 2;
        }
    }
}
