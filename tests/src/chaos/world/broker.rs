//! A connection of the broker's operator, by the broker's own port: counting what waits, and the
//! mischief of some faults.

use anyhow::{Context, Result, bail, ensure};
use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use shared_events::topology::Queue;

use super::World;
use super::tap::Passed;
use crate::secrets::BrokerUser;

/// Messages in flight before their confirms are awaited.
const WINDOW: usize = 500;

/// A connection of the operator, who may do everything.
pub struct Broker {
    connection: Connection,
    channel: Channel,
}

impl Broker {
    /// Connects.
    ///
    /// # Errors
    /// If the broker does not answer.
    pub async fn open(world: &World) -> Result<Self> {
        let url = world.servers.rabbitmq.amqp_url(BrokerUser::Operator, &world.place);
        let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { connection, channel })
    }

    /// Ends it. What it still holds goes back, as it would if it were cut.
    pub async fn close(self) {
        // Its end does not matter: what was asked for has been answered.
        let _ = self.connection.close(200, "done".into()).await;
    }

    /// How many messages of a queue wait for a consumer.
    ///
    /// # Errors
    /// If there is no such queue.
    pub async fn waiting(&self, queue: &str) -> Result<u32> {
        let channel = self.connection.create_channel().await?;
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        let declared = channel.queue_declare(queue.into(), passive, FieldTable::default()).await;
        let count = declared.with_context(|| format!("the queue {queue}"))?.message_count();
        channel.close(200, "counted".into()).await?;
        Ok(count)
    }

    /// Publishes a message and waits until a queue has it.
    ///
    /// # Errors
    /// If no queue takes it.
    pub async fn publish(
        &self,
        exchange: &str,
        key: &str,
        properties: BasicProperties,
        body: &[u8],
    ) -> Result<()> {
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let sent =
            self.channel.basic_publish(exchange.into(), key.into(), options, body, properties);
        match sent.await?.await? {
            Confirmation::Ack(None) => Ok(()),
            other => bail!("a message to {exchange} was not taken: {other:?}"),
        }
    }

    /// Publishes messages as they once passed, and waits until the broker has them all. Whether a
    /// queue takes them does not matter.
    ///
    /// # Errors
    /// If the broker refuses one.
    pub async fn publish_all(&self, messages: &[Passed]) -> Result<()> {
        for window in messages.chunks(WINDOW) {
            let mut confirms = Vec::with_capacity(window.len());
            for message in window.iter().cloned() {
                let Passed { exchange, routing_key, properties, body } = message;
                let options = BasicPublishOptions::default();
                let sent =
                    self.channel.basic_publish(exchange, routing_key, options, &body, properties);
                confirms.push(sent.await?);
            }
            for confirm in confirms {
                ensure!(matches!(confirm.await?, Confirmation::Ack(_)), "a message was refused");
            }
        }
        Ok(())
    }

    /// Takes whatever a queue has, acknowledges nothing, and ends the connection. Answers how many
    /// there were.
    ///
    /// # Errors
    /// If there is no such queue.
    pub async fn take_all_and_die(self, queue: &str) -> Result<usize> {
        let mut taken = 0;
        while self.channel.basic_get(queue.into(), BasicGetOptions::default()).await?.is_some() {
            taken += 1;
        }
        self.close().await;
        Ok(taken)
    }

    /// Deletes a queue with what is in it.
    ///
    /// # Errors
    /// If the broker does not answer.
    pub async fn delete(&self, queue: &Queue) -> Result<()> {
        self.channel.queue_delete(queue.name.into(), QueueDeleteOptions::default()).await?;
        Ok(())
    }

    /// Ends what leads into a queue; the queue stays.
    ///
    /// # Errors
    /// If the broker does not answer.
    pub async fn unbind(&self, queue: &Queue) -> Result<()> {
        let (exchange, key) = (queue.binding.exchange.name, queue.binding.routing_key);
        let none = FieldTable::default();
        self.channel.queue_unbind(queue.name.into(), exchange.into(), key.into(), none).await?;
        Ok(())
    }
}
