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
use crate::chaos::world::{SEAT_HOLD, World};

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

/// A seat that somebody got: which, and until when it was held.
type Got = (Uuid, DateTime<Utc>);

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
    let broken = broken(&replies, seats, TimeDelta::from_std(SEAT_HOLD)?);
    // A kill that nobody had to live through is none.
    let struck = drained(world, Fault::FlashSale, waiting).await?;
    Ok(Struck { broken, ..struck })
}

/// So many people: those of the workload, and if they are too few, more who have come for it.
async fn accounts(world: &mut World, count: usize) -> Result<Vec<Person>> {
    let more = count.saturating_sub(world.people.len());
    // Every rush of a run is as large, so once they are there they are enough.
    if world.crowd.is_empty() {
        world.crowd = people::welcome(&world.api, "crowd", more).await?;
        world.hall()?.give_wallets(&world.api, &world.crowd).await?;
    }
    Ok(world.people.iter().chain(&world.crowd).cloned().collect())
}

/// What a buyer is told; whoever gets a seat has bought it then, or a rival with the same account.
async fn buys(
    api: &Api,
    number: usize,
    buyer: &Person,
    sale: Match,
    told: &AtomicUsize,
) -> Result<Reply> {
    let reply = api.decided(STRANGER, number, &reserve_best(sale, buyer)).await?.reply;
    told.fetch_add(1, Ordering::Relaxed);
    if reply.status == 200 {
        api.decided(STRANGER, number, &purchase(buyer)).await.context("a purchase")?;
    }
    Ok(reply)
}

/// What is wrong if this was told of so many seats. More than there are may be held, one after the
/// other.
fn broken(replies: &[Reply], seats: usize, hold: TimeDelta) -> Vec<String> {
    let mut broken = Vec::new();
    let is_no = |reply: &&Reply| reply.status == 409 && reply.code.as_deref() == Some(TOO_LATE);
    let (all, refused) = (replies.len(), replies.iter().filter(is_no).count());
    let got: Vec<Got> = replies.iter().filter_map(got).collect();
    if got.len() < seats || got.len() + refused != all {
        let got = got.len();
        broken.push(format!("of {all} buyers of {seats} seats {got} got one, {refused} were late"));
    }
    let mut ends: BTreeMap<Uuid, Vec<DateTime<Utc>>> = BTreeMap::new();
    for (ticket, until) in got {
        ends.entry(ticket).or_default().push(until);
    }
    if ends.len() > seats {
        broken.push(format!("{} seats were held of {seats}", ends.len()));
    }
    for (ticket, mut ends) in ends {
        ends.sort_unstable();
        let overlap = |pair: &&[DateTime<Utc>]| matches!(pair, [one, next] if *next - *one < hold);
        for pair in ends.windows(2).filter(overlap) {
            broken.push(format!("{ticket} was held by two at once: until {pair:?}"));
        }
    }
    broken
}

fn got(reply: &Reply) -> Option<Got> {
    match reply.tickets.as_slice() {
        [ticket] if reply.status == 200 => Some((*ticket, reply.until?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold() -> TimeDelta {
        TimeDelta::seconds(2)
    }

    fn yes(ticket: u128, seconds: i64) -> Reply {
        let until = Some(DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds));
        Reply { status: 200, tickets: vec![Uuid::from_u128(ticket)], until, ..Reply::default() }
    }

    fn no(code: &str) -> Reply {
        Reply { status: 409, code: Some(code.to_owned()), ..Reply::default() }
    }

    #[test]
    fn each_seat_to_one_or_to_several_one_after_the_other_is_right() {
        let once = [yes(1, 2), yes(2, 2), no(TOO_LATE), no(TOO_LATE)];
        assert_eq!(broken(&once, 2, hold()), Vec::<String>::new());
        let later = [yes(1, 2), yes(2, 2), yes(1, 4), no(TOO_LATE)];
        assert_eq!(broken(&later, 2, hold()), Vec::<String>::new());
    }

    #[test]
    fn two_at_once_too_few_too_many_or_another_answer_are_wrong() {
        for replies in [
            vec![yes(1, 2), yes(2, 2), yes(1, 3)],
            vec![yes(1, 2), no(TOO_LATE)],
            vec![yes(1, 2), yes(2, 2), no("too_many_held")],
            vec![yes(1, 2), yes(2, 2), yes(3, 2)],
            vec![yes(1, 2), yes(2, 2), Reply { status: 200, ..Reply::default() }],
        ] {
            assert_eq!(broken(&replies, 2, hold()).len(), 1, "{replies:?}");
        }
    }
}
