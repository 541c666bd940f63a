//! Which seats stadiums have: the read table, how events make it (a plan of many thousand seats in
//! one statement), and its questions.

use deadpool_postgres::Transaction;
use shared_events::{Envelope, Place, SeatId, StadiumEvent, StadiumId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::place_key::PlaceKey;
use super::stadium::Stadium;
use crate::platform::event_store::{EventStore, Loaded, ReadError};

/// Rows that one statement writes: on a slow machine too it stays well within the time that a
/// statement of the service may take.
pub(super) const MOST_ROWS: usize = 10_000;

/// A seat of a stadium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatRow {
    /// Which seat.
    pub seat: SeatId,
    /// Of which stadium.
    pub stadium: StadiumId,
    /// Where it is.
    pub place: Place,
}

impl SeatRow {
    /// The seat as its stadium has it, wherever it was before; `None` if it has it no more.
    pub fn now(&self, stadium: &Stadium) -> Option<Self> {
        let place = stadium.seating()?.place_of(self.stadium, self.seat, &self.place)?;
        Some(Self { place, ..self.clone() })
    }
}

/// Postgres has no unsigned numbers; rows and seats are far smaller.
pub(super) fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The place in three columns that begin at `first`.
pub(super) fn place(row: &Row, first: usize) -> Result<Place, tokio_postgres::Error> {
    let unsigned = |number: i32| u32::try_from(number).unwrap_or_default();
    Ok(Place {
        section: row.try_get(first)?,
        row: unsigned(row.try_get(first + 1)?),
        number: unsigned(row.try_get(first + 2)?),
    })
}

/// Writes what an event of a stadium makes of its seats.
///
/// # Errors
/// If Postgres does not answer.
pub async fn project(
    transaction: &Transaction<'_>,
    event: &Envelope<StadiumEvent>,
) -> Result<(), tokio_postgres::Error> {
    let stadium = StadiumId(event.aggregate_id);
    match &event.payload {
        StadiumEvent::SeatsPlanned { sections } => {
            let places = sections.iter().flat_map(|section| section.places());
            let seats = places.map(|place| (SeatId::of(stadium, &place), place));
            insert(transaction, stadium, seats.collect()).await
        }
        StadiumEvent::SeatAdded { seat, place } => {
            insert(transaction, stadium, vec![(*seat, place.clone())]).await
        }
        StadiumEvent::SeatMoved { seat, to, .. } => {
            let text = "update stadium_seats set section = $2, row_number = $3, seat_number = $4 \
                        where seat_id = $1";
            let statement = transaction.prepare_cached(text).await?;
            let (row, seat_number) = (number(to.row), number(to.number));
            transaction.execute(&statement, &[&seat.0, &to.section, &row, &seat_number]).await?;
            Ok(())
        }
        StadiumEvent::SeatRemoved { seat, .. } => {
            let text = "delete from stadium_seats where seat_id = $1";
            let statement = transaction.prepare_cached(text).await?;
            transaction.execute(&statement, &[&seat.0]).await?;
            Ok(())
        }
        StadiumEvent::Closed => {
            let text = "delete from stadium_seats where stadium_id = $1";
            let statement = transaction.prepare_cached(text).await?;
            transaction.execute(&statement, &[&stadium.0]).await?;
            Ok(())
        }
        StadiumEvent::Defined { .. }
        | StadiumEvent::Described { .. }
        | StadiumEvent::Booked { .. }
        | StadiumEvent::Unbooked { .. } => Ok(()),
    }
}

async fn insert(
    transaction: &Transaction<'_>,
    stadium: StadiumId,
    seats: Vec<(SeatId, Place)>,
) -> Result<(), tokio_postgres::Error> {
    let text = "insert into stadium_seats (seat_id, stadium_id, section, row_number, seat_number) \
                select s.id, $1, s.section, s.in_row, s.number \
                from unnest($2::uuid[], $3::text[], $4::int[], $5::int[]) \
                    s(id, section, in_row, number)";
    let statement = transaction.prepare_cached(text).await?;
    for seats in seats.chunks(MOST_ROWS) {
        let ids: Vec<Uuid> = seats.iter().map(|(seat, _)| seat.0).collect();
        let sections: Vec<&str> = seats.iter().map(|(_, place)| place.section.as_str()).collect();
        let rows: Vec<i32> = seats.iter().map(|(_, place)| number(place.row)).collect();
        let numbers: Vec<i32> = seats.iter().map(|(_, place)| number(place.number)).collect();
        transaction.execute(&statement, &[&stadium.0, &ids, &sections, &rows, &numbers]).await?;
    }
    Ok(())
}

/// Reads seats of stadiums; cheap to clone.
#[derive(Clone)]
pub struct StadiumSeats {
    store: EventStore,
}

const COLUMNS: &str = "select seat_id, stadium_id, section, row_number, seat_number";

fn seat(row: &Row) -> Result<SeatRow, tokio_postgres::Error> {
    let (seat, stadium) = (SeatId(row.try_get(0)?), StadiumId(row.try_get(1)?));
    Ok(SeatRow { seat, stadium, place: place(row, 2)? })
}

impl StadiumSeats {
    /// Reads from the store's database.
    pub fn new(store: EventStore) -> Self {
        Self { store }
    }

    /// Some seats, as the projection has them; those that are not there are left out.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn find(&self, ids: &[SeatId]) -> Result<Vec<SeatRow>, ReadError> {
        let client = self.store.database().get().await?;
        let text = format!("{COLUMNS} from stadium_seats where seat_id = any($1)");
        let statement = client.prepare_cached(&text).await?;
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows = client.query(&statement, &[&ids]).await?;
        Ok(rows.iter().map(seat).collect::<Result<_, _>>()?)
    }

    /// A seat and the sequence of its stadium, as current as the stadium's last event; `None` if it
    /// is no more.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer or an event can not be read.
    pub async fn now(&self, seat: &SeatRow) -> Result<Option<(SeatRow, i64)>, ReadError> {
        let loaded: Loaded<Stadium> = self.store.load(seat.stadium.0).await?;
        Ok(seat.now(&loaded.state).map(|seat| (seat, loaded.sequence)))
    }

    /// Seats by stadium, section, row and number, as the projection has them.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn list(
        &self,
        stadium: Option<StadiumId>,
        after: Option<&PlaceKey>,
        limit: i64,
    ) -> Result<Vec<SeatRow>, ReadError> {
        // A statement for each shape, because a prepared one has one plan.
        let whose = if stadium.is_some() { "stadium_id = $1" } else { "$1::uuid is null" };
        let from = if after.is_some() {
            "(stadium_id, section, row_number, seat_number, seat_id) > ($2, $3, $4, $5, $6)"
        } else {
            "coalesce($2::uuid, $6::uuid) is null and coalesce($4::int, $5::int) is null \
             and $3::text is null"
        };
        let text = format!(
            "{COLUMNS} from stadium_seats where {whose} and {from} \
             order by stadium_id, section, row_number, seat_number, seat_id limit $7"
        );
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(&text).await?;
        let stadium = stadium.map(|stadium| stadium.0);
        let key = after.map(PlaceKey::columns).unwrap_or_default();
        let (group, section, row, number, id) = key;
        let parameters: [&(dyn ToSql + Sync); 7] =
            [&stadium, &group, &section, &row, &number, &id, &limit];
        let rows = client.query(&statement, &parameters).await?;
        Ok(rows.iter().map(seat).collect::<Result<_, _>>()?)
    }
}
