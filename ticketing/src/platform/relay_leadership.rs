//! Who relays a log: the holder of an advisory lock on a session that Postgres ends after
//! [`IDLE_LIMIT`] of silence, so a frozen leader loses it. The cursor is fenced by an epoch
//! besides: a leader that wakes too late moves nothing.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;

use super::database::{Connection, Database, DatabaseError};
use super::event_store::{READ_LOG, StoredEvent, read_log};

/// The silence after which Postgres takes leadership away.
const IDLE_LIMIT: Duration = Duration::from_secs(3);
/// How often the leader shows that it is alive, and how often others try to become leader.
pub(super) const HEARTBEAT: Duration = Duration::from_millis(500);

/// A session that would lead.
pub(super) struct Candidate {
    client: Connection,
    log: &'static str,
}

impl Candidate {
    /// Connects under a name that operators see.
    pub(super) async fn new(
        database: &Database,
        log: &'static str,
        name: &str,
    ) -> Result<Self, DatabaseError> {
        let client = database.connect(name).await?;
        let limit = format!("set idle_session_timeout = {}", IDLE_LIMIT.as_millis());
        client.batch_execute(&limit).await?;
        Ok(Self { client, log })
    }

    /// Asks once; has to be asked more often than [`IDLE_LIMIT`].
    pub(super) async fn is_elected(&self) -> Result<bool, DatabaseError> {
        let lock = "select pg_try_advisory_lock(hashtextextended('relay:' || $1, 0))";
        Ok(self.client.query_one(lock, &[&self.log]).await?.try_get(0)?)
    }

    /// Begins a new epoch.
    pub(super) async fn lead(self) -> Result<Leadership, DatabaseError> {
        let Self { client, log } = self;
        let next_epoch = "insert into relay_cursors (log, epoch) values ($1, 1) \
            on conflict (log) do update set epoch = relay_cursors.epoch + 1 returning epoch";
        let epoch = client.query_one(next_epoch, &[&log]).await?.try_get(0)?;
        // A cursor that a crash of Postgres sets back costs repeats, which change nothing: it is
        // not worth waiting for the disk. The epoch was.
        client.batch_execute("set synchronous_commit = off").await?;
        let read = client.prepare(READ_LOG).await?;
        let advance = "update relay_cursors set position = $2 where log = $1 and epoch = $3";
        let advance = client.prepare(advance).await?;
        Ok(Leadership { client, read, advance, epoch, log })
    }
}

/// The session of the leader.
pub(super) struct Leadership {
    client: Connection,
    read: Statement,
    advance: Statement,
    /// Greater than that of every leader before.
    pub(super) epoch: i64,
    /// Which log.
    pub(super) log: &'static str,
}

impl Leadership {
    /// Events after a position.
    pub(super) async fn read(
        &self,
        after: i64,
        limit: i64,
    ) -> Result<Vec<StoredEvent>, tokio_postgres::Error> {
        read_log(&*self.client, &self.read, self.log, after, limit).await
    }

    /// Up to where everything is delivered.
    pub(super) async fn cursor(&self) -> Result<i64, tokio_postgres::Error> {
        let text = "select position from relay_cursors where log = $1";
        self.client.query_one(text, &[&self.log]).await?.try_get(0)
    }

    /// Keeps the session from idling while the broker is slow; returns when it is lost.
    pub(super) async fn beat(&self) {
        let mut beat = tokio::time::interval(HEARTBEAT);
        let answers = || timeout(IDLE_LIMIT, self.client.batch_execute("select 1"));
        while answers().await.is_ok_and(|answer| answer.is_ok()) {
            beat.tick().await;
        }
    }

    /// Moves the cursor; false if a newer leader exists.
    pub(super) async fn advance(&self, position: i64) -> Result<bool, tokio_postgres::Error> {
        let parameters: [&(dyn ToSql + Sync); 3] = [&self.log, &position, &self.epoch];
        let changed = self.client.execute(&self.advance, &parameters).await?;
        Ok(changed == 1)
    }
}
