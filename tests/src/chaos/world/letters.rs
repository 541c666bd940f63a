//! Reading dead letters by the broker's management API, which cuts long ones short: to take ten
//! megabytes apart for each queue after each fault would take longer than most faults.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use shared_events::topology::{QUEUES, header};

use super::World;
use crate::rabbitmq::management::segment;

/// As much of a body is looked at, in bytes.
const READ: usize = 64 * 1024;
/// More than there can be in a queue.
const ALL: usize = 1_000_000;

/// A message that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Letter {
    /// Which queue it lies in.
    pub queue: String,
    /// Why, if it is a dead letter.
    pub reason: String,
    /// Its properties, as text.
    pub properties: String,
    /// The beginning of its body, as text.
    pub body: String,
}

/// All dead letters; they stay where they are.
///
/// # Errors
/// If the broker does not answer, or lacks a queue.
pub async fn dead_letters(world: &World) -> Result<Vec<Letter>> {
    let management = world.servers.rabbitmq.management();
    let asked = json!({
        "count": ALL, "ackmode": "ack_requeue_true", "encoding": "auto", "truncate": READ,
    });
    let mut letters = Vec::new();
    for queue in QUEUES {
        let name = queue.dead_letters.queue;
        let path = format!("queues/{}/{}/get", segment(&world.place), segment(name));
        let got = management.post(&path, &asked).await?;
        for message in got.as_array().context("a list of messages")? {
            letters.push(letter(name, message)?);
        }
    }
    Ok(letters)
}

fn letter(queue: &str, message: &Value) -> Result<Letter> {
    let properties = message.get("properties").context("the properties of a message")?;
    let reason = properties.get("headers").and_then(|headers| headers.get(header::DEAD_REASON));
    let body = message.get("payload").and_then(Value::as_str).context("the body of a message")?;
    Ok(Letter {
        queue: queue.to_owned(),
        reason: reason.and_then(Value::as_str).unwrap_or_default().to_owned(),
        properties: properties.to_string(),
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_told_with_its_reason() {
        let properties = json!({"headers": {header::DEAD_REASON: "no JSON"}, "message_id": "p1"});
        let mut message = json!({"properties": properties, "payload": "{", "payload_bytes": 1});
        let read = letter("a.dead", &message).unwrap();
        assert_eq!((read.reason.as_str(), read.body.as_str()), ("no JSON", "{"));
        assert!(read.properties.contains("p1"));
        message.as_object_mut().unwrap().remove("payload");
        assert!(letter("a.dead", &message).is_err());
    }
}
