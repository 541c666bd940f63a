//! What is there of the outings: their events with all that a checker asks of them, what the read
//! tables make of them, and what people are told.

use anyhow::Result;
use chrono::{DateTime, Utc};
use shared_events::topology::OUTINGS_LOG;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::Progress;

/// Everything of the outings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outings {
    /// Their log, in its order.
    pub events: Vec<OutingsEvent>,
    /// How far it is.
    pub progress: Progress,
    /// The read table of announcements.
    pub announcements: Vec<AnnouncementRow>,
    /// The read table of bookings.
    pub bookings: Vec<BookingRow>,
    /// Whom they tell of what.
    pub notices: Vec<Told>,
}

/// A stored event of the outings; what it does not tell is nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutingsEvent {
    /// Its place in the log.
    pub position: i64,
    /// Its id.
    pub id: Uuid,
    /// What it belongs to: `announcement`, `engagements` or `rating`.
    pub aggregate: String,
    /// Which one.
    pub stream: Uuid,
    /// Its place in that stream.
    pub sequence: i64,
    /// Its type, such as `Applied`.
    pub kind: String,
    /// The booking it is about.
    pub booking: Option<Uuid>,
    /// The host who announces, or the guest who applies.
    pub person: Option<Uuid>,
    /// For which outing time is taken, waited for or free again.
    pub outing: Option<Uuid>,
    /// How many guests there can be.
    pub places: Option<i64>,
    /// The first instant of an outing, or of the time that is taken for it.
    pub starts_at: Option<DateTime<Utc>>,
    /// When that is over.
    pub ends_at: Option<DateTime<Utc>>,
}

/// A row of the read table of announcements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnnouncementRow {
    /// Which one.
    pub id: Uuid,
    /// The sequence of the last event that was applied.
    pub sequence: i64,
    /// How many places are taken.
    pub taken: i64,
}

/// A row of the read table of bookings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BookingRow {
    /// Which one.
    pub id: Uuid,
    /// Of which announcement.
    pub announcement: Uuid,
    /// Whose.
    pub guest: Uuid,
    /// Whether the guest wants to come.
    pub guest_says: bool,
    /// Whether the host takes the guest along.
    pub host_says: Option<bool>,
    /// Whether the guest is elsewhere at that time.
    pub clashes: bool,
}

/// That somebody is told of something.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    /// Because of which event.
    pub cause: Uuid,
    /// Who.
    pub person: Uuid,
    /// Of what, such as `booking_applied`.
    pub kind: String,
}

pub(super) async fn collect(sql: &Client) -> Result<Outings> {
    Ok(Outings {
        events: events(sql).await?,
        progress: super::progress(sql, OUTINGS_LOG).await?,
        announcements: announcements(sql).await?,
        bookings: bookings(sql).await?,
        notices: notices(sql).await?,
    })
}

async fn events(sql: &Client) -> Result<Vec<OutingsEvent>> {
    let text = "select position, event_id, aggregate, aggregate_id, sequence, event_type, \
        (payload->>'booking_id')::uuid, \
        coalesce(payload->>'host_id', payload->>'guest_id')::uuid, \
        (payload->>'announcement_id')::uuid, (payload->>'places')::bigint, \
        (payload->>'starts_at')::timestamptz, \
        coalesce((payload->>'ends_at')::timestamptz, (payload->>'starts_at')::timestamptz \
            + make_interval(mins => (payload->>'duration_minutes')::int)) \
        from events where log = $1 order by position";
    let event = |row: &Row| {
        Ok(OutingsEvent {
            position: row.try_get(0)?,
            id: row.try_get(1)?,
            aggregate: row.try_get(2)?,
            stream: row.try_get(3)?,
            sequence: row.try_get(4)?,
            kind: row.try_get(5)?,
            booking: row.try_get(6)?,
            person: row.try_get(7)?,
            outing: row.try_get(8)?,
            places: row.try_get(9)?,
            starts_at: row.try_get(10)?,
            ends_at: row.try_get(11)?,
        })
    };
    sql.query(text, &[&OUTINGS_LOG]).await?.iter().map(event).collect()
}

async fn announcements(sql: &Client) -> Result<Vec<AnnouncementRow>> {
    let text = "select announcement_id, sequence, taken::bigint from announcements";
    let row = |row: &Row| {
        let (id, sequence) = (row.try_get(0)?, row.try_get(1)?);
        Ok(AnnouncementRow { id, sequence, taken: row.try_get(2)? })
    };
    sql.query(text, &[]).await?.iter().map(row).collect()
}

async fn bookings(sql: &Client) -> Result<Vec<BookingRow>> {
    let text = "select booking_id, announcement_id, guest, guest_says, host_says, clashes \
        from bookings";
    let row = |row: &Row| {
        Ok(BookingRow {
            id: row.try_get(0)?,
            announcement: row.try_get(1)?,
            guest: row.try_get(2)?,
            guest_says: row.try_get(3)?,
            host_says: row.try_get(4)?,
            clashes: row.try_get(5)?,
        })
    };
    sql.query(text, &[]).await?.iter().map(row).collect()
}

async fn notices(sql: &Client) -> Result<Vec<Told>> {
    let text = "select cause, person, kind from outing_notices";
    let told = |row: &Row| {
        Ok(Told { cause: row.try_get(0)?, person: row.try_get(1)?, kind: row.try_get(2)? })
    };
    sql.query(text, &[]).await?.iter().map(told).collect()
}
