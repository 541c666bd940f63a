//! A second copy of a projection's tables, made from history alone: `rebuild` swaps it in, `verify`
//! compares it.
//!
//! Both work because a projection names its tables without a schema: a copy in a schema that is
//! searched first takes the writes. The live projection goes on meanwhile.

use deadpool_postgres::Transaction;
use tokio_postgres::IsolationLevel;

use super::database::Connection;
use super::event_store::ReadError;
use super::projections::{Projection, lock, move_checkpoint, read};

/// Events applied to a copy at once.
const CHUNK: i64 = 5_000;

/// Builds the tables again from event 1 and swaps them in. Returns the position the new tables
/// stand at.
///
/// # Errors
/// [`ReadError`]: the live tables are as they were.
pub async fn rebuild(
    client: &mut Connection,
    projection: &dyn Projection,
) -> Result<i64, ReadError> {
    // Two rebuilds at once would write into the same copy.
    client.execute("select pg_advisory_lock(hashtextextended('rebuild', 0))", &[]).await?;
    client.batch_execute("create schema if not exists rebuilding").await?;
    for table in projection.tables() {
        let copy = format!(
            "drop table if exists rebuilding.{table}; \
             create table rebuilding.{table} (like public.{table} including all)"
        );
        client.batch_execute(&copy).await?;
    }
    client.batch_execute("set search_path = rebuilding, public").await?;
    let mut position = 0;
    loop {
        let transaction = client.transaction().await?;
        let count = apply_chunk(&transaction, projection, &mut position, i64::MAX).await?;
        transaction.commit().await?;
        if count == 0 {
            break;
        }
    }
    let transaction = client.transaction().await?;
    let (_, live) = lock(&transaction, projection).await?;
    while position < live {
        apply_chunk(&transaction, projection, &mut position, live).await?;
    }
    for table in projection.tables() {
        let swap = format!(
            "do $$ declare said text := obj_description('public.{table}'::regclass); begin \
             drop table public.{table}; alter table rebuilding.{table} set schema public; \
             execute format('comment on table public.{table} is %L', said); end $$; \
             grant select, insert, update, delete on public.{table} to turnstile_app"
        );
        transaction.batch_execute(&swap).await?;
    }
    move_checkpoint(&transaction, projection, position).await?;
    transaction.commit().await?;
    client.batch_execute("reset search_path").await?;
    Ok(position)
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Which table.
    pub table: &'static str,
    /// Rows in the live table that history does not explain.
    pub unexplained: i64,
    /// Rows that history demands and the live table lacks.
    pub missing: i64,
    /// Rows compared.
    pub rows: i64,
}

/// Derives the tables again from history, up to the live checkpoint, and compares them row by row.
///
/// # Errors
/// [`ReadError`] if history can not be read.
pub async fn compare(
    transaction: &Transaction<'_>,
    projection: &dyn Projection,
) -> Result<Vec<Comparison>, ReadError> {
    for table in projection.tables() {
        // Temporary tables are searched first of all.
        let copy = format!("create temp table {table} (like public.{table} including all)");
        transaction.batch_execute(&copy).await?;
    }
    let read = "select coalesce((select position from checkpoints where projection = $1), 0)";
    let live: i64 = transaction.query_one(read, &[&projection.name()]).await?.try_get(0)?;
    let mut position = 0;
    while position < live {
        if apply_chunk(transaction, projection, &mut position, live).await? == 0 {
            break;
        }
    }
    let mut comparisons = Vec::new();
    for table in projection.tables() {
        let count = format!(
            "select (select count(*) from (table public.{table} except all table pg_temp.{table}) x), \
                    (select count(*) from (table pg_temp.{table} except all table public.{table}) x), \
                    (select count(*) from public.{table})"
        );
        let row = transaction.query_one(&count, &[]).await?;
        comparisons.push(Comparison {
            table,
            unexplained: row.try_get(0)?,
            missing: row.try_get(1)?,
            rows: row.try_get(2)?,
        });
        transaction.batch_execute(&format!("drop table pg_temp.{table}")).await?;
    }
    Ok(comparisons)
}

/// A transaction that sees one moment of everything, for `verify`.
///
/// # Errors
/// If Postgres does not answer.
pub async fn snapshot(client: &mut Connection) -> Result<Transaction<'_>, tokio_postgres::Error> {
    client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).start().await
}

async fn apply_chunk(
    transaction: &Transaction<'_>,
    projection: &dyn Projection,
    position: &mut i64,
    until: i64,
) -> Result<usize, ReadError> {
    let limit = CHUNK.min(until - *position);
    let events = read(transaction, projection.log(), *position, limit).await?;
    if let Some(last) = events.last() {
        projection.apply(transaction, &events).await?;
        *position = last.position;
    }
    Ok(events.len())
}
