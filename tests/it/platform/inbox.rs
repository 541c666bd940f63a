//! The inbox: what is given back comes again, whatever is acknowledged around it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use lapin::BasicProperties;
use lapin::options::BasicPublishOptions;
use shared_events::topology::{RECORD_VERDICTS, RULES_VERDICTS, VERDICT};
use tests::secrets::BrokerUser;
use ticketing::platform::broker::{Broker, confirming_channel, declare_queue};
use ticketing::platform::clock::Clock;
use ticketing::platform::dead_letters::DeadLetters;
use ticketing::platform::inbox::{Handled, Handler, Inbox, Incoming};
use ticketing::platform::retries::Retries;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::{Place, eventually, servers};

const MESSAGES: u128 = 400;

/// Turns every seventh message away when it comes for the first time.
#[derive(Clone, Default)]
struct Fussy(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    times: BTreeMap<Uuid, usize>,
    done: BTreeSet<Uuid>,
}

impl Handler for Fussy {
    async fn handle(&self, message: &Incoming) -> Handled {
        let mut seen = self.0.lock().unwrap();
        let times = seen.times.entry(message.message_id).or_default();
        *times += 1;
        if message.message_id.as_u128() % 7 == 0 && *times == 1 {
            return Handled::Unavailable;
        }
        seen.done.insert(message.message_id);
        Handled::Done
    }

    fn without_secrets(&self, body: &str) -> String {
        body.to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_back_is_never_acknowledged_with_its_neighbours() {
    let (place, database) = Place::migrated().await;
    let broker = Broker::new(&place.amqp_url()).unwrap();
    // In the place of the rule service: the ticketing service may not publish verdicts.
    let operator = Broker::new(&servers().amqp_url(BrokerUser::Operator, &place.name)).unwrap();
    let connection = operator.connect("test").await.unwrap();
    let channel = confirming_channel(&connection).await.unwrap();
    declare_queue(&channel, &RECORD_VERDICTS).await.unwrap();
    for n in 1..=MESSAGES {
        let id = Uuid::from_u128(n).to_string();
        let properties = BasicProperties::default().with_message_id(id.into());
        let (exchange, options) = (RULES_VERDICTS.name.into(), BasicPublishOptions::default());
        let sent = channel.basic_publish(exchange, VERDICT.into(), options, b"{}", properties);
        sent.await.unwrap().await.unwrap();
    }
    let (handler, clock) = (Fussy::default(), Clock::default());
    let letters = DeadLetters::new(broker.clone(), clock.clone());
    let retries = Retries::new(database, clock);
    let inbox = Inbox::new(&RECORD_VERDICTS, handler.clone(), retries, Arc::new(letters));
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(inbox.run(broker, shutdown.clone()));
    eventually("every message is done", || async {
        handler.0.lock().unwrap().done.len() == usize::try_from(MESSAGES).unwrap()
    })
    .await;
    shutdown.cancel();
    running.await.unwrap();
    let left = channel.queue_purge(RECORD_VERDICTS.name.into(), Default::default()).await.unwrap();
    assert_eq!(left, 0, "what was done is acknowledged");
    let seen = handler.0.lock().unwrap();
    let repeated = seen.times.iter().filter(|(id, times)| **times > 1 && id.as_u128() % 7 != 0);
    assert_eq!(repeated.count(), 0, "what was acknowledged does not come again");
}
