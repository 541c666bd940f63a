//! Trouble at the broker: no memory left, a queue deleted or unbound while everything runs.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use shared_events::topology::QUEUES;
use tokio::time::sleep;

use super::killed::chosen;
use super::{Struck, comes_about, drained};
use crate::chaos::fault::Fault;
use crate::chaos::journal::{Action, Call};
use crate::chaos::plan::Cycle;
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
    let broker = Broker::open(world).await?;
    broker.delete(chosen(&mut QUEUES.clone(), cycle)?).await?;
    broker.close().await;
    drained(world, Fault::DeleteQueue, 1).await
}

pub(super) async fn unbound(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let broker = Broker::open(world).await?;
    broker.unbind(chosen(&mut QUEUES.clone(), cycle)?).await?;
    broker.close().await;
    drained(world, Fault::UnbindQueue, 1).await
}
