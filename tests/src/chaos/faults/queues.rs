//! Trouble at the broker: no memory left, a queue deleted or unbound while everything runs.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use shared_events::topology::{QUEUES, Queue};
use tokio::time::sleep;

use super::killed::chosen;
use super::{Struck, comes_about, drained};
use crate::chaos::fault::Fault;
use crate::chaos::journal::{Action, Call};
use crate::chaos::plan::Cycle;
use crate::chaos::say_progress;
use crate::chaos::world::World;
use crate::chaos::world::broker::Broker;
use crate::local;

/// A publisher notices that it is blocked when its first message has waited for 5 s.
const NOTICED: Duration = Duration::from_secs(15);
/// Within this time one of the clients has a command accepted.
const ACCEPTED: Duration = Duration::from_secs(15);
/// The commands that make something, which is a 201. Requests alone would not do: who has asked
/// for a link waits for the verdict before they ask for another.
const COMMANDS: [Action; 3] = [Action::Request, Action::List, Action::Order];
/// So little memory is always used up; then as much as the broker takes unless told otherwise.
const NOTHING: &str = "0.000001";
const USUAL: &str = "0.4";

/// Publishers are blocked: commands are taken all the same, and readiness tells what is missing.
pub(super) async fn memory_alarm(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let accepted = |world: &World| {
        let calls = world.api.journal.calls();
        let is_taken = |call: &Call| COMMANDS.contains(&call.action) && call.was_answered(201);
        calls.iter().filter(|call| is_taken(call)).count()
    };
    world.servers.rabbitmq.control(&["set_vm_memory_high_watermark", NOTHING]).await?;
    // At its end: what a fault before it has cut off is connected again by then.
    sleep(cycle.lasting).await;
    let told = comes_about(NOTICED, async || is_told(world).await).await;
    let before = accepted(world);
    let meanwhile = comes_about(ACCEPTED, async || accepted(world) > before).await;
    world.servers.rabbitmq.control(&["set_vm_memory_high_watermark", USUAL]).await?;
    let mut struck = drained(world, Fault::MemoryAlarm, 1).await?;
    if !told {
        struck.broken.push("readiness did not tell that the broker takes nothing".to_owned());
    }
    if !meanwhile {
        struck.broken.push("no command was accepted while the broker took nothing".to_owned());
    }
    Ok(struck)
}

/// Whether a replica says that it is ready but lacks the broker.
async fn is_told(world: &World) -> bool {
    let client = local::client();
    for replica in 0..world.api.replicas() {
        let url = format!("{}/readyz", world.api.url(replica));
        if let Ok(answer) = client.get(url).send().await
            && answer.status().is_success()
            && let Ok(ready) = answer.json::<Value>().await
            && ready.pointer("/parts/broker").and_then(Value::as_str) != Some("ok")
        {
            return true;
        }
    }
    false
}

pub(super) async fn deleted(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let (broker, queue) = (Broker::open(world).await?, whose_turn(cycle)?);
    say_progress(&format!("  {} is deleted", queue.name));
    broker.delete(&queue).await?;
    broker.close().await;
    drained(world, Fault::DeleteQueue, 1).await
}

pub(super) async fn unbound(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let (broker, queue) = (Broker::open(world).await?, whose_turn(cycle)?);
    say_progress(&format!("  {} is unbound", queue.name));
    broker.unbind(&queue).await?;
    broker.close().await;
    drained(world, Fault::UnbindQueue, 1).await
}

fn whose_turn(cycle: &Cycle) -> Result<Queue> {
    Ok(*chosen(&mut QUEUES.clone(), cycle)?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::chaos::fault::Profile;
    use crate::chaos::plan::plan;

    const FAULTS: [Fault; 2] = [Fault::DeleteQueue, Fault::UnbindQueue];

    fn queues(seed: u64, fault: Fault, profile: Profile) -> Vec<&'static str> {
        let plan = plan(seed, &[fault], profile, None);
        let cycles = plan.iter().flat_map(|trial| &trial.cycles);
        cycles.map(|cycle| whose_turn(cycle).expect("a queue").name).collect()
    }

    #[test]
    fn as_often_as_promised_is_each_queue_once() {
        for fault in FAULTS {
            let mut met = queues(20_261_121, fault, Profile::Full);
            met.sort_unstable();
            let mut all = QUEUES.map(|queue| queue.name);
            all.sort_unstable();
            assert_eq!(met, all);
        }
    }

    #[test]
    fn the_seed_chooses_the_queue_that_is_met_when_only_one_is() {
        for fault in FAULTS {
            let met = (0..100).flat_map(|seed| queues(seed, fault, Profile::Short));
            assert_eq!(met.collect::<BTreeSet<_>>().len(), QUEUES.len());
        }
    }
}
