//! How many seats of matches are reserved per second, each by an append over the seat, its buyer's
//! basket and the match: wherever buyers like, and all of them the best seat of one hot section.
//! How fast the seat map of 50,000 seats is answered, and how long it takes to put as many on sale.

use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use serde_json::json;
use shared_events::FixtureId;
use shared_events::topology::VENUES_LOG;
use tokio::time::Instant;

use crate::bench::crowd::{self, Member};
use crate::bench::http::{Connection, get, get_unless, post, put};
use crate::bench::load::{CLIENTS, Latencies, clients, closed, microseconds};
use crate::bench::pgbench::{self, Pgbench};
use crate::bench::relay::PausedRelay;
use crate::bench::rounds::in_turns;
use crate::bench::row::{Row, Series, Target};
use crate::bench::sale::{self, Match, Stadium};
use crate::bench::stage::Stage;

use super::{EMPTY_HANDLER, empty, milliseconds};

/// A large stadium: 50,000 seats.
const LARGE: sale::Plan = sale::Plan { sections: 4, rows: 125, seats: 100 };
/// Seats are put on sale for this rate, of both sides that take them.
const SEATS_PER_SECOND: f64 = 10_000.0;
/// So many a buyer reserves, one after the other, while so many other buyers do the same.
const SEATS_EACH: usize = 4;
const AT_A_TIME: usize = 256;
/// A map of 50,000 seats is smaller.
const LARGEST_MAP: usize = 1024 * 1024;

/// Seats reserved, anywhere and in one hot section; the seat map; seats put on sale.
///
/// # Errors
/// If anything is refused, or a map is not answered as it should be.
pub async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let admin = crowd::administrator(stage).await?;
    let mut stadium = Stadium::build(stage, admin, LARGE).await?;
    let rounds = stage.plan.rounds + 1;
    let hot = sell(&mut stadium, rounds.div_ceil(LARGE.sections as usize)).await?;
    let seconds = stage.plan.lasting.as_secs_f64() * rounds as f64;
    let seats = (seconds * SEATS_PER_SECOND) as usize;
    let anywhere = sell(&mut stadium, seats.div_ceil(LARGE.count())).await?;
    let count = seats.div_ceil(SEATS_EACH * AT_A_TIME) * AT_A_TIME;
    let buyers: Arc<[Member]> = crowd::buyers(stage, count).await?.into();
    let on_sale = hot.iter().chain(&anywhere).map(|one| one.took.as_secs_f64() * 1_000.0).collect();
    let mut rows = reserving(stage, &stadium, &buyers, &hot, &anywhere).await?;
    let seen = anywhere.first().context("a match")?.id;
    let reader = buyers.first().context("a buyer")?;
    rows.extend(maps(stage, seen, &reader.token).await?);
    let on_sale = Row::new("50,000 seats put on sale", "ms", Series(on_sale));
    rows.push(on_sale.should_be(Target::AtMost(5_000.0)));
    Ok(rows)
}

async fn sell(stadium: &mut Stadium, count: usize) -> Result<Vec<Match>> {
    let mut matches = Vec::with_capacity(count);
    for _ in 0..count {
        matches.push(stadium.sell().await?);
    }
    Ok(matches)
}

#[derive(Clone, Copy)]
enum Side {
    Anywhere,
    AnywhereAlone,
    Hot,
    Reference,
}

async fn reserving(
    stage: &Stage,
    stadium: &Stadium,
    buyers: &Arc<[Member]>,
    hot: &[Match],
    anywhere: &[Match],
) -> Result<Vec<Row>> {
    let places: Vec<_> = stadium.places().collect();
    let tickets = anywhere.iter().flat_map(|of| places.iter().map(|place| of.ticket(place)));
    let turns =
        buyers.chunks(AT_A_TIME).flat_map(|some| iter::repeat_n(some, SEATS_EACH).flatten());
    let turns = tickets.zip(turns);
    let reserve =
        |(ticket, buyer): (_, &Member)| put(&format!("/api/ticket/{ticket}/reserve"), &buyer.token);
    let seats: Arc<[Bytes]> = turns.map(reserve).collect();
    let next = Arc::new(AtomicUsize::new(0));
    let mut sections = hot.iter().flat_map(|one| (0..LARGE.sections).map(|n| (one.id, n)));
    let pgbench = Pgbench::prepare(stage).await?;
    let reserve = async |lasting| {
        let (seats, next) = (Arc::clone(&seats), Arc::clone(&next));
        let request = move |_| seats.get(next.fetch_add(1, Ordering::Relaxed)).cloned();
        closed(stage.address, lasting, 200, request).await
    };
    let sides = [Side::Anywhere, Side::AnywhereAlone, Side::Hot, Side::Reference];
    let measured = in_turns(stage, sides, async |side, lasting| match side {
        Side::Anywhere => Ok((reserve(lasting).await?, None)),
        Side::AnywhereAlone => {
            let paused = PausedRelay::begin(&stage.system.wiring.database_url, VENUES_LOG).await?;
            let rate = reserve(lasting).await?;
            paused.end().await?;
            Ok((rate, None))
        }
        Side::Hot => {
            let section = sections.next().context("a section that nobody has sat in")?;
            let (rate, latencies) = in_one_section(stage, section, buyers, lasting).await?;
            Ok((rate, Some(milliseconds(&latencies, 0.99))))
        }
        Side::Reference => Ok((pgbench.run(lasting).await?, None)),
    });
    let [anywhere, alone, hot, reference] = measured.await?;
    if next.load(Ordering::Relaxed) >= seats.len() {
        bail!("{} seats were too few: a round ended early", seats.len());
    }
    let rates = |side: Vec<(f64, Option<f64>)>| side.into_iter().map(|(rate, _)| rate).collect();
    let waits = hot.iter().filter_map(|(_, wait)| *wait).collect();
    let [anywhere, alone, hot, reference] =
        [anywhere, alone, hot, reference].map(rates).map(Series);
    let hot = Row::new("… the best of one hot section", "1/s", hot)
        .beside("seats reserved", &anywhere)
        .should_be(Target::RatioAtLeast(0.7));
    Ok(vec![
        Row::new("seats reserved", "1/s", anywhere)
            .beside(pgbench::NAME, &reference)
            .should_be(Target::RatioAtLeast(0.8)),
        Row::new("… relay paused", "1/s", alone).beside(pgbench::NAME, &reference),
        hot,
        Row::new("… p99", "ms", Series(waits)).should_be(Target::AtMost(250.0)),
    ])
}

/// Seats per second of one section, each buyer the best that is free, and how long they wait.
async fn in_one_section(
    stage: &Stage,
    (fixture, section): (FixtureId, u32),
    buyers: &Arc<[Member]>,
    lasting: Duration,
) -> Result<(f64, Latencies)> {
    let path: Arc<str> = format!("/api/match/{fixture}/reserve").into();
    let body = json!({ "quantity": 1, "section": sale::section(section) });
    let (buyers, latencies) = (Arc::clone(buyers), Arc::new(Mutex::new(Latencies::new(3)?)));
    let kept = Arc::clone(&latencies);
    let rate = clients(stage.address, CLIENTS, lasting, move |mut connection, number| {
        let buyer = super::turn(&buyers, number).cloned();
        let request = buyer.map(|buyer| post(&path, Some(&buyer.token), &body));
        let kept = Arc::clone(&kept);
        async move {
            let begun = Instant::now();
            connection.call(&request.context("a buyer")?).await?.expect(200)?;
            let took = microseconds(begun.elapsed());
            kept.lock().unwrap_or_else(PoisonError::into_inner).record(took)?;
            Ok(Some(connection))
        }
    });
    let rate = rate.await?;
    let latencies = latencies.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok((rate, latencies))
}

/// The map of a large match: its size, and how often it is told that it has not changed.
async fn maps(stage: &Stage, fixture: FixtureId, token: &str) -> Result<Vec<Row>> {
    let path = format!("/api/match/{fixture}/seats");
    let mut connection = Connection::open(stage.address).await?;
    connection.allow(LARGEST_MAP);
    let map = connection.call(&get(&path, Some(token))).await?.expect(200)?;
    let (size, etag) = (map.body.len(), map.header("etag").context("an entity tag")?.to_owned());
    let unchanged = get_unless(&path, token, &etag);
    let measured = in_turns(stage, [true, false], async |ours, lasting| {
        if !ours {
            return empty(stage, lasting).await;
        }
        let request = unchanged.clone();
        closed(stage.address, lasting, 304, move |_| Some(request.clone())).await
    });
    let [ours, reference] = measured.await?.map(Series);
    let kilobytes = Series(vec![size as f64 / 1_000.0]);
    Ok(vec![
        Row::new("seat map, unchanged", "1/s", ours)
            .beside(EMPTY_HANDLER, &reference)
            .should_be(Target::AtLeast(5_000.0)),
        Row::new("seat map of 50,000 seats", "kB", kilobytes).should_be(Target::AtMost(1_000.0)),
    ])
}
