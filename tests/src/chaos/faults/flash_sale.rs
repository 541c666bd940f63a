//! Everybody wants a seat of a match at the same moment, there are far too few, and a service that
//! answers them is killed in the middle of it. In the end every seat is sold, and each once.

mod told;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::Utc;
use futures_util::future::try_join_all;
use shared_events::topology::VENUES_LOG;
use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

use super::killed::chosen;
use super::{LOOK, Struck, comes_about, drained};
use crate::chaos::fault::Fault;
use crate::chaos::plan::Cycle;
use crate::chaos::workload::api::Api;
use crate::chaos::workload::hall::Match;
use crate::chaos::workload::people::{self, Person};
use crate::chaos::workload::spectators::{purchase, reserve_best};
use crate::chaos::world::World;
use told::Told;

/// Who does this, for the journal: none of the workload's clients.
const STRANGER: usize = 1_004;
/// Buyers for each seat.
const BUYERS_A_SEAT: usize = 10;
/// Buyers that use one account. Nobody holds more than 100 tickets at once: with fewer buyers than
/// that nobody is refused for it, whoever is quickest. An account for each would be 10,000
/// passwords to hash before each rush; several also make rivals of those who share a basket.
const BUYERS_AN_ACCOUNT: usize = 50;
/// The service is killed when one in so many has been told.
const KILLED_AFTER: usize = 10;
/// The first are told within this time.
const UNDER_WAY: Duration = Duration::from_secs(60);
/// What comes free again after a rush finds its buyer within this time.
const SOLD_OUT_WITHIN: Duration = Duration::from_secs(60);
/// How often each ticket of a match was sold.
const SOLD: &str = "select count(e.position) from tickets t left join events e on e.log = $2 \
    and e.aggregate = 'seat' and e.aggregate_id = t.ticket_id and e.event_type = 'Sold' \
    where t.fixture_id = $1 group by t.ticket_id";

/// The accounts in turn, each call with a key of its own; who gets a seat buys it at once, because
/// its time may be over before everybody is told.
pub(super) async fn rush(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let seats = cycle.amount.div_ceil(BUYERS_A_SEAT);
    let accounts = accounts(world, cycle.amount.div_ceil(BUYERS_AN_ACCOUNT)).await?;
    let sale = world.another_match(seats).await?;
    let (api, told) = (world.api.clone(), AtomicUsize::new(0));
    let buyers = accounts.iter().cycle().take(cycle.amount).enumerate();
    let buyers = buyers.map(|(number, buyer)| buys(&api, number, buyer, sale, &told));
    let service = chosen(&mut world.ticketing, cycle)?;
    let killed = async {
        let enough = cycle.amount / KILLED_AFTER;
        comes_about(UNDER_WAY, async || told.load(Ordering::Relaxed) >= enough).await;
        service.kill().await?;
        let waiting = cycle.amount - told.load(Ordering::Relaxed);
        service.start().await?;
        anyhow::Ok(waiting)
    };
    let (mut all, waiting) = tokio::try_join!(try_join_all(buyers), killed)?;
    // A kill that nobody had to live through is none.
    let struck = drained(world, Fault::FlashSale, waiting).await?;
    let (late, sold) = sell_out(world, &accounts, sale, seats).await?;
    all.extend(late);
    let broken = [told::broken(&all, seats), told::not_sold_once(&sold, seats)].concat();
    Ok(Struck { broken, ..struck })
}

/// So many people who have come for it. Those of the workload give back what they have bought, and
/// with it what was bought here: seats would be free again within the time of their holds.
async fn accounts(world: &mut World, count: usize) -> Result<Vec<Person>> {
    // Every rush of a run is as large, so once they are there they are enough.
    if world.crowd.is_empty() {
        world.crowd = people::welcome(&world.api, "crowd", count).await?;
        world.hall()?.give_wallets(&world.api, &world.crowd).await?;
    }
    Ok(world.crowd.clone())
}

/// What a buyer is told; whoever gets a seat has bought it then, or a rival with the same account.
#[expect(clippy::disallowed_methods, reason = "a buyer has a clock of their own")]
async fn buys(
    api: &Api,
    number: usize,
    buyer: &Person,
    sale: Match,
    told: &AtomicUsize,
) -> Result<Told> {
    let reply = api.decided(STRANGER, number, &reserve_best(sale, buyer)).await?.reply;
    let at = Utc::now();
    told.fetch_add(1, Ordering::Relaxed);
    let mut bought = None;
    if reply.status == 200 {
        let answer = api.decided(STRANGER, number, &purchase(buyer)).await.context("a purchase")?;
        bought = Some((answer.reply, Utc::now()));
    }
    Ok(Told { account: buyer.account, reply, at, purchase: bought })
}

/// A hold that was over before its purchase leaves its seat to nobody when the rush has passed: the
/// same people go on until every seat is sold. Answers what they were told, and how often each
/// ticket of the match was sold.
async fn sell_out(
    world: &World,
    accounts: &[Person],
    sale: Match,
    seats: usize,
) -> Result<(Vec<Told>, Vec<i64>)> {
    let (sql, begun, told) = (world.sql().await?, Instant::now(), AtomicUsize::new(0));
    let mut all = Vec::new();
    loop {
        let sold = times_sold(&sql, sale).await?;
        let left = seats.saturating_sub(sold.iter().filter(|times| **times > 0).count());
        if left == 0 || begun.elapsed() > SOLD_OUT_WITHIN {
            return Ok((all, sold));
        }
        let buyers = accounts.iter().cycle().take(left).enumerate();
        let buyers = buyers.map(|(number, buyer)| buys(&world.api, number, buyer, sale, &told));
        all.extend(try_join_all(buyers).await?);
        sleep(LOOK).await;
    }
}

async fn times_sold(sql: &Client, sale: Match) -> Result<Vec<i64>> {
    let rows = sql.query(SOLD, &[&sale.id.0, &VENUES_LOG]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
