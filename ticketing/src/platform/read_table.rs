//! Read tables that have one row an aggregate: what a row is, said once, and everything that SQL
//! needs of it. [`update`] folds a batch of events into the rows they speak of and writes them back
//! in one statement. Not here: what an event makes of a row, and any question to a table.

use std::collections::BTreeMap;

use cqrs_es::DomainEvent;
use deadpool_postgres::Transaction;
use shared_events::Envelope;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::event_store::{ReadError, StoredEvent, decode};

/// A row of a read table. [`read_table!`](crate::platform::read_table::read_table) makes them.
pub trait ReadRow: Clone + Default + Send + Sync + 'static {
    /// The table.
    const TABLE: &'static str;
    /// Its columns with their SQL types; the first is the key, the aggregate's id.
    const COLUMNS: &'static [(&'static str, &'static str)];

    /// The row whose columns begin at `first`.
    ///
    /// # Errors
    /// If a column is not of its type.
    fn read(row: &Row, first: usize) -> Result<Self, tokio_postgres::Error>;

    /// The rows turned into columns, each an array for `unnest`.
    fn columns(rows: &[Self]) -> Vec<Box<dyn ToSql + Sync + Send>>;

    /// The columns' names, as `select` wants them.
    #[must_use]
    fn names() -> String {
        Self::COLUMNS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

/// Declares the row of a read table: a struct whose fields are the columns, the key first.
macro_rules! read_table {
    (
        $(#[$doc:meta])*
        $vis:vis struct $row:ident of $table:literal {
            $($(#[$column_doc:meta])* $column:ident: $type:ty = $sql:literal,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        $vis struct $row {
            $($(#[$column_doc])* pub $column: $type,)+
        }

        impl $crate::platform::read_table::ReadRow for $row {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static [(&'static str, &'static str)] =
                &[$((stringify!($column), $sql),)+];

            fn read(
                row: &tokio_postgres::Row,
                first: usize,
            ) -> Result<Self, tokio_postgres::Error> {
                let mut column = first..;
                let mut next = || column.next().unwrap_or_default();
                Ok(Self { $($column: row.try_get(next())?,)+ })
            }

            fn columns(
                rows: &[Self],
            ) -> Vec<Box<dyn tokio_postgres::types::ToSql + Sync + Send>> {
                vec![$(
                    Box::new(rows.iter().map(|row| row.$column.clone()).collect::<Vec<$type>>()),
                )+]
            }
        }
    };
}

pub(crate) use read_table;

/// Applies the events of one kind of aggregate: each row after the last of its events. `project`
/// says what an event makes of a row; a row that was not there is the default one.
///
/// # Errors
/// [`ReadError`] if an event can not be read or Postgres does not answer.
pub async fn update<R: ReadRow, E: DomainEvent>(
    transaction: &Transaction<'_>,
    events: impl Iterator<Item = &StoredEvent> + Clone,
    project: impl Fn(R, &Envelope<E>) -> R,
) -> Result<(), ReadError> {
    let mut ids: Vec<Uuid> = events.clone().map(|event| event.aggregate_id).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(());
    }
    let mut rows = find::<R>(transaction, &ids).await?;
    for event in events {
        let event = decode::<E>(event.clone())?;
        let row = rows.remove(&event.aggregate_id).unwrap_or_default();
        rows.insert(event.aggregate_id, project(row, &event));
    }
    let rows: Vec<R> = rows.into_values().collect();
    upsert(transaction, &rows).await?;
    Ok(())
}

async fn find<R: ReadRow>(
    transaction: &Transaction<'_>,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, R>, tokio_postgres::Error> {
    let [(key, _), ..] = R::COLUMNS else { return Ok(BTreeMap::new()) };
    let text = format!("select {key}, {} from {} where {key} = any($1)", R::names(), R::TABLE);
    let statement = transaction.prepare_cached(&text).await?;
    let rows = transaction.query(&statement, &[&ids]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, R::read(row, 1)?))).collect()
}

async fn upsert<R: ReadRow>(
    transaction: &Transaction<'_>,
    rows: &[R],
) -> Result<(), tokio_postgres::Error> {
    let [(key, _), others @ ..] = R::COLUMNS else { return Ok(()) };
    let arrays: Vec<_> =
        R::COLUMNS.iter().zip(1..).map(|((_, sql), n)| format!("${n}::{sql}[]")).collect();
    let updates: Vec<_> =
        others.iter().map(|(name, _)| format!("{name} = excluded.{name}")).collect();
    let text = format!(
        "insert into {} ({}) select * from unnest({}) on conflict ({key}) do update set {}",
        R::TABLE,
        R::names(),
        arrays.join(", "),
        updates.join(", ")
    );
    let columns = R::columns(rows);
    let columns: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|column| &**column as _).collect();
    let statement = transaction.prepare_cached(&text).await?;
    transaction.execute(&statement, &columns).await?;
    Ok(())
}
