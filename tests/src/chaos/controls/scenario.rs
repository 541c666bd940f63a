//! What happens to a system in each control: just what the broken part is there for.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use shared_events::topology::{LINKS_LOG, RECORD_VERDICTS, RULES_VERDICTS};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::Control;
use crate::chaos::fault::Fault;
use crate::chaos::faults::{self, Frozen};
use crate::chaos::journal::Action;
use crate::chaos::plan::Cycle;
use crate::chaos::workload::people::Person;
use crate::chaos::workload::{companions, spectators, traders};
use crate::chaos::world::World;
use crate::chaos::world::broker::Broker;
use crate::chaos::world::tap::Tap;

/// The workload is well under way.
const UNDER_WAY: Duration = Duration::from_secs(2);
/// Long enough for messages to be under way to what does not take them.
const PILING_UP: Duration = Duration::from_millis(1_500);
/// Copies of each verdict.
const COPIES: usize = 4;
/// How often it is looked for the next one.
const LOOK: Duration = Duration::from_millis(5);
/// Who does this, for the journal: none of the workload's clients.
const STRANGER: usize = 1_002;
/// Rivals for one link or ticket, or charges of one order, and how often.
const RIVALS: usize = 60;
const RACES: u64 = 3;
/// When nobody of the workload goes out.
const FREE_HOUR: u64 = 100;

pub(super) async fn play(control: Control, world: &mut World) -> Result<()> {
    sleep(UNDER_WAY).await;
    match control {
        // The workload repeats keys by itself, and appends at both replicas at once.
        Control::NaiveCursor | Control::NoIdempotency => sleep(UNDER_WAY).await,
        Control::NoConfirm => broker_dies_full(world).await?,
        Control::NoMandatory => verdicts_have_no_queue(world).await?,
        Control::AckFirst => rules_die_full(world).await?,
        Control::NoDedupe => verdicts_come_at_once(world).await?,
        Control::NoUnique => {
            // Each also if another went wrong: the checkers look at all of them.
            let fights = [
                is_fought_for(world, Fault::ParallelUses).await,
                is_fought_for(world, Fault::OrdersAtOnce).await,
                seats_are_fought_for(world).await,
                places_are_fought_for(world).await,
            ];
            fights.into_iter().collect::<Result<()>>()?;
        }
        Control::PaidTwice => orders_are_paid_at_once(world).await?,
        // Everybody is told of each step.
        Control::NaiveCheckpoint => places_are_fought_for(world).await?,
    }
    Ok(())
}

/// Messages lie in the sockets of a broker that stands still, and go with it.
async fn broker_dies_full(world: &mut World) -> Result<()> {
    let frozen = Frozen::whole(world.servers.rabbitmq.process())?;
    sleep(PILING_UP).await;
    // Not woken before: it would store them.
    world.servers.rabbitmq.kill().await?;
    drop(frozen);
    world.servers.rabbitmq.start().await
}

/// The broker has nowhere to put verdicts, however often their consumers bind the queue anew. It is
/// the only one of its exchange: what reached another queue would count as delivered.
async fn verdicts_have_no_queue(world: &mut World) -> Result<()> {
    let (broker, begun) = (Broker::open(world).await?, Instant::now());
    while begun.elapsed() < UNDER_WAY {
        broker.unbind(&RECORD_VERDICTS).await?;
        sleep(LOOK).await;
    }
    broker.close().await;
    Ok(())
}

/// Rule services have taken messages, stand still, and die.
async fn rules_die_full(world: &mut World) -> Result<()> {
    let frozen: Vec<Frozen> =
        world.rules.iter_mut().map(|one| Frozen::whole(one.process())).collect::<Result<_>>()?;
    sleep(PILING_UP).await;
    for service in &mut world.rules {
        service.kill().await?;
    }
    drop(frozen);
    for service in &mut world.rules {
        service.start().await?;
    }
    Ok(())
}

/// Copies of each verdict are decided on at both replicas before the first is written.
async fn verdicts_come_at_once(world: &mut World) -> Result<()> {
    let frozen: Vec<Frozen> =
        world.rules.iter_mut().map(|one| Frozen::whole(one.process())).collect::<Result<_>>()?;
    sleep(PILING_UP).await;
    let tap = Tap::open(world, &[RULES_VERDICTS]).await?;
    let broker = Broker::open(world).await?;
    let sql = world.sql().await?;
    let lock = "select pg_advisory_lock(hashtextextended('append:' || $1, 0))";
    sql.query_one(lock, &[&LINKS_LOG]).await?;
    drop(frozen);
    let begun = Instant::now();
    let mut copied = std::collections::HashSet::new();
    while begun.elapsed() < PILING_UP {
        // The copies pass the tap too.
        match tap.next().await? {
            Some(verdict) if copied.insert(format!("{:?}", verdict.properties.message_id())) => {
                broker.publish_all(&vec![verdict; COPIES]).await?;
            }
            Some(_) => {}
            None => sleep(LOOK).await,
        }
    }
    let unlock = "select pg_advisory_unlock(hashtextextended('append:' || $1, 0))";
    sql.query_one(unlock, &[&LINKS_LOG]).await?;
    broker.close().await;
    tap.close().await?;
    sleep(UNDER_WAY).await;
    Ok(())
}

/// Each order gets as many charges at the same moment, all different calls.
async fn orders_are_paid_at_once(world: &mut World) -> Result<()> {
    let [seller, buyer, ..] = world.people.as_slice() else { bail!("too few accounts") };
    for _ in 0..RACES {
        let listed = world.api.decided(STRANGER, 0, &traders::list(seller)).await?;
        let ticket = listed.reply.made.context("a ticket")?;
        let buyers = std::slice::from_ref(buyer);
        let answers = traders::all_order(&world.api, STRANGER, ticket, buyers).await?;
        let order = answers.first().and_then(|answer| answer.reply.made).context("an order")?;
        traders::pay_at_once(&world.api, STRANGER, order, buyer, RIVALS).await?;
    }
    Ok(())
}

/// What this fault is about is wanted by many at the same moment: a link, a ticket.
async fn is_fought_for(world: &mut World, by: Fault) -> Result<()> {
    for choice in 0..RACES {
        let cycle = Cycle { choice, amount: RIVALS, ..Cycle::default() };
        faults::strike(by, world, &cycle).await?;
    }
    Ok(())
}

/// Each account wants the same seats, all at the same moment.
async fn seats_are_fought_for(world: &mut World) -> Result<()> {
    let of = world.another_match(RACES as usize).await?;
    for number in 1..=RACES as u32 {
        let people = world.people.iter().cycle().take(RIVALS);
        let asks: Vec<_> =
            people.map(|person| spectators::reserve(of, 1, number, person)).collect();
        spectators::all_at_once(&world.api, STRANGER, &asks).await?;
    }
    Ok(())
}

/// Everybody applies to two outings of the same time at the same moment; then everybody who could
/// is accepted at the same moment, for two places.
async fn places_are_fought_for(world: &mut World) -> Result<()> {
    let [host, other, guests @ ..] = world.people.as_slice() else { bail!("too few accounts") };
    for number in 0..RACES {
        let at = companions::hour(FREE_HOUR + 2 * number);
        let hosts = [host, other];
        let asks = hosts.map(|host| companions::announce(host, at, 2));
        let announced = spectators::all_at_once(&world.api, STRANGER, &asks).await?;
        let both = hosts.into_iter().zip(announced);
        let outings: Vec<(&Person, Uuid)> =
            both.filter_map(|(host, answer)| Some((host, answer.reply.made?))).collect();
        // One after the other, each goes to another replica.
        let pairs = guests.iter().flat_map(|guest| outings.iter().map(move |one| (guest, one)));
        let asks: Vec<_> =
            pairs.clone().map(|(guest, (_, id))| companions::apply(*id, guest)).collect();
        let applied = spectators::all_at_once(&world.api, STRANGER, &asks).await?;
        let accepting: Vec<_> = pairs
            .zip(applied)
            .filter_map(|((_, (host, _)), answer)| Some((host, answer.reply.made?)))
            .map(|(host, booking)| companions::say(Action::Accept, booking, host))
            .collect();
        spectators::all_at_once(&world.api, STRANGER, &accepting).await?;
    }
    Ok(())
}
