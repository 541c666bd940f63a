//! What is offered: the read table of listings, how events make it, and its questions. One listing
//! is read from its stream, so it is never older than its last event; lists are as the projection
//! has them. Titles are joined from the vault. Whether a hold is over is asked of the clock.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use secrecy::ExposeSecret;
use shared_events::{AccountId, Envelope, ListingEvent, ListingId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::listing::Listing;
use crate::platform::event_store::{EventStore, ReadError};
use crate::platform::read_table::{ReadRow, read_table};
use crate::platform::vault::Vault;

/// What a listing's title is called in the vault.
pub const TITLE: &str = "listing_title";

read_table! {
    /// One listing as it stands, without its title.
    pub struct ListingRow of "listings" {
        /// Which listing.
        listing_id: Uuid = "uuid",
        /// Who offers it.
        seller: Uuid = "uuid",
        /// Its title, in the vault.
        title_id: Uuid = "uuid",
        /// Its price in hundredths.
        price_minor: i64 = "bigint",
        /// Of which currency.
        currency: String = "text",
        /// As it was recorded: [`Status::as_str`].
        status: String = "text",
        /// The order that holds it or has it.
        order_id: Option<Uuid> = "uuid",
        /// The end of the hold.
        held_until: Option<DateTime<Utc>> = "timestamptz",
        /// When it was offered.
        listed_at: DateTime<Utc> = "timestamptz",
        /// The sequence of the last event in this row.
        sequence: i64 = "bigint",
        /// Whether the seller has left: after a hold it is not free, but withdrawn.
        seller_left: bool = "boolean",
    }
}

/// Whether a ticket is to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Whoever comes first gets it.
    Free,
    /// An order holds it for a while.
    Held,
    /// An order has it.
    Sold,
    /// It is no longer offered.
    Withdrawn,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Free, Self::Held, Self::Sold, Self::Withdrawn];

    /// The name on the wire and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Held => "held",
            Self::Sold => "sold",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a status is one of free, held, sold, withdrawn")]
pub struct UnknownStatus;

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(UnknownStatus)
    }
}

impl ListingRow {
    /// Whether the ticket is to be had at this moment.
    pub fn status_at(&self, now: DateTime<Utc>) -> Status {
        match self.status.parse().unwrap_or(Status::Withdrawn) {
            Status::Held if self.held_until.is_none_or(|until| now >= until) => {
                if self.seller_left { Status::Withdrawn } else { Status::Free }
            }
            status => status,
        }
    }
}

/// The row after one more event.
pub fn project(mut row: ListingRow, event: &Envelope<ListingEvent>) -> ListingRow {
    row.listing_id = event.aggregate_id;
    row.sequence = event.sequence;
    let status = match &event.payload {
        ListingEvent::Listed { seller, title, price } => {
            row.seller = seller.0;
            row.title_id = title.0;
            row.price_minor = price.price_minor;
            row.currency = price.currency.to_string();
            row.listed_at = event.recorded_at;
            Status::Free
        }
        ListingEvent::Edited { title, price } => {
            row.title_id = title.0;
            row.price_minor = price.price_minor;
            row.currency = price.currency.to_string();
            return row;
        }
        ListingEvent::Reserved { order, until } => {
            row.order_id = Some(order.0);
            row.held_until = Some(*until);
            Status::Held
        }
        ListingEvent::Released { .. } => {
            row.order_id = None;
            row.held_until = None;
            Status::Free
        }
        ListingEvent::Sold { order } => {
            row.order_id = Some(order.0);
            row.held_until = None;
            Status::Sold
        }
        ListingEvent::Withdrawn => Status::Withdrawn,
        ListingEvent::SellerLeft => {
            row.seller_left = true;
            return row;
        }
    };
    row.status = status.to_string();
    row
}

/// A listing with its title.
#[derive(Clone, Debug)]
pub struct Found {
    /// The listing.
    pub row: ListingRow,
    /// Its title; empty if it was erased.
    pub title: String,
}

/// Which listings a list has.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those that are in this state at the moment.
    pub status: Option<Status>,
    /// Only those with this text in their title, whatever its case.
    pub text: Option<String>,
    /// Only those of this account.
    pub seller: Option<AccountId>,
}

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Oldest first.
    #[default]
    Oldest,
    /// Newest first.
    Newest,
    /// Cheapest first, then oldest.
    Cheapest,
    /// Dearest first, then newest.
    Dearest,
}

impl Sort {
    /// What follows a place in the list, and what the list is ordered by.
    fn sql(self) -> (&'static str, &'static str) {
        match self {
            Self::Oldest => ("listing_id > $5", "listing_id"),
            Self::Newest => ("listing_id < $5", "listing_id desc"),
            Self::Cheapest => ("(price_minor, listing_id) > ($4, $5)", "price_minor, listing_id"),
            Self::Dearest => {
                ("(price_minor, listing_id) < ($4, $5)", "price_minor desc, listing_id desc")
            }
        }
    }
}

/// A place in a sorted list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    price: i64,
    id: Uuid,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.price, self.id)
    }
}

impl Key {
    /// The place of a listing.
    pub fn of(row: &ListingRow) -> Self {
        Self { price: row.price_minor, id: row.listing_id }
    }

    /// Reads what was written.
    pub fn parse(text: &str) -> Option<Self> {
        let (price, id) = text.split_once('/')?;
        Some(Self { price: price.parse().ok()?, id: Uuid::parse_str(id).ok()? })
    }
}

/// Reads listings; cheap to clone.
#[derive(Clone)]
pub struct Listings {
    store: EventStore,
    vault: Vault,
}

impl Listings {
    /// Reads from the store's database.
    pub fn new(store: EventStore) -> Self {
        let vault = Vault::new(store.database().clone());
        Self { store, vault }
    }

    /// One listing, as current as its last event; `None` if there is none.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer or an event can not be read.
    pub async fn find(&self, id: ListingId) -> Result<Option<Found>, ReadError> {
        let events = self.store.stream(Listing::TYPE, id.0).await?;
        if events.is_empty() {
            return Ok(None);
        }
        let row = events.iter().fold(ListingRow::default(), project);
        let mut titles = self.vault.find(&[row.title_id], TITLE).await?;
        let title = titles.remove(&row.title_id).map(|title| title.expose_secret().to_owned());
        Ok(Some(Found { row, title: title.unwrap_or_default() }))
    }

    /// The listings that a filter matches, as the projection has them.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn list(
        &self,
        filter: &Filter,
        sort: Sort,
        after: Option<Key>,
        limit: i64,
        now: DateTime<Utc>,
    ) -> Result<Vec<Found>, ReadError> {
        let (follows, order) = sort.sql();
        // A statement for each shape, because a prepared one has one plan. What its seller has left
        // behind is in none from the end of its hold until that is recorded.
        let status = match filter.status {
            None => "$1::timestamptz is not null",
            Some(Status::Free) => {
                "(status = 'free' or status = 'held' and held_until <= $1 and not seller_left)"
            }
            Some(Status::Held) => "status = 'held' and held_until > $1",
            Some(Status::Sold) => "status = 'sold' and $1::timestamptz is not null",
            Some(Status::Withdrawn) => "status = 'withdrawn' and $1::timestamptz is not null",
        };
        let seller = if filter.seller.is_some() { "seller = $2" } else { "$2::uuid is null" };
        let from = if after.is_some() { follows } else { "$5::uuid is null" };
        let titles = match &filter.text {
            Some(text) => self.vault.rare(TITLE, text).await?,
            None => None,
        };
        let titled = if titles.is_some() { "title_id = any($7)" } else { "$7::uuid[] is null" };
        let text = format!(
            "select {}, coalesce(v.value, '') from listings l \
             left join vault v on v.id = l.title_id and v.name = '{TITLE}' \
             where {status} and {seller} and {from} and {titled} and coalesce($4::bigint, 0) is not null \
               and ($3::text is null or position(lower($3) in lower(v.value)) > 0) \
             order by {order} limit $6",
            ListingRow::names()
        );
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(&text).await?;
        let seller = filter.seller.map(|seller| seller.0);
        let (price, id) = (after.map(|key| key.price), after.map(|key| key.id));
        let parameters: [&(dyn ToSql + Sync); 7] =
            [&now, &seller, &filter.text, &price, &id, &limit, &titles];
        let rows = client.query(&statement, &parameters).await?;
        let read = |row: &Row| {
            let title = row.try_get(ListingRow::COLUMNS.len())?;
            Ok(Found { row: ListingRow::read(row, 0)?, title })
        };
        Ok(rows.iter().map(read).collect::<Result<_, tokio_postgres::Error>>()?)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_held_ticket_is_free_from_the_end_of_its_hold_on_unless_its_seller_has_left() {
        let until = DateTime::UNIX_EPOCH + TimeDelta::minutes(15);
        for (seller_left, after) in [(false, Status::Free), (true, Status::Withdrawn)] {
            let (status, held_until) = (Status::Held.to_string(), Some(until));
            let row = ListingRow { status, held_until, seller_left, ..ListingRow::default() };
            assert_eq!(row.status_at(until - TimeDelta::microseconds(1)), Status::Held);
            assert_eq!(row.status_at(until), after);
        }
    }

    #[test]
    fn a_place_in_a_list_reads_back() {
        let key = Key { price: 1_999, id: Uuid::from_u128(7) };
        assert_eq!(Key::parse(&key.to_string()), Some(key));
        for bad in ["", "/", "1", "x/y", "1/2"] {
            assert_eq!(Key::parse(bad), None, "{bad}");
        }
    }
}
