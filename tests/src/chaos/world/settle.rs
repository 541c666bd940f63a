//! When nothing is left to do: everything relayed, judged and projected, and no message waits.

use std::time::Duration;

use anyhow::{Result, bail};
use shared_events::topology::{LINKS_LOG, MARKET_LOG, OUTINGS_LOG, QUEUES, VENUES_LOG};
use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

use super::World;
use super::broker::Broker;
use crate::chaos::say_progress;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(50);
/// Whatever was broken, this long after it is whole nothing may be left to do. Longer than the
/// longest pause with which something is tried again after an outage (the sweep's first two).
pub const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// What takes longer is told, with what is missing.
const SLOW: Duration = Duration::from_secs(5);

/// Whether the history of a log up to `$2` is relayed and projected.
const CAUGHT_UP: &str = "select \
    coalesce((select position from relay_cursors where log = $1), 0) >= $2 \
    and coalesce((select min(position) from checkpoints where log = $1), 0) >= $2";
/// Whether every request in the history up to `$2` is judged.
const JUDGED: &str = "select not exists (select 1 from events r \
    where r.log = $1 and r.position <= $2 and r.event_type = 'Requested' \
    and not exists (select 1 from events v where v.aggregate = r.aggregate \
        and v.aggregate_id = r.aggregate_id and v.sequence = 2))";
/// Whether nothing more happens by itself: what became of every payment is known, every order is
/// paid or over, and so is every hold of a seat, and all guests have followed their outings.
const DECIDED: &str = "select \
    not exists (select 1 from payments where status in ('capturing', 'refunding')) \
    and not exists (select 1 from orders where status in ('created', 'awaiting_payment')) \
    and not exists (select 1 from tickets where status = 'reserved') \
    and not exists (select 1 from deadlines where done_at is null \
        and kind in ('venues.hold_ends', 'outings.guests_move', 'outings.time_freed'))";
const HEAD: &str = "select coalesce(max(position), 0) from events where log = $1";

/// The last positions of the logs of the links, the market, the venues and the outings.
///
/// # Errors
/// If Postgres does not answer.
pub async fn heads(sql: &Client) -> Result<[i64; 4]> {
    let mut heads = [0; 4];
    let logs = [LINKS_LOG, MARKET_LOG, VENUES_LOG, OUTINGS_LOG];
    for (head, log) in heads.iter_mut().zip(logs) {
        *head = sql.query_one(HEAD, &[&log]).await?.try_get(0)?;
    }
    Ok(heads)
}

/// Waits until all that is in the history now has had its consequences, whatever comes after.
/// Answers how long that took.
///
/// # Errors
/// If it takes longer than `limit`, with what is missing.
pub async fn caught_up(world: &World, limit: Duration) -> Result<Duration> {
    let begun = Instant::now();
    let mut until = None;
    let mut told = SLOW;
    loop {
        // A new connection each time: Postgres may be away, or have lost the last one.
        if let Ok(sql) = world.sql().await
            && let Ok(done) = is_done(&sql, &mut until).await
            && done
        {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > told {
            say_progress(&format!("  after {} s{}", told.as_secs(), rest(world).await));
            told *= 2;
        }
        if begun.elapsed() > limit {
            bail!(
                "after {} s there is still something to do{}",
                limit.as_secs(),
                rest(world).await
            );
        }
        sleep(LOOK).await;
    }
}

/// Waits until nothing is left to do and no message waits. What still waits after the limit is left
/// to the checkers.
///
/// # Errors
/// As [`caught_up`], or if the broker does not answer.
pub async fn settled(world: &World) -> Result<()> {
    caught_up(world, SETTLED_WITHIN).await?;
    let sql = world.sql().await?;
    let begun = Instant::now();
    while begun.elapsed() < SETTLED_WITHIN && !is_decided(&sql).await? {
        sleep(LOOK).await;
    }
    // What was decided last is relayed and projected too.
    caught_up(world, SETTLED_WITHIN).await?;
    let broker = Broker::open(world).await?;
    let begun = Instant::now();
    while begun.elapsed() < SETTLED_WITHIN {
        let mut waiting = 0;
        for queue in QUEUES {
            waiting += broker.waiting(queue.name).await?;
        }
        if waiting == 0 {
            break;
        }
        sleep(LOOK).await;
    }
    broker.close().await;
    Ok(())
}

async fn is_done(sql: &Client, until: &mut Option<[i64; 4]>) -> Result<bool> {
    let [links, market, venues, outings] = match *until {
        Some(positions) => positions,
        None => *until.insert(heads(sql).await?),
    };
    for (question, log, position) in [
        (CAUGHT_UP, LINKS_LOG, links),
        (JUDGED, LINKS_LOG, links),
        (CAUGHT_UP, MARKET_LOG, market),
        (CAUGHT_UP, VENUES_LOG, venues),
        (CAUGHT_UP, OUTINGS_LOG, outings),
    ] {
        if !sql.query_one(question, &[&log, &position]).await?.try_get::<_, bool>(0)? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn is_decided(sql: &Client) -> Result<bool> {
    Ok(sql.query_one(DECIDED, &[]).await?.try_get(0)?)
}

/// What is left to do, in words.
async fn rest(world: &World) -> String {
    let told = async {
        let sql = world.sql().await?;
        let text = "select format(': %s; %s requests without a verdict, %s payments without an outcome, \
            %s orders and %s seats that are held', \
            (select string_agg(format('%s at %s, relayed %s, projected %s', log, \
                (select max(position) from events e where e.log = l.log), \
                (select position from relay_cursors r where r.log = l.log), \
                (select min(position) from checkpoints c where c.log = l.log)), '; ') from logs l), \
            (select count(*) from link_status where rule is null), \
            (select count(*) from payments where status in ('capturing', 'refunding')), \
            (select count(*) from orders where status = 'created'), \
            (select count(*) from tickets where status = 'reserved'))";
        anyhow::Ok(sql.query_one(text, &[]).await?.try_get::<_, String>(0)?)
    };
    told.await.unwrap_or_else(|error| format!(": {error:#}"))
}
