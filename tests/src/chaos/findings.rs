//! What is there after the faults: the recorded calls beside the history, the read tables and the
//! queues. Collected here, judged by [`super::checkers`].

pub mod outings;
pub mod venues;

use anyhow::{Context, Result};
use shared_events::topology::{LINKS_LOG, MARKET_LOG, QUEUES, VENUES_LOG};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::journal::Call;
use super::world::World;
use super::world::broker::Broker;
use super::world::letters::{Letter, dead_letters};
use outings::Outings;
use venues::{VenuesEvent, VenuesRow};

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

/// A stored event of the market.
#[derive(Clone, Debug, PartialEq)]
pub struct Sale {
    /// Its place in the log.
    pub position: i64,
    /// What it belongs to: `listing`, `order` or `payment`.
    pub aggregate: String,
    /// Which one.
    pub stream: Uuid,
    /// Its place in that stream.
    pub sequence: i64,
    /// Its type, such as `Reserved`.
    pub kind: String,
    /// The order it names.
    pub order: Option<Uuid>,
}

/// What the test provider's books say of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Which payment.
    pub payment: Uuid,
    /// Whether the money was taken.
    pub captured: bool,
    /// Whether it was given back.
    pub refunded: bool,
}

/// How far a log has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How far it is relayed.
    pub relayed: i64,
    /// How far its projection is.
    pub projected: i64,
}

/// A queue as the broker tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueState {
    /// Its name.
    pub name: String,
    /// Messages that wait.
    pub ready: u32,
}

/// A row of a read table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRow {
    /// Which stream it tells of.
    pub stream: Uuid,
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
    /// How far the log of the links is.
    pub links: Progress,
    /// The log of the market, in its order.
    pub market_events: Vec<Sale>,
    /// The read tables of the market: listings, orders and payments.
    pub market_rows: Vec<StatusRow>,
    /// The books of the payment provider.
    pub charges: Vec<Charge>,
    /// How far the log of the market is.
    pub market: Progress,
    /// The log of the venues, in its order.
    pub venues_events: Vec<VenuesEvent>,
    /// The read tables of the venues: those that tell of one stream in each row.
    pub venues_rows: Vec<VenuesRow>,
    /// How far the log of the venues is.
    pub venues: Progress,
    /// Log, read tables and notices of the outings.
    pub outings: Outings,
    /// Deadlines that were due for a while, that nobody has claimed, and that are not recorded.
    pub overdue: i64,
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
        status.push(StatusRow { stream: row.try_get(0)?, sequence: row.try_get(1)? });
    }
    let numbers = "select (select count(*) from accounts), (select count(*) from retries), \
        (select count(*) from deadlines where done_at is null \
        and greatest(due_at, claimed_until) <= now() - interval '10 seconds')";
    let row = sql.query_one(numbers, &[]).await?;
    let broker = Broker::open(world).await?;
    let mut queues = Vec::new();
    for queue in QUEUES {
        let ready = broker.waiting(queue.name).await?;
        queues.push(QueueState { name: queue.name.to_owned(), ready });
    }
    broker.close().await;
    Ok(Findings {
        calls: world.api.journal.calls(),
        events,
        accounts: usize::try_from(row.try_get::<_, i64>(0)?)?,
        status,
        retries: row.try_get(1)?,
        overdue: row.try_get(2)?,
        links: progress(&sql, LINKS_LOG).await?,
        market: progress(&sql, MARKET_LOG).await?,
        market_events: market_events(&sql).await?,
        market_rows: market_rows(&sql).await?,
        charges: charges(&sql).await?,
        venues: progress(&sql, VENUES_LOG).await?,
        venues_events: venues::events(&sql).await?,
        venues_rows: venues::rows(&sql).await?,
        outings: outings::collect(&sql).await?,
        queues,
        dead: dead_letters(world).await?,
        poison: world.poison.clone(),
    })
}

async fn progress(sql: &Client, log: &str) -> Result<Progress> {
    let text = "select coalesce((select position from relay_cursors where log = $1), 0), \
        coalesce((select min(position) from checkpoints where log = $1), 0)";
    let row = sql.query_one(text, &[&log]).await?;
    Ok(Progress { relayed: row.try_get(0)?, projected: row.try_get(1)? })
}

async fn market_events(sql: &Client) -> Result<Vec<Sale>> {
    let text = "select position, aggregate, aggregate_id, sequence, event_type, \
        (payload->>'order_id')::uuid from events where log = $1 order by position";
    let mut sales = Vec::new();
    for row in sql.query(text, &[&MARKET_LOG]).await? {
        sales.push(Sale {
            position: row.try_get(0)?,
            aggregate: row.try_get(1)?,
            stream: row.try_get(2)?,
            sequence: row.try_get(3)?,
            kind: row.try_get(4)?,
            order: row.try_get(5)?,
        });
    }
    Ok(sales)
}

async fn market_rows(sql: &Client) -> Result<Vec<StatusRow>> {
    let text = "select listing_id, sequence from listings union all \
        select order_id, sequence from orders union all select payment_id, sequence from payments";
    let rows = sql.query(text, &[]).await?;
    let row = |row: &Row| Ok(StatusRow { stream: row.try_get(0)?, sequence: row.try_get(1)? });
    rows.iter().map(row).collect()
}

async fn charges(sql: &Client) -> Result<Vec<Charge>> {
    let text = "select payment_id, declined is null and settles_at <= now(), refund is not null \
        from test_charges";
    let rows = sql.query(text, &[]).await?;
    let charge = |row: &Row| {
        let (payment, captured) = (row.try_get(0)?, row.try_get(1)?);
        Ok(Charge { payment, captured, refunded: row.try_get(2)? })
    };
    rows.iter().map(charge).collect()
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
