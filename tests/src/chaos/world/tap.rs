//! A tap on exchanges: what is published meanwhile, to be published again. Its queue lives only as
//! long as it does: while it is there no message is unroutable.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use lapin::options::{BasicGetOptions, QueueDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use shared_events::topology::Exchange;
use tokio::time::sleep;

use super::World;
use crate::secrets::BrokerUser;

/// How often an empty tap is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A message as it passed.
#[derive(Clone, Debug)]
pub struct Passed {
    /// Through which exchange.
    pub exchange: ShortString,
    /// With which routing key.
    pub routing_key: ShortString,
    /// Its properties.
    pub properties: BasicProperties,
    /// Its body.
    pub body: Vec<u8>,
}

/// An open tap.
pub struct Tap {
    connection: Connection,
    channel: Channel,
    queue: ShortString,
    exchanges: Vec<Exchange>,
}

impl Tap {
    /// Begins to collect what is published to these exchanges.
    ///
    /// # Errors
    /// If the broker refuses it.
    pub async fn open(world: &World, exchanges: &[Exchange]) -> Result<Self> {
        let url = world.servers.rabbitmq.amqp_url(BrokerUser::Operator, &world.place);
        let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        let exclusive = QueueDeclareOptions { exclusive: true, ..Default::default() };
        let declared = channel.queue_declare("".into(), exclusive, FieldTable::default()).await?;
        let queue = declared.name().clone();
        for exchange in exchanges {
            let (name, key, none) = (exchange.name.into(), "#".into(), FieldTable::default());
            channel.queue_bind(queue.clone(), name, key, Default::default(), none).await?;
        }
        Ok(Self { connection, channel, queue, exchanges: exchanges.to_vec() })
    }

    /// The next message, if one has passed.
    ///
    /// # Errors
    /// If the broker does not answer.
    pub async fn next(&self) -> Result<Option<Passed>> {
        let options = BasicGetOptions { no_ack: true };
        let got = self.channel.basic_get(self.queue.clone(), options).await.context("the tap")?;
        Ok(got.map(|got| Passed {
            exchange: got.exchange.clone(),
            routing_key: got.routing_key.clone(),
            properties: got.properties.clone(),
            body: got.data.clone(),
        }))
    }

    /// Collects for this long, and on until something has passed through each exchange; ends it.
    ///
    /// # Errors
    /// If nothing passes through one of them in ten times as long, or the broker does not answer.
    pub async fn collect(self, lasting: Duration) -> Result<Vec<Passed>> {
        let (begun, exchanges) = (Instant::now(), self.exchanges.clone());
        let mut all = Vec::new();
        let is_enough = |all: &[Passed]| each_passed(&exchanges, all).is_ok();
        while begun.elapsed() < lasting || !is_enough(&all) && begun.elapsed() < lasting * 10 {
            match self.next().await? {
                Some(passed) => all.push(passed),
                None => sleep(LOOK).await,
            }
        }
        all.extend(self.close().await?);
        each_passed(&exchanges, &all)?;
        Ok(all)
    }

    /// Ends it; all that has passed and was not taken yet.
    ///
    /// # Errors
    /// If the broker does not answer.
    pub async fn close(self) -> Result<Vec<Passed>> {
        // Else, on a busy machine, they come faster than they are taken.
        for exchange in &self.exchanges {
            let (queue, none) = (self.queue.clone(), FieldTable::default());
            self.channel.queue_unbind(queue, exchange.name.into(), "#".into(), none).await?;
        }
        let mut all = Vec::new();
        while let Some(passed) = self.next().await? {
            all.push(passed);
        }
        self.connection.close(200, "done".into()).await?;
        Ok(all)
    }
}

/// Shows that something has passed through each of these exchanges.
///
/// # Errors
/// If not.
pub fn each_passed(exchanges: &[Exchange], messages: &[Passed]) -> Result<()> {
    for Exchange { name, .. } in exchanges {
        let passed = messages.iter().any(|message| message.exchange.as_str() == *name);
        ensure!(passed, "no message passed through {name}");
    }
    Ok(())
}
