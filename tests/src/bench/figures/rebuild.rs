//! How many events per second a projection is rebuilt from, by the command that operators use,
//! beside `COPY` of the same events out of Postgres: nothing can be derived faster than it is read.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::TryStreamExt;
use tokio::time::Instant;

use crate::bench::rounds::in_turns;
use crate::bench::row::{Row, Series, Target};
use crate::bench::stage::Stage;
use crate::bench::store::Store;

const REFERENCE: &str = "COPY of the same events";
const RATIO: f64 = 0.3;
const COPY: &str = "copy (select * from events where log = 'links' order by position) to stdout";

/// The projection of the links.
///
/// # Errors
/// If it can not be rebuilt, or is then not what history says.
pub async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let count = stage.plan.rebuilt;
    let mut store = Store::make(stage).await?;
    store.fill_and_keep(count).await?;
    let store = &store;
    let measured = in_turns(stage, [true, false], async |ours, _: Duration| {
        let begun = Instant::now();
        if ours {
            let arguments = ["rebuild", "links"];
            store.wiring.ticketing_command("rebuild-beside", &arguments)?.run().await?;
        } else {
            copy(store, count).await?;
        }
        Ok(count as f64 / begun.elapsed().as_secs_f64())
    });
    let [ours, reference] = measured.await?.map(Series);
    store.verify().await?;
    Ok(vec![
        Row::new(format!("links rebuilt from {count} events"), "1/s", ours)
            .beside(REFERENCE, &reference)
            .should_be(Target::RatioAtLeast(RATIO)),
    ])
}

/// Reads all events and throws them away.
async fn copy(store: &Store, count: usize) -> Result<()> {
    let database = store.connect().await?;
    let mut rows = std::pin::pin!(database.copy_out(COPY).await?);
    let mut lines = 0;
    while let Some(row) = rows.try_next().await? {
        lines += row.iter().filter(|byte| **byte == b'\n').count();
    }
    ensure!(lines == count, "{lines} of {count} events were read");
    Ok(())
}
