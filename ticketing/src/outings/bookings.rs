//! Who wants to come along: the read table of bookings, how the events of announcements make it,
//! and its questions. What one booking has come to is read from its announcement's stream; here
//! stands which announcement that is.

use chrono::{DateTime, Utc};
use deadpool_postgres::Transaction;
use shared_events::{AccountId, AnnouncementEvent, AnnouncementId, BookingId, Envelope, FilmId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::platform::event_store::{EventStore, ReadError};

/// Writes what an event of an announcement makes of its bookings.
///
/// # Errors
/// If Postgres does not answer.
pub async fn project(
    transaction: &Transaction<'_>,
    event: &Envelope<AnnouncementEvent>,
) -> Result<(), tokio_postgres::Error> {
    let (booking, change) = match &event.payload {
        AnnouncementEvent::Applied { booking, guest } => {
            let text = "insert into bookings (booking_id, announcement_id, host, guest, guest_says, \
                            clashes) \
                        select $1, announcement_id, host, $3, true, false from announcements \
                        where announcement_id = $2";
            let statement = transaction.prepare_cached(text).await?;
            transaction.execute(&statement, &[&booking.0, &event.aggregate_id, &guest.0]).await?;
            return Ok(());
        }
        AnnouncementEvent::Removed { booking } => {
            let text = "delete from bookings where booking_id = $1";
            let statement = transaction.prepare_cached(text).await?;
            transaction.execute(&statement, &[&booking.0]).await?;
            return Ok(());
        }
        AnnouncementEvent::Accepted { booking } => (booking, "host_says = true, clashes = false"),
        AnnouncementEvent::Declined { booking } => (booking, "host_says = false, clashes = false"),
        AnnouncementEvent::Confirmed { booking } => (booking, "guest_says = true, clashes = false"),
        AnnouncementEvent::Withdrawn { booking } => {
            (booking, "guest_says = false, clashes = false")
        }
        AnnouncementEvent::ClashFound { booking } => (booking, "clashes = true"),
        AnnouncementEvent::ClashCleared { booking } => (booking, "clashes = false"),
        _ => return Ok(()),
    };
    let text = format!("update bookings set {change} where booking_id = $1");
    let statement = transaction.prepare_cached(&text).await?;
    transaction.execute(&statement, &[&booking.0]).await?;
    Ok(())
}

/// A booking of a list.
#[derive(Clone, Copy, Debug)]
pub struct BookingRow {
    /// Which booking.
    pub booking: BookingId,
    /// Of which announcement.
    pub announcement: AnnouncementId,
    /// Whose announcement.
    pub host: AccountId,
    /// Whose booking.
    pub guest: AccountId,
    /// Whether the host takes the guest along; `None` while the host has not said. What was called
    /// off takes nobody along.
    pub host_says: Option<bool>,
    /// Whether the guest wants to come.
    pub guest_says: bool,
    /// The guest is elsewhere at that time, since the outing was moved.
    pub clashes: bool,
    /// When the outing begins.
    pub starts_at: DateTime<Utc>,
}

/// Whose bookings a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mine {
    /// Those that this account made.
    AsGuest(AccountId),
    /// Those of this account's announcements.
    AsHost(AccountId),
}

/// Which bookings a list has.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    /// Whose.
    pub mine: Mine,
    /// Only of this announcement.
    pub announcement: Option<AnnouncementId>,
    /// Only to this film.
    pub film: Option<FilmId>,
    /// Only to outings that begin in this time; the end is not part of it.
    pub starts: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// Reads bookings; cheap to clone.
#[derive(Clone)]
pub struct Bookings {
    store: EventStore,
}

impl Bookings {
    /// Reads from the store's database.
    pub fn new(store: EventStore) -> Self {
        Self { store }
    }

    /// Of which announcement a booking is, and whose; `None` if the projection knows none.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn announcement_of(
        &self,
        id: BookingId,
    ) -> Result<Option<(AnnouncementId, AccountId)>, ReadError> {
        let client = self.store.database().get().await?;
        let text = "select announcement_id, guest from bookings where booking_id = $1";
        let statement = client.prepare_cached(text).await?;
        let row = client.query_opt(&statement, &[&id.0]).await?;
        let read = |row: Row| Ok((AnnouncementId(row.try_get(0)?), AccountId(row.try_get(1)?)));
        Ok(row.map(read).transpose().map_err(|error: tokio_postgres::Error| error)?)
    }

    /// What this guest has applied for that has not begun, whatever has become of it, as the
    /// projection has it. What was called off takes nobody along.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn to_come_of(
        &self,
        guest: AccountId,
        now: DateTime<Utc>,
    ) -> Result<Vec<AnnouncementId>, ReadError> {
        let client = self.store.database().get().await?;
        let text = "select b.announcement_id from bookings b \
                    join announcements a using (announcement_id) \
                    where b.guest = $1 and a.starts_at > $2 and a.stage <> 'cancelled'";
        let statement = client.prepare_cached(text).await?;
        let rows = client.query(&statement, &[&guest.0, &now]).await?;
        let read = |row: &Row| Ok(AnnouncementId(row.try_get(0)?));
        Ok(rows.iter().map(read).collect::<Result<_, tokio_postgres::Error>>()?)
    }

    /// The bookings that a filter matches, oldest first, as the projection has them.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn list(
        &self,
        filter: &Filter,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<BookingRow>, ReadError> {
        let (whose, account) = match filter.mine {
            Mine::AsGuest(account) => ("b.guest", account),
            Mine::AsHost(account) => ("b.host", account),
        };
        let text = format!(
            "select b.booking_id, b.announcement_id, b.host, b.guest, \
                 case when a.stage = 'cancelled' then false else b.host_says end, b.guest_says, \
                 b.clashes, a.starts_at \
             from bookings b join announcements a using (announcement_id) \
             where {whose} = $1 and b.booking_id > $2 and ($4::uuid is null or a.film_id = $4) \
                 and ($5::timestamptz is null or a.starts_at >= $5 and a.starts_at < $6) \
                 and ($7::uuid is null or b.announcement_id = $7) \
             order by b.booking_id limit $3"
        );
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(&text).await?;
        let (film, after) = (filter.film.map(|film| film.0), after.unwrap_or(Uuid::nil()));
        let (from, until) = filter.starts.unzip();
        let announcement = filter.announcement.map(|announcement| announcement.0);
        let parameters: [&(dyn ToSql + Sync); 7] =
            [&account.0, &after, &limit, &film, &from, &until, &announcement];
        let rows = client.query(&statement, &parameters).await?;
        let read = |row: &Row| {
            Ok(BookingRow {
                booking: BookingId(row.try_get(0)?),
                announcement: AnnouncementId(row.try_get(1)?),
                host: AccountId(row.try_get(2)?),
                guest: AccountId(row.try_get(3)?),
                host_says: row.try_get(4)?,
                guest_says: row.try_get(5)?,
                clashes: row.try_get(6)?,
                starts_at: row.try_get(7)?,
            })
        };
        Ok(rows.iter().map(read).collect::<Result<_, tokio_postgres::Error>>()?)
    }
}
