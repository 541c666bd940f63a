//! What is there after the faults: the recorded calls beside the history, the read tables and the
//! queues. Collected here, judged by [`super::checkers`].

use anyhow::{Context, Result};
use shared_events::topology::{LINKS_LOG, QUEUES};
use uuid::Uuid;

use super::journal::Call;
use super::world::World;
use super::world::broker::{Broker, Letter};

/// A stored event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place in the log.
    pub position: i64,
    /// Its id.
    pub id: Uuid,
    /// The link request it belongs to.
    pub request: Uuid,
    /// Its place in that request's stream.
    pub sequence: i64,
    /// Its type, such as `Requested`.
    pub kind: String,
}

/// A queue as the broker tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueState {
    /// Its name.
    pub name: String,
    /// Messages that wait.
    pub ready: u32,
}

/// A row of the read table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRow {
    /// The link request.
    pub request: Uuid,
    /// The sequence of the last event that was applied.
    pub sequence: i64,
}

/// Everything a checker may look at.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Every call of the workload.
    pub calls: Vec<Call>,
    /// The log of the links, in its order.
    pub events: Vec<Event>,
    /// How many accounts there are.
    pub accounts: usize,
    /// The read table.
    pub status: Vec<StatusRow>,
    /// How far the log is relayed.
    pub relayed: i64,
    /// How far the projection is.
    pub projected: i64,
    /// Refused messages that wait to be tried again.
    pub retries: i64,
    /// The work queues.
    pub queues: Vec<QueueState>,
    /// All dead letters.
    pub dead: Vec<Letter>,
    /// What was published to become a dead letter: each dead letter's body holds one of these.
    pub poison: Vec<String>,
}

/// Looks at everything. The system should be settled.
///
/// # Errors
/// If a server does not answer or what is stored can not be read.
pub async fn collect(world: &World) -> Result<Findings> {
    let sql = world.sql().await?;
    let text = "select position, event_id, aggregate_id, sequence, event_type from events \
                where log = $1 order by position";
    let mut events = Vec::new();
    for row in sql.query(text, &[&LINKS_LOG]).await? {
        events.push(Event {
            position: row.try_get(0)?,
            id: row.try_get(1)?,
            request: row.try_get(2)?,
            sequence: row.try_get(3)?,
            kind: row.try_get(4)?,
        });
    }
    let mut status = Vec::new();
    for row in sql.query("select request_id, sequence from link_status", &[]).await? {
        status.push(StatusRow { request: row.try_get(0)?, sequence: row.try_get(1)? });
    }
    let numbers = "select (select count(*) from accounts), (select count(*) from retries), \
        coalesce((select position from relay_cursors where log = $1), 0), \
        coalesce((select min(position) from checkpoints where log = $1), 0)";
    let row = sql.query_one(numbers, &[&LINKS_LOG]).await?;
    let broker = Broker::open(world).await?;
    let (mut queues, mut dead) = (Vec::new(), Vec::new());
    for queue in QUEUES {
        let ready = broker.waiting(queue.name).await?;
        queues.push(QueueState { name: queue.name.to_owned(), ready });
        dead.extend(broker.letters(queue.dead_letters.queue).await?);
    }
    broker.close().await;
    Ok(Findings {
        calls: world.api.journal.calls(),
        events,
        accounts: usize::try_from(row.try_get::<_, i64>(0)?)?,
        status,
        retries: row.try_get(1)?,
        relayed: row.try_get(2)?,
        projected: row.try_get(3)?,
        queues,
        dead,
        poison: world.poison.clone(),
    })
}

/// The rows of a table as text, in an order of their own.
///
/// # Errors
/// If it can not be read.
pub async fn rows(world: &World, table: &str) -> Result<Vec<String>> {
    let sql = world.sql().await?;
    let text = format!("select to_jsonb(t)::text from {table} t order by 1");
    let rows = sql.query(&text, &[]).await.with_context(|| format!("reading {table}"))?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
