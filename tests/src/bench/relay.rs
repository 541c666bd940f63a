//! The relay paused from outside: the bench takes the lock that makes a leader, so no replica
//! leads. The service runs as it is; it has no mode for this.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::{interval, timeout};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls};

/// A leader that does not give way within this time is at fault.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether the leader is gone.
const LOOK: Duration = Duration::from_millis(10);

const TAKE: &str = "select pg_advisory_lock(hashtextextended('relay:' || $1, 0))";
const RELEASE: &str = "select pg_advisory_unlock(hashtextextended('relay:' || $1, 0))";
const CURSOR: &str = "select coalesce((select position from relay_cursors where log = $1), 0)";
/// Ends the leader's session once we ($2) are the next to get its lock: then nobody comes between.
const END_LEADER: &str = "with locks as ( \
        select pid, granted from pg_locks \
        where locktype = 'advisory' and objsubid = 1 \
          and database = (select oid from pg_database where datname = current_database()) \
          and (classid::bigint << 32 | objid::bigint) = hashtextextended('relay:' || $1, 0)) \
    select pg_terminate_backend(pid) from locks where granted and pid <> $2 \
      and exists (select 1 from locks where pid = $2 and not granted)";

/// While it is there, nothing of a log is relayed. Dropped, the relay goes on.
pub struct PausedRelay {
    client: Client,
    log: &'static str,
    cursor: i64,
}

impl PausedRelay {
    /// Pauses the relay of a log of the system with this database.
    ///
    /// # Errors
    /// If the leader does not give way.
    pub async fn begin(database_url: &str, log: &'static str) -> Result<Self> {
        let (client, other) = tokio::try_join!(connect(database_url), connect(database_url))?;
        let own: i32 = client.query_one("select pg_backend_pid()", &[]).await?.try_get(0)?;
        let taking = async {
            let which: [&(dyn ToSql + Sync); 1] = [&log];
            let mut taken = std::pin::pin!(client.query_one(TAKE, &which));
            let mut look = interval(LOOK);
            loop {
                tokio::select! {
                    taken = &mut taken => return taken.map(drop),
                    _ = look.tick() => drop(other.query(END_LEADER, &[&log, &own]).await?),
                }
            }
        };
        timeout(PATIENCE, taking).await.context("the relay's leader stays")??;
        let cursor = client.query_one(CURSOR, &[&log]).await?.try_get(0)?;
        Ok(Self { client, log, cursor })
    }

    /// Lets the relay go on.
    ///
    /// # Errors
    /// If it was not paused after all: its cursor has moved.
    pub async fn end(self) -> Result<()> {
        let log = self.log;
        let cursor: i64 = self.client.query_one(CURSOR, &[&log]).await?.try_get(0)?;
        ensure!(cursor == self.cursor, "the relay was not paused: it went on to {cursor}");
        let released = self.client.query_one(RELEASE, &[&log]).await?;
        ensure!(released.try_get::<_, bool>(0)?, "the relay's lock was lost while it was paused");
        Ok(())
    }
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
