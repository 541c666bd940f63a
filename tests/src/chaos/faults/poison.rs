//! Messages that nobody can read: put away with the reason, and their neighbours go on.

use anyhow::Result;
use lapin::BasicProperties;
use shared_events::topology::QUEUES;
use uuid::Uuid;

use super::{Struck, drained};
use crate::chaos::fault::Fault;
use crate::chaos::world::World;
use crate::chaos::world::broker::Broker;

/// Larger than any message of ours, smaller than what the broker refuses.
const TEN_MEGABYTES: usize = 10 * 1024 * 1024;
/// A request as it might come from a later release.
const UNKNOWN_VERSION: &[u8] = br#"{"log":"links","position":1,"previous":0,"event_version":"99.0",
    "event_type":"Requested","payload":{"of":"the future"}}"#;

pub(super) async fn given(world: &mut World) -> Result<Struck> {
    let bodies: [Vec<u8>; 4] = [
        b"{\"request_id\": ".to_vec(),
        UNKNOWN_VERSION.to_vec(),
        vec![b'x'; TEN_MEGABYTES],
        b"{\"request_id\": \"\0\"}".to_vec(),
    ];
    let broker = Broker::open(world).await?;
    let mut given = 0;
    for queue in QUEUES {
        for body in &bodies {
            let id = Uuid::new_v4().to_string();
            let properties = BasicProperties::default()
                .with_delivery_mode(2)
                .with_message_id(id.as_str().into());
            // By the default exchange it reaches this queue alone.
            broker.publish("", queue.name, properties, body).await?;
            world.poison.push(id);
            given += 1;
        }
    }
    broker.close().await;
    drained(world, Fault::Poison, given).await
}
