//! The consumer of verdicts: which messages are to blame for themselves, and which history counts.

use std::sync::Arc;

use serde_json::json;
use ticketing::links::consumer::RecordVerdicts;
use ticketing::links::link_request::LinkRequest;
use ticketing::links::link_token::LinkKeys;
use ticketing::platform::append::Attached;
use ticketing::platform::clock::Clock;
use ticketing::platform::commands::Commands;
use ticketing::platform::consuming::OfThisHistory;
use ticketing::platform::database::Database;
use ticketing::platform::event_store::{EventStore, history};
use ticketing::platform::inbox::{Handled, Handler, Incoming};
use uuid::Uuid;

use super::append::LOG;
use super::commands::{now, request};
use crate::harness::Place;

struct Given {
    _place: Place,
    database: Database,
    store: EventStore,
    consumer: OfThisHistory<RecordVerdicts>,
}

async fn given_a_consumer() -> Given {
    let (place, database) = Place::migrated().await;
    let store = EventStore::open(LOG, database.clone());
    let file = std::env::temp_dir().join(format!("keys-{}.json", Uuid::new_v4().simple()));
    std::fs::write(&file, r#"{"keys": []}"#).unwrap();
    let keys = Arc::new(LinkKeys::open(&file).unwrap());
    std::fs::remove_file(&file).unwrap();
    let commands = Commands::new(store.clone());
    let consumer = RecordVerdicts { commands, keys, clock: Clock::default() };
    let consumer = OfThisHistory::new(consumer, LOG, database.clone());
    Given { _place: place, database, store, consumer }
}

impl Given {
    async fn request(&self) -> Uuid {
        let id = Uuid::now_v7();
        // Not through the consumer's own commands, which would remember it.
        let commands = Commands::<LinkRequest>::new(self.store.clone());
        commands.create(id, request(), now(), |_| Attached::default()).await.unwrap();
        id
    }

    async fn verdict_on(&self, id: Uuid) -> Handled {
        let body = json!({
            "request_id": id, "tier": "premium", "rule": "never", "rule_set_version": "v1",
            "refused": "never",
        });
        let message = Incoming {
            message_id: Uuid::new_v4(),
            exchange: "rules.verdicts".into(),
            routing_key: "rules.verdict".into(),
            correlation: None,
            history: Some(history(&self.database, LOG).await.unwrap()),
            traceparent: None,
            body: body.to_string(),
        };
        self.consumer.handle(&message).await
    }

    async fn verdicts_on(&self, id: Uuid) -> i64 {
        let client = self.database.get().await.unwrap();
        let text =
            "select count(*) from events where aggregate_id = $1 and event_type = 'RuleEvaluated'";
        client.query_one(text, &[&id]).await.unwrap().get(0)
    }
}

#[tokio::test]
async fn a_verdict_on_a_damaged_history_is_refused_and_holds_up_nobody() {
    let given = given_a_consumer().await;
    let id = given.request().await;
    let owner = given.database.connect_as_owner("test").await.unwrap();
    owner.execute("update events set event_version = '9.0'", &[]).await.unwrap();
    let handled = given.verdict_on(id).await;
    assert!(matches!(&handled, Handled::Refused(why) if why.contains("position 1")), "{handled:?}");
}

#[tokio::test]
async fn after_a_restore_the_verdicts_of_the_new_history_count_at_once() {
    let given = given_a_consumer().await;
    let before = given.request().await;
    assert_eq!(given.verdict_on(before).await, Handled::Done);
    given.database.begin_new_history().await.unwrap();
    let after = given.request().await;
    assert_eq!(given.verdict_on(after).await, Handled::Done);
    for id in [before, after] {
        assert_eq!(given.verdicts_on(id).await, 1);
    }
}
