//! Waiting for a projection: who has just written something finds it in a list, if the projection
//! gets there soon. Bounded, so that a projection that lags makes nobody wait for long. Not here:
//! answers by id, which are read from the stream.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::database::DatabaseError;
use super::event_store::EventStore;

/// The longest that a list waits.
const PATIENCE: Duration = Duration::from_millis(250);
/// The pause before it looks again; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// Waits for one projection of a log; cheap to clone.
#[derive(Clone)]
pub struct CaughtUp {
    store: EventStore,
    projection: &'static str,
}

impl CaughtUp {
    /// The projection of this name reads the store's log.
    pub fn new(store: EventStore, projection: &'static str) -> Self {
        Self { store, projection }
    }

    /// Waits until the projection has what the log holds now, at most 250 ms.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn wait(&self) -> Result<(), DatabaseError> {
        let deadline = Instant::now() + PATIENCE;
        let text = "select coalesce((select position from events where log = $1 \
                                     order by position desc limit 1), 0), \
                           coalesce((select position from checkpoints where projection = $2), 0)";
        let mut awaited = None;
        let mut pause = FIRST_PAUSE;
        loop {
            let (head, reached): (i64, i64) = {
                let client = self.store.database().get().await?;
                let statement = client.prepare_cached(text).await?;
                let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 2] =
                    [&self.store.log(), &self.projection];
                let row = client.query_one(&statement, &parameters).await?;
                (row.try_get(0)?, row.try_get(1)?)
            };
            if reached >= *awaited.get_or_insert(head) || Instant::now() >= deadline {
                return Ok(());
            }
            sleep(pause.min(deadline - Instant::now())).await;
            pause *= 2;
        }
    }
}
