//! One call can be followed through both services: its trace and its correlation reach the events,
//! the messages and the events that the answer of the rule service leads to.

use lapin::types::AMQPValue;
use shared_events::topology::{LINKS_EVENTS, RULES_VERDICTS, header as name};
use uuid::Uuid;

use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::Ask;
use crate::world::inside::header;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test]
async fn a_call_is_traced_through_both_services_and_back() {
    let gate = World::start(&[]).await;
    let broker = gate.broker().await;
    let events = broker.listen(LINKS_EVENTS.name).await;
    let verdicts = broker.listen(RULES_VERDICTS.name).await;

    let correlation = Uuid::new_v4();
    let request = gate.get("/request_for_ticketing_link");
    let request = request.header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"));
    let made = request.header("x-request-id", correlation.to_string()).ask().await.is(201);
    assert_eq!(made.header("x-request-id"), correlation.to_string());
    let id: Uuid = made.member("request_id").parse().unwrap();
    gate.issued(id, None).await;

    let query = "select event_type, traceparent, correlation, event_id, causation from events \
                 where aggregate_id = $1 order by sequence";
    let rows = gate.sql().await.query(query, &[&id]).await.unwrap();
    assert_eq!(rows.len(), 3);
    for row in &rows {
        let (event, trace): (&str, &str) = (row.get(0), row.get(1));
        assert!(trace.starts_with(&format!("00-{TRACE}-")), "{event}: {trace}");
        assert_eq!(row.get::<_, Uuid>(2), correlation, "{event}");
    }
    assert_ne!(
        rows[0].get::<_, &str>(1),
        format!("00-{TRACE}-00f067aa0ba902b7-01"),
        "no span of its own"
    );

    let (event_id, verdict_id): (Uuid, Uuid) = (rows[0].get(3), rows[1].get(4));
    for (queue, app, message_id) in
        [(&events, "ticketing", event_id), (&verdicts, "rules", verdict_id)]
    {
        let message = broker.take(queue).await.expect("a message");
        assert!(header(&message, name::TRACEPARENT).contains(TRACE), "{app}");
        let text = |value: &Option<lapin::types::ShortString>| value.as_ref().unwrap().to_string();
        let properties = &message.properties;
        assert_eq!(text(properties.message_id()), message_id.to_string());
        assert_eq!(text(properties.correlation_id()), correlation.to_string());
        assert_eq!(text(properties.app_id()), app);
        assert_eq!(text(properties.content_type()), "application/json");
        assert!(properties.timestamp().is_some() && properties.kind().is_some());
    }
    gate.system.stop().await.unwrap();
}

#[tokio::test]
async fn every_message_says_where_in_history_it_stands() {
    let gate = World::start(&[]).await;
    let broker = gate.broker().await;
    let events = broker.listen(LINKS_EVENTS.name).await;
    let link = gate.given_used_link().await;
    let count = async || gate.count("select position from relay_cursors where log = 'links'").await;
    eventually("everything is relayed", async || count().await == 4).await;
    for position in 1..=4_i64 {
        let message = broker.take(&events).await.expect("a message");
        assert_eq!(header(&message, name::AGGREGATE_ID), link.id.to_string());
        let headers = message.properties.headers().clone().unwrap();
        let number = |name: &str| match headers.inner().get(name) {
            Some(AMQPValue::LongLongInt(number)) => *number,
            other => panic!("{name}: {other:?}"),
        };
        let numbers = [name::POSITION, name::PREVIOUS, name::SEQUENCE].map(number);
        assert_eq!(numbers, [position, position - 1, position]);
        assert!(
            !String::from_utf8_lossy(&message.data).contains(&link.token),
            "a token in a message"
        );
    }
    gate.system.stop().await.unwrap();
}
