//! Everybody wants the same ticket at the same moment.

use anyhow::{Context, Result};

use super::{Struck, drained};
use crate::chaos::fault::Fault;
use crate::chaos::plan::Cycle;
use crate::chaos::workload::people::Person;
use crate::chaos::workload::traders;
use crate::chaos::world::World;

/// Who does this, for the journal: none of the workload's clients.
const STRANGER: usize = 1_001;

/// One order is placed; everybody else is told that the ticket is reserved.
pub(super) async fn at_once(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let api = &world.api;
    let (seller, people) = world.people.split_first().context("an account")?;
    let listed = api.decided(STRANGER, 0, &traders::list(seller)).await?;
    let ticket = listed.reply.made.context("a ticket")?;
    let buyers: Vec<Person> = people.iter().cycle().take(cycle.amount).cloned().collect();
    let answers = traders::all_order(api, STRANGER, ticket, &buyers).await?;
    let count = |status| answers.iter().filter(|answer| answer.reply.status == status).count();
    let (placed, refused) = (count(201), count(409));
    let mut broken = Vec::new();
    if placed != 1 || refused != buyers.len() - 1 {
        let all = buyers.len();
        broken.push(format!("of {all} orders {placed} were placed and {refused} refused"));
    }
    let struck = drained(world, Fault::OrdersAtOnce, answers.len()).await?;
    Ok(Struck { broken, ..struck })
}
