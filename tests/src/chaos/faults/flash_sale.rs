//! Everybody wants a seat of a match at the same moment, there are far too few, and a service that
//! answers them is killed in the middle of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::try_join_all;
use uuid::Uuid;

use super::killed::chosen;
use super::{Struck, comes_about, drained};
use crate::chaos::fault::Fault;
use crate::chaos::journal::Reply;
use crate::chaos::plan::Cycle;
use crate::chaos::workload::api::Api;
use crate::chaos::workload::hall::Match;
use crate::chaos::workload::people::{self, Person};
use crate::chaos::workload::spectators::{purchase, reserve_best};
use crate::chaos::world::World;

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
/// What somebody is told who comes too late.
const TOO_LATE: &str = "ticket_unavailable";

/// How far the clocks of two replicas may be apart.
const SKEW: TimeDelta = TimeDelta::milliseconds(100);

/// What a buyer was told, and when.
type Told = (Reply, DateTime<Utc>);
/// A seat that somebody got: which, until when it was held, and when they were told.
type Got = (Uuid, DateTime<Utc>, DateTime<Utc>);

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
    let (replies, waiting) = tokio::try_join!(try_join_all(buyers), killed)?;
    let broken = broken(&replies, seats);
    // A kill that nobody had to live through is none.
    let struck = drained(world, Fault::FlashSale, waiting).await?;
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
    let now = Utc::now();
    told.fetch_add(1, Ordering::Relaxed);
    if reply.status == 200 {
        api.decided(STRANGER, number, &purchase(buyer)).await.context("a purchase")?;
    }
    Ok((reply, now))
}

/// What is wrong if this was told of so many seats. More than there are may be held, one after the
/// other: two hold one at once if both have been told so before either hold is over. What the end
/// of a hold says of its beginning is too little, because calls wait in a rush.
fn broken(replies: &[Told], seats: usize) -> Vec<String> {
    let mut broken = Vec::new();
    let is_no = |(reply, _): &&Told| reply.status == 409 && reply.code.as_deref() == Some(TOO_LATE);
    let (all, refused) = (replies.len(), replies.iter().filter(is_no).count());
    let got: Vec<Got> = replies.iter().filter_map(got).collect();
    if got.len() < seats || got.len() + refused != all {
        let got = got.len();
        broken.push(format!("of {all} buyers of {seats} seats {got} got one, {refused} were late"));
    }
    let mut holds: BTreeMap<Uuid, Vec<_>> = BTreeMap::new();
    for (ticket, until, told) in got {
        holds.entry(ticket).or_default().push((until, told));
    }
    if holds.len() > seats {
        broken.push(format!("{} seats were held of {seats}", holds.len()));
    }
    for (ticket, holds) in holds {
        for (number, one) in holds.iter().enumerate() {
            let others = holds.iter().skip(number + 1);
            for other in others.filter(|other| at_once(one, other)) {
                broken.push(format!("{ticket} was held by two at once: {one:?}, {other:?}"));
            }
        }
    }
    broken
}

/// Whether these two (until when it was held, when that was told) were holds of one moment.
fn at_once(one: &(DateTime<Utc>, DateTime<Utc>), other: &(DateTime<Utc>, DateTime<Utc>)) -> bool {
    one.1.max(other.1) + SKEW < one.0.min(other.0)
}

fn got((reply, told): &Told) -> Option<Got> {
    match reply.tickets.as_slice() {
        [ticket] if reply.status == 200 => Some((*ticket, reply.until?, *told)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    /// Told at the one time, held until the other.
    fn yes(ticket: u128, told: i64, until: i64) -> Told {
        let (tickets, until) = (vec![Uuid::from_u128(ticket)], Some(at(until)));
        (Reply { status: 200, tickets, until, ..Reply::default() }, at(told))
    }

    fn no(code: &str) -> Told {
        (Reply { status: 409, code: Some(code.to_owned()), ..Reply::default() }, at(1))
    }

    #[test]
    fn each_seat_to_one_or_to_several_one_after_the_other_is_right() {
        let once = [yes(1, 1, 2), yes(2, 1, 2), no(TOO_LATE), no(TOO_LATE)];
        assert_eq!(broken(&once, 2), Vec::<String>::new());
        let later = [yes(1, 1, 2), yes(2, 1, 2), yes(1, 2, 3), no(TOO_LATE)];
        assert_eq!(broken(&later, 2), Vec::<String>::new());
    }

    #[test]
    fn two_at_once_too_few_too_many_or_another_answer_are_wrong() {
        for replies in [
            vec![yes(1, 0, 2), yes(2, 0, 2), yes(1, 1, 3)],
            vec![yes(1, 0, 2), no(TOO_LATE)],
            vec![yes(1, 0, 2), yes(2, 0, 2), no("too_many_held")],
            vec![yes(1, 0, 2), yes(2, 0, 2), yes(3, 0, 2)],
            vec![yes(1, 0, 2), yes(2, 0, 2), (Reply { status: 200, ..Reply::default() }, at(1))],
        ] {
            assert_eq!(broken(&replies, 2).len(), 1, "{replies:?}");
        }
    }
}
