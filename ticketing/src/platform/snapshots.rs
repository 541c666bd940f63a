//! Snapshots: states of aggregates whose streams grow long, read instead of their first events.
//! They are made when a reader has had to replay [`EVERY`] events, and only save time: one that is
//! missing, or was made of a state of another shape, is not used. Not here: which aggregates need
//! them.

use cqrs_es::Aggregate;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio_postgres::types::{Json, ToSql};
use uuid::Uuid;

use super::causes::causes;
use super::database::DatabaseError;
use super::event_store::{EventStore, Loaded, ReadError, decode, select_events, stored_event};

/// Events that are replayed before there is another snapshot.
pub const EVERY: i64 = 200;

const SNAPSHOT: &str =
    "select sequence, shape, state from snapshots where aggregate = $1 and aggregate_id = $2";
const EVENTS_AFTER: &str = select_events!(
    "where e.aggregate = $1 and e.aggregate_id = $2 and e.sequence > $3 order by e.sequence"
);
/// An older one never replaces a newer one, but for the one of shape `$6` that could not be used.
/// That two shapes differ says nothing: what a state holds, such as the ids that are the keys of
/// its maps, is in its shape too.
const KEEP: &str = "insert into snapshots (aggregate, aggregate_id, sequence, shape, state) \
    values ($1, $2, $3, $4, $5) on conflict (aggregate, aggregate_id) do update \
    set sequence = excluded.sequence, shape = excluded.shape, state = excluded.state \
    where snapshots.sequence < excluded.sequence or snapshots.shape = $6";

/// Replays a stream from its snapshot, if there is one.
///
/// # Errors
/// [`ReadError`] if Postgres does not answer or an event can not be read.
pub async fn load<A: Aggregate>(store: &EventStore, id: Uuid) -> Result<Loaded<A>, ReadError> {
    let mut unusable: Option<String> = None;
    let (mut loaded, replayed) = {
        let client = store.database().get().await?;
        let statement = client.prepare_cached(SNAPSHOT).await?;
        let row = client.query_opt(&statement, &[&A::TYPE, &id]).await?;
        let mut loaded = Loaded { state: A::default(), sequence: 0 };
        if let Some(row) = row {
            let Json(state): Json<Value> = row.try_get(2)?;
            let shape: String = row.try_get(1)?;
            match read::<A>(state, &shape) {
                Some(state) => loaded = Loaded { state, sequence: row.try_get(0)? },
                None => unusable = Some(shape),
            }
        }
        let statement = client.prepare_cached(EVENTS_AFTER).await?;
        let rows = client.query(&statement, &[&A::TYPE, &id, &loaded.sequence]).await?;
        (loaded, rows)
    };
    let count = i64::try_from(replayed.len()).unwrap_or(i64::MAX);
    for row in &replayed {
        let event = decode::<A::Event>(stored_event(row)?)?;
        loaded.sequence = event.sequence;
        loaded.state.apply(event.payload);
    }
    if count >= EVERY
        && let Err(error) = keep(store, id, &loaded, unusable.as_deref()).await
    {
        tracing::debug!(error = causes(&error), aggregate = A::TYPE, "a snapshot was not kept");
    }
    Ok(loaded)
}

async fn keep<A: Aggregate>(
    store: &EventStore,
    id: Uuid,
    loaded: &Loaded<A>,
    unusable: Option<&str>,
) -> Result<(), DatabaseError> {
    let Ok(state) = serde_json::to_value(&loaded.state) else { return Ok(()) };
    let shape = shape(&state);
    let client = store.database().get().await?;
    let statement = client.prepare_cached(KEEP).await?;
    let state = Json(state);
    let parameters: [&(dyn ToSql + Sync); 6] =
        [&A::TYPE, &id, &loaded.sequence, &shape, &state, &unusable];
    client.execute(&statement, &parameters).await?;
    Ok(())
}

/// The state, unless this program would write it otherwise.
fn read<A: Aggregate>(state: Value, known: &str) -> Option<A> {
    let state: A = serde_json::from_value(state).ok()?;
    let written = serde_json::to_value(&state).ok()?;
    (shape(&written) == known).then_some(state)
}

/// A hash of the names and kinds of all members.
fn shape(state: &Value) -> String {
    let mut text = String::new();
    describe(state, &mut text);
    Sha256::digest(text).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn describe(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push('?'),
        Value::Bool(_) => text.push('b'),
        Value::Number(_) => text.push('n'),
        Value::String(_) => text.push('s'),
        Value::Array(items) => {
            text.push('[');
            items.first().inspect(|item| describe(item, text));
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (name, member) in members {
                text.push_str(name);
                text.push(':');
                describe(member, text);
                text.push(',');
            }
            text.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_shape_tells_of_names_and_kinds_and_not_of_values() {
        let shape_of = |value| shape(&value);
        let one = shape_of(json!({ "Open": { "balance": 1, "owner": "a" } }));
        assert_eq!(one, shape_of(json!({ "Open": { "balance": 2, "owner": "b" } })));
        for other in [
            json!({ "Open": { "balance": "1", "owner": "a" } }),
            json!({ "Open": { "amount": 1, "owner": "a" } }),
            json!({ "Closed": { "balance": 1, "owner": "a" } }),
            json!({ "Open": { "balance": 1, "owner": "a", "limit": 7 } }),
        ] {
            assert_ne!(one, shape_of(other));
        }
    }
}
