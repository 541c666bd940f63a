//! What is there of the venues: their events with all that a checker asks of them, and how far the
//! read tables have come.

use anyhow::Result;
use chrono::{DateTime, Utc};
use shared_events::topology::VENUES_LOG;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

/// A stored event of the venues; what it does not tell is nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VenuesEvent {
    /// Its place in the log.
    pub position: i64,
    /// What it belongs to, such as `seat`; ids of different ones may be the same.
    pub aggregate: String,
    /// Which one.
    pub stream: Uuid,
    /// Its place in that stream.
    pub sequence: i64,
    /// Its type, such as `Held`.
    pub kind: String,
    /// When it was decided.
    pub recorded_at: DateTime<Utc>,
    /// The hold it names.
    pub hold: Option<Uuid>,
    /// The purchase it names.
    pub purchase: Option<Uuid>,
    /// The end of a hold.
    pub until: Option<DateTime<Utc>>,
    /// Who holds or buys.
    pub buyer: Option<Uuid>,
    /// From which wallet a purchase is paid.
    pub wallet: Option<Uuid>,
    /// A price or a posting, in hundredths.
    pub amount: Option<i64>,
    /// What has less after a posting.
    pub from: Option<String>,
    /// What has more.
    pub to: Option<String>,
    /// Why money moves.
    pub cause: Option<String>,
    /// The tickets it is about.
    pub tickets: Vec<Uuid>,
}

/// A row of a read table of the venues.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VenuesRow {
    /// What it tells of, as in [`VenuesEvent`].
    pub aggregate: String,
    /// Which one.
    pub stream: Uuid,
    /// The sequence of the last event that was applied.
    pub sequence: i64,
}

pub(super) async fn events(sql: &Client) -> Result<Vec<VenuesEvent>> {
    let text = "select position, aggregate, aggregate_id, sequence, event_type, recorded_at, \
        (payload->>'hold_id')::uuid, (payload->>'purchase_id')::uuid, \
        (payload->>'until')::timestamptz, (payload->>'buyer_id')::uuid, \
        (payload->>'wallet_id')::uuid, \
        coalesce(payload->>'amount_minor', payload->>'price_minor')::bigint, \
        payload->>'from', payload->>'to', payload->>'cause', \
        array(select coalesce(t->>'ticket_id', t #>> '{}')::uuid \
            from jsonb_array_elements(coalesce(payload->'tickets', '[]')) t) \
        from events where log = $1 order by position";
    sql.query(text, &[&VENUES_LOG]).await?.iter().map(event).collect()
}

fn event(row: &Row) -> Result<VenuesEvent> {
    Ok(VenuesEvent {
        position: row.try_get(0)?,
        aggregate: row.try_get(1)?,
        stream: row.try_get(2)?,
        sequence: row.try_get(3)?,
        kind: row.try_get(4)?,
        recorded_at: row.try_get(5)?,
        hold: row.try_get(6)?,
        purchase: row.try_get(7)?,
        until: row.try_get(8)?,
        buyer: row.try_get(9)?,
        wallet: row.try_get(10)?,
        amount: row.try_get(11)?,
        from: row.try_get(12)?,
        to: row.try_get(13)?,
        cause: row.try_get(14)?,
        tickets: row.try_get(15)?,
    })
}

/// All rows that tell of a stream; a ticket that nobody ever held has none.
pub(super) async fn rows(sql: &Client) -> Result<Vec<VenuesRow>> {
    let text = "select 'seat', ticket_id, sequence from tickets where sequence > 0 \
        union all select 'wallet', wallet_id, sequence from wallets \
        union all select 'purchase', purchase_id, sequence from purchases \
        union all select 'fixture', fixture_id, sequence from fixtures \
        union all select 'stadium', stadium_id, sequence from stadiums \
        union all select 'tariff', tariff_id, sequence from tariffs";
    let row = |row: &Row| {
        let (aggregate, stream) = (row.try_get(0)?, row.try_get(1)?);
        Ok(VenuesRow { aggregate, stream, sequence: row.try_get(2)? })
    };
    sql.query(text, &[]).await?.iter().map(row).collect()
}
