//! `ticketing verify`: shows that what is read follows from history, and that history holds what is
//! promised.
//!
//! Everything is seen in one snapshot, so it can run beside a living system. Each finding is
//! printed; any difference makes the command fail.

use crate::platform::database::Database;
use crate::platform::event_store::ReadError;
use crate::platform::projection_copy::{compare, snapshot};
use crate::platform::projections::Projection;

/// Something that must hold, as a query that counts where it does not.
#[derive(Clone, Copy, Debug)]
pub struct Invariant {
    /// What must hold, in words.
    pub name: &'static str,
    /// SQL with one bigint: the number of violations.
    pub violations: &'static str,
}

/// What must hold of every log.
pub const OF_EVERY_LOG: [Invariant; 4] = [
    Invariant {
        name: "sequences of every stream are 1..n without holes",
        violations: "select count(*) from (select aggregate_id from events group by aggregate, aggregate_id \
                     having min(sequence) <> 1 or max(sequence) <> count(*)) x",
    },
    Invariant {
        name: "positions of every log are 1..n without holes",
        violations: "select count(*) from (select log from events group by log \
                     having min(position) <> 1 or max(position) <> count(*)) x",
    },
    Invariant {
        name: "every event has an id of its own",
        violations: "select count(*) - count(distinct event_id) from events",
    },
    Invariant {
        name: "no cursor or checkpoint is ahead of its log",
        violations: "select count(*) from (select log, position from relay_cursors \
                     union all select log, position from checkpoints) c \
                     where c.position > (select coalesce(max(e.position), 0) from events e where e.log = c.log)",
    },
];

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was checked.
    pub name: String,
    /// How often it does not hold.
    pub violations: i64,
}

/// Checks every projection and every invariant.
///
/// # Errors
/// [`ReadError`] if history can not be read at all.
pub async fn verify(
    database: &Database,
    projections: &[&dyn Projection],
    invariants: &[Invariant],
) -> Result<Vec<Finding>, ReadError> {
    let mut client = database.connect_as_owner("ticketing verify").await?;
    let transaction = snapshot(&mut client).await?;
    let mut findings = Vec::new();
    for projection in projections {
        for found in compare(&transaction, *projection).await? {
            findings.push(Finding {
                name: format!(
                    "{} equals its history ({} rows, {} unexplained, {} missing)",
                    found.table, found.rows, found.unexplained, found.missing
                ),
                violations: found.unexplained + found.missing,
            });
        }
    }
    for invariant in OF_EVERY_LOG.iter().chain(invariants) {
        let row = transaction.query_one(invariant.violations, &[]).await?;
        let violations = row.try_get(0)?;
        findings.push(Finding { name: invariant.name.to_owned(), violations });
    }
    transaction.rollback().await?;
    Ok(findings)
}
