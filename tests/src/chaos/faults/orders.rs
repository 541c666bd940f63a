//! Everybody wants the same ticket at the same moment.

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};

use super::{Struck, drained};
use crate::chaos::fault::Fault;
use crate::chaos::plan::Cycle;
use crate::chaos::workload::people::Person;
use crate::chaos::workload::traders;
use crate::chaos::world::{HOLD, World};

/// Who does this, for the journal: none of the workload's clients.
const STRANGER: usize = 1_001;

/// An order is placed; until its hold has run out, everybody else is told that the ticket is
/// reserved. All accounts but the seller's order, each as often as the others.
pub(super) async fn at_once(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let api = &world.api;
    let (seller, people) = world.people.split_first().context("an account")?;
    let listed = api.decided(STRANGER, 0, &traders::list(seller)).await?;
    let ticket = listed.reply.made.context("a ticket")?;
    let buyers: Vec<Person> = people.iter().cycle().take(cycle.amount).cloned().collect();
    let answers = traders::all_order(api, STRANGER, ticket, &buyers).await?;
    let mut ends: Vec<DateTime<Utc>> = Vec::new();
    for (buyer, order, answer) in traders::placed(&buyers, &answers) {
        ends.push(answer.text("expiresAt").context("an end")?.parse()?);
        traders::give_up(api, STRANGER, order, buyer).await?;
    }
    let refused = answers.iter().filter(|answer| answer.reply.status == 409).count();
    let broken = broken(ends, refused, answers.len(), TimeDelta::from_std(HOLD)?);
    let struck = drained(world, Fault::OrdersAtOnce, answers.len()).await?;
    Ok(Struck { broken, ..struck })
}

/// What is wrong if orders were placed that hold the ticket until `ends`, so many were refused, and
/// so many were sent.
fn broken(
    mut ends: Vec<DateTime<Utc>>,
    refused: usize,
    all: usize,
    hold: TimeDelta,
) -> Vec<String> {
    let mut broken = Vec::new();
    let placed = ends.len();
    if placed == 0 || placed + refused != all {
        broken.push(format!("of {all} orders {placed} were placed and {refused} refused"));
    }
    ends.sort_unstable();
    let overlap = |pair: &&[DateTime<Utc>]| matches!(pair, [one, next] if *next - *one < hold);
    for pair in ends.windows(2).filter(overlap) {
        broken.push(format!("the ticket was held by two at once: until {pair:?}"));
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_order_or_several_one_after_the_other_are_right() {
        let hold = TimeDelta::seconds(2);
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        assert_eq!(broken(vec![at(2)], 9, 10, hold), Vec::<String>::new());
        assert_eq!(broken(vec![at(9), at(2), at(4)], 7, 10, hold), Vec::<String>::new());
    }

    #[test]
    fn two_at_once_none_at_all_or_another_answer_are_wrong() {
        let hold = TimeDelta::seconds(2);
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        assert_eq!(broken(vec![at(2), at(3)], 8, 10, hold).len(), 1);
        assert_eq!(broken(vec![], 10, 10, hold).len(), 1);
        assert_eq!(broken(vec![at(2)], 8, 10, hold).len(), 1);
    }
}
