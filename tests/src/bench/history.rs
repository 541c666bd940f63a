//! History written straight into the tables: making as much by asking for it would take longer than
//! measuring. It is what the service itself would have written, so `ticketing verify` finds no
//! difference.

use anyhow::{Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::DomainEvent;
use shared_events::topology::LINKS_LOG;
use shared_events::{LinkRequestEvent, Outcome, Requester, Tier, TokenId};
use tokio_postgres::{Client, Transaction};
use uuid::Uuid;

/// How long links stay open.
pub const OPEN: TimeDelta = TimeDelta::hours(1);
/// Events of a link that was used.
pub const EVENTS_OF_A_USED_LINK: usize = 4;
/// Streams written by one statement.
const CHUNK: usize = 5_000;
/// The aggregate they are.
const AGGREGATE: &str = "link_request";
const RULE: &str = "instant";
const RULE_SET_VERSION: &str = "bench";

/// Each stream lies in the log in one piece. `$6` is a token id that stands for each stream's own.
const WRITE: &str = "insert into events (log, position, event_id, aggregate, aggregate_id, sequence, \
        event_type, event_version, recorded_at, correlation, payload) \
    select $1, $2 + cardinality($7::text[]) * (s.nth - 1) + e.sequence, gen_random_uuid(), $3, s.id, \
        e.sequence, e.kind, e.version, $4, s.id, replace(e.payload, $6, s.token::text)::jsonb \
    from unnest($5::uuid[], $10::uuid[]) with ordinality s(id, token, nth) \
    cross join unnest($7::text[], $8::text[], $9::text[]) with ordinality \
        e(kind, version, payload, sequence) \
    order by s.nth, e.sequence";
const PROJECT_USED: &str = "insert into link_status (request_id, tier, requested_at, rule, \
        rule_set_version, opens_at, closes_at, token_id, bought_at, sequence) \
    select s.id, $3, $4, $5, $6, $4, $7, s.token, $4, $8 \
    from unnest($1::uuid[], $2::uuid[]) s(id, token)";
const PROJECTED: &str = "insert into checkpoints (projection, log, history, position) \
    select name, log, history, $2 from logs, unnest(array['links', 'link_notices']) name \
    where log = $1 \
    on conflict (projection) do update set position = excluded.position";
const RELAYED: &str = "insert into relay_cursors (log, position) values ($1, $2) \
    on conflict (log) do update set position = excluded.position";

/// A stream of one link.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// Which request.
    pub id: Uuid,
    /// Which token its link carries.
    pub token: Uuid,
}

impl Stream {
    /// One with new ids.
    pub fn new() -> Self {
        Self { id: Uuid::now_v7(), token: Uuid::new_v4() }
    }
}

impl Default for Stream {
    fn default() -> Self {
        Self::new()
    }
}

/// The end of the log and the time of its database.
///
/// # Errors
/// If Postgres does not answer.
pub async fn head(transaction: &Transaction<'_>) -> Result<(i64, DateTime<Utc>)> {
    let text = "select coalesce(max(position), 0), now() from events where log = $1";
    let row = transaction.query_one(text, &[&LINKS_LOG]).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// The events of a guest's link that is open from `now`.
pub fn open_link(now: DateTime<Utc>) -> Vec<LinkRequestEvent> {
    vec![
        LinkRequestEvent::Requested {
            requester: Requester::Guest,
            tier: Tier::Default,
            requested_at: now,
        },
        LinkRequestEvent::RuleEvaluated {
            rule: RULE.to_owned(),
            rule_set_version: RULE_SET_VERSION.to_owned(),
            outcome: Outcome::Opens { opens_at: now, closes_at: now + OPEN },
        },
        LinkRequestEvent::LinkIssued { token_id: TokenId(Uuid::nil()) },
    ]
}

/// Writes these events of each stream behind `head`; answers the new head.
///
/// # Errors
/// If Postgres refuses one.
pub async fn write(
    transaction: &Transaction<'_>,
    (mut head, now): (i64, DateTime<Utc>),
    events: &[LinkRequestEvent],
    streams: &[Stream],
) -> Result<i64> {
    let kinds: Vec<_> = events.iter().map(DomainEvent::event_type).collect();
    let versions: Vec<_> = events.iter().map(DomainEvent::event_version).collect();
    let payloads = events.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    let any_token = Uuid::nil().to_string();
    let statement = transaction.prepare(WRITE).await?;
    for chunk in streams.chunks(CHUNK) {
        let (ids, tokens) = columns(chunk);
        let written = transaction
            .execute(
                &statement,
                &[
                    &LINKS_LOG, &head, &AGGREGATE, &now, &ids, &any_token, &kinds, &versions,
                    &payloads, &tokens,
                ],
            )
            .await?;
        let expected = chunk.len() * events.len();
        ensure!(written == u64::try_from(expected)?, "{written} of {expected} events were written");
        head += i64::try_from(expected)?;
    }
    Ok(head)
}

/// Records that everything up to `head` was relayed: nobody has anything left to decide about it.
///
/// # Errors
/// If Postgres refuses it.
pub async fn relayed(transaction: &Transaction<'_>, head: i64) -> Result<()> {
    transaction.execute(RELAYED, &[&LINKS_LOG, &head]).await?;
    Ok(())
}

/// Adds links of guests that were used until the log holds `count` events, whole streams only;
/// relayed and projected.
///
/// # Errors
/// If Postgres refuses anything.
pub async fn fill_with_used_links(database: &mut Client, count: usize) -> Result<()> {
    let transaction = database.transaction().await?;
    let (before, now) = head(&transaction).await?;
    let missing = count.saturating_sub(usize::try_from(before)?);
    let streams: Vec<_> =
        std::iter::repeat_with(Stream::new).take(missing / EVENTS_OF_A_USED_LINK).collect();
    let mut events = open_link(now);
    events.push(LinkRequestEvent::TicketBought { bought_at: now, requester: None });
    let after = write(&transaction, (before, now), &events, &streams).await?;
    let (tier, closes_at, sequence) =
        (Tier::Default.as_str(), now + OPEN, i64::try_from(events.len())?);
    for chunk in streams.chunks(CHUNK) {
        let (ids, tokens) = columns(chunk);
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
            [&ids, &tokens, &tier, &now, &RULE, &RULE_SET_VERSION, &closes_at, &sequence];
        transaction.execute(PROJECT_USED, &values).await?;
    }
    relayed(&transaction, after).await?;
    transaction.execute(PROJECTED, &[&LINKS_LOG, &after]).await?;
    transaction.commit().await?;
    // Tidied up at once, not while something is measured.
    for tidy in ["vacuum (freeze, analyze) events", "vacuum (freeze, analyze) link_status"] {
        database.batch_execute(tidy).await?;
    }
    Ok(())
}

fn columns(streams: &[Stream]) -> (Vec<Uuid>, Vec<Uuid>) {
    streams.iter().map(|stream| (stream.id, stream.token)).unzip()
}
