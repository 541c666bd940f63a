//! An append that takes long: the log's lock is held by another session.

use std::time::Duration;

use anyhow::Result;
use shared_events::topology::LINKS_LOG;
use tokio::time::{Instant, sleep};

use super::{Struck, drained};
use crate::chaos::fault::Fault;
use crate::chaos::plan::Cycle;
use crate::chaos::workload::people;
use crate::chaos::world::World;

/// What does not need this log is not slowed down by more than this.
const UNAFFECTED: Duration = Duration::from_secs(2);

pub(super) async fn held(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let sql = world.sql().await?;
    let lock = "select pg_advisory_lock(hashtextextended('append:' || $1, 0))";
    sql.query_one(lock, &[&LINKS_LOG]).await?;
    let begun = Instant::now();
    let name = format!("neighbour-{}", cycle.choice);
    people::welcome(&world.api, &name, 1).await?;
    let registered = begun.elapsed();
    sleep(cycle.lasting.saturating_sub(registered)).await;
    let unlock = "select pg_advisory_unlock(hashtextextended('append:' || $1, 0))";
    sql.query_one(unlock, &[&LINKS_LOG]).await?;
    let mut struck = drained(world, Fault::HeldAppend, 1).await?;
    if registered > UNAFFECTED {
        let seconds = registered.as_secs_f64();
        struck.broken.push(format!("a registration beside the held log took {seconds:.1} s"));
    }
    Ok(struck)
}
