//! Which tickets there are, and whose: the read table, how events make it (any number of seats that
//! are put on sale in one statement), and its questions. Whether a hold is over is asked of the
//! clock.

use chrono::{DateTime, Utc};
use deadpool_postgres::Transaction;
use shared_events::{
    Envelope, FixtureEvent, FixtureId, Place, SeatEvent, SeatId, StadiumId, TariffId, TicketId,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::place_key::PlaceKey;
use super::stadium_seats::{MOST_ROWS, number, place};
use super::ticket_status::TicketStatus;
use crate::platform::event_store::{EventStore, ReadError};

/// A ticket of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRow {
    /// Which ticket.
    pub ticket: TicketId,
    /// Of which match.
    pub fixture: FixtureId,
    /// For which seat.
    pub seat: SeatId,
    /// Where that is.
    pub place: Place,
    /// At which named price.
    pub tariff: TariffId,
    /// How much that is, in hundredths.
    pub price_minor: i64,
    /// Whose it is at the moment that was asked for.
    pub status: TicketStatus,
}

/// Which tickets a list has.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this match.
    pub fixture: Option<FixtureId>,
    /// Only in this section.
    pub section: Option<String>,
    /// Only those in this state at the moment.
    pub status: Option<TicketStatus>,
}

/// Writes what an event of a match makes of its tickets.
///
/// # Errors
/// If Postgres does not answer.
pub async fn project(
    transaction: &Transaction<'_>,
    event: &Envelope<FixtureEvent>,
) -> Result<(), tokio_postgres::Error> {
    let fixture = FixtureId(event.aggregate_id);
    match &event.payload {
        FixtureEvent::SeatsOffered { tariff, price, blocks, seats } => {
            let text = "select stadium_id from fixtures where fixture_id = $1";
            let statement = transaction.prepare_cached(text).await?;
            let row = transaction.query_one(&statement, &[&fixture.0]).await?;
            let stadium = StadiumId(row.try_get(0)?);
            let blocks = blocks.iter().flat_map(|block| {
                let meant =
                    |place: &Place| block.except.binary_search(&(place.row, place.number)).is_err();
                let places = block.plan.places().filter(meant);
                places.map(move |place| (SeatId::of(stadium, &place), place))
            });
            let single = seats.iter().map(|seat| (seat.seat, seat.place.clone()));
            let seats: Vec<_> = blocks.chain(single).collect();
            let text = "insert into tickets (ticket_id, fixture_id, seat_id, section, row_number, \
                            seat_number, tariff_id, price_minor, currency, on_sale, status, \
                            sequence, position) \
                        select s.ticket, $1, s.seat, s.section, s.in_row, s.number, $2, $3, $4, \
                            true, 'empty', 0, 0 \
                        from unnest($5::uuid[], $6::uuid[], $7::text[], $8::int[], $9::int[]) \
                            s(ticket, seat, section, in_row, number) \
                        on conflict (ticket_id) do update set on_sale = true, \
                            section = excluded.section, row_number = excluded.row_number, \
                            seat_number = excluded.seat_number, \
                            tariff_id = excluded.tariff_id, price_minor = excluded.price_minor, \
                            currency = excluded.currency";
            let statement = transaction.prepare_cached(text).await?;
            for seats in seats.chunks(MOST_ROWS) {
                let ticket = |(seat, _): &(SeatId, Place)| TicketId::of(fixture, *seat).0;
                let tickets: Vec<Uuid> = seats.iter().map(ticket).collect();
                let ids: Vec<Uuid> = seats.iter().map(|(seat, _)| seat.0).collect();
                let sections: Vec<&str> = seats.iter().map(|(_, p)| p.section.as_str()).collect();
                let rows: Vec<i32> = seats.iter().map(|(_, place)| number(place.row)).collect();
                let numbers: Vec<i32> = seats.iter().map(|(_, p)| number(p.number)).collect();
                let (minor, currency) = (price.price_minor, price.currency.as_str());
                let parameters: [&(dyn ToSql + Sync); 9] = [
                    &fixture.0, &tariff.0, &minor, &currency, &tickets, &ids, &sections, &rows,
                    &numbers,
                ];
                transaction.execute(&statement, &parameters).await?;
            }
        }
        FixtureEvent::TicketRepriced { ticket, tariff, price, .. } => {
            let text = "update tickets set tariff_id = $2, price_minor = $3, currency = $4 \
                        where ticket_id = $1";
            let statement = transaction.prepare_cached(text).await?;
            let (minor, currency) = (price.price_minor, price.currency.as_str());
            transaction.execute(&statement, &[&ticket.0, &tariff.0, &minor, &currency]).await?;
        }
        FixtureEvent::TicketWithdrawn { ticket, .. } => {
            let text = "update tickets set on_sale = false where ticket_id = $1";
            let statement = transaction.prepare_cached(text).await?;
            transaction.execute(&statement, &[&ticket.0]).await?;
        }
        FixtureEvent::Scheduled { .. }
        | FixtureEvent::Edited { .. }
        | FixtureEvent::Moved { .. }
        | FixtureEvent::Cancelled => {}
    }
    Ok(())
}

/// What seats have become, one column a vector.
#[derive(Default)]
struct Changed {
    tickets: Vec<Uuid>,
    statuses: Vec<&'static str>,
    holds: Vec<Option<Uuid>>,
    holders: Vec<Option<Uuid>>,
    until: Vec<Option<DateTime<Utc>>>,
    purchases: Vec<Option<Uuid>>,
    sequences: Vec<i64>,
    positions: Vec<i64>,
}

/// Writes what events of seats make of their tickets: the last of each says all.
///
/// # Errors
/// If Postgres does not answer.
pub async fn project_seats(
    transaction: &Transaction<'_>,
    events: &[Envelope<SeatEvent>],
) -> Result<(), tokio_postgres::Error> {
    let last: std::collections::BTreeMap<Uuid, &Envelope<SeatEvent>> =
        events.iter().map(|event| (event.aggregate_id, event)).collect();
    if last.is_empty() {
        return Ok(());
    }
    let mut changed = Changed::default();
    for (ticket, event) in last {
        let (status, hold, holder, until, purchase) = match event.payload {
            SeatEvent::Held { hold, buyer, until, .. } => {
                ("reserved", Some(hold.0), Some(buyer.0), Some(until), None)
            }
            SeatEvent::Sold { hold, purchase, buyer } => {
                ("confirmed", Some(hold.0), Some(buyer.0), None, Some(purchase.0))
            }
            SeatEvent::Released { .. } | SeatEvent::Returned { .. } => {
                ("empty", None, None, None, None)
            }
        };
        changed.tickets.push(ticket);
        changed.statuses.push(status);
        changed.holds.push(hold);
        changed.holders.push(holder);
        changed.until.push(until);
        changed.purchases.push(purchase);
        changed.sequences.push(event.sequence);
        changed.positions.push(event.position);
    }
    let text = "update tickets t set status = s.status, hold_id = s.hold, holder = s.holder, \
                    held_until = s.until, purchase_id = s.purchase, sequence = s.sequence, \
                    position = s.position \
                from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::timestamptz[], \
                    $6::uuid[], $7::bigint[], $8::bigint[]) \
                    s(ticket, status, hold, holder, until, purchase, sequence, position) \
                where t.ticket_id = s.ticket";
    let statement = transaction.prepare_cached(text).await?;
    let Changed { tickets, statuses, holds, holders, until, purchases, sequences, positions } =
        &changed;
    let parameters: [&(dyn ToSql + Sync); 8] =
        [tickets, statuses, holds, holders, until, purchases, sequences, positions];
    transaction.execute(&statement, &parameters).await?;
    Ok(())
}

/// Reads tickets; cheap to clone.
#[derive(Clone)]
pub struct Tickets {
    store: EventStore,
}

/// The number of a ticket's state at `$1`.
const STATUS: &str = "case when t.status = 'confirmed' then 3 \
    when not t.on_sale then 2 \
    when t.status = 'reserved' and t.held_until > $1 then 1 \
    when f.cancelled then 2 \
    when f.starts_at <= $1 then 5 else 4 end";

fn ticket(row: &Row) -> Result<TicketRow, tokio_postgres::Error> {
    let status: i32 = row.try_get(8)?;
    let status = u8::try_from(status).ok().and_then(TicketStatus::of);
    Ok(TicketRow {
        ticket: TicketId(row.try_get(0)?),
        fixture: FixtureId(row.try_get(1)?),
        seat: SeatId(row.try_get(2)?),
        place: place(row, 3)?,
        tariff: TariffId(row.try_get(6)?),
        price_minor: row.try_get(7)?,
        status: status.unwrap_or(TicketStatus::Cancelled),
    })
}

impl Tickets {
    /// Reads from the store's database.
    pub fn new(store: EventStore) -> Self {
        Self { store }
    }

    /// Tickets by match, section, row and number, as the projection has them.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn list(
        &self,
        filter: &Filter,
        after: Option<&PlaceKey>,
        limit: i64,
        now: DateTime<Utc>,
    ) -> Result<Vec<TicketRow>, ReadError> {
        let (None, Some(status)) = (filter.fixture, filter.status) else {
            return self.select(filter, after, limit, now).await;
        };
        // Match by match: tickets in one state may be far between, and no statement takes long.
        let mut rows = Vec::new();
        for fixture in self.with_some(status, after.map(|key| key.of), now).await? {
            let left = limit - i64::try_from(rows.len()).unwrap_or(i64::MAX);
            if left <= 0 {
                break;
            }
            let of_match = Filter { fixture: Some(fixture), ..filter.clone() };
            let after = after.filter(|key| key.of == fixture.0);
            rows.extend(self.select(&of_match, after, left, now).await?);
        }
        Ok(rows)
    }

    /// The matches that can have tickets in this state, from `first` on.
    async fn with_some(
        &self,
        status: TicketStatus,
        first: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<Vec<FixtureId>, ReadError> {
        let which = match status {
            TicketStatus::Empty => "not cancelled and starts_at > $1",
            TicketStatus::Expired => "not cancelled and starts_at <= $1",
            TicketStatus::Reserved | TicketStatus::Cancelled | TicketStatus::Confirmed => {
                "$1::timestamptz is not null"
            }
        };
        let text = format!(
            "select fixture_id from fixtures \
             where {which} and ($2::uuid is null or fixture_id >= $2) order by fixture_id"
        );
        let client = self.store.database().get().await?;
        let rows = client.query(&client.prepare_cached(&text).await?, &[&now, &first]).await?;
        let id = |row: &Row| Ok(FixtureId(row.try_get(0)?));
        Ok(rows.iter().map(id).collect::<Result<_, tokio_postgres::Error>>()?)
    }

    async fn select(
        &self,
        filter: &Filter,
        after: Option<&PlaceKey>,
        limit: i64,
        now: DateTime<Utc>,
    ) -> Result<Vec<TicketRow>, ReadError> {
        // A statement for each shape, because a prepared one has one plan.
        let of = if filter.fixture.is_some() { "t.fixture_id = $2" } else { "$2::uuid is null" };
        let within = if filter.section.is_some() { "t.section = $3" } else { "$3::text is null" };
        let from = if after.is_some() {
            "(t.fixture_id, t.section, t.row_number, t.seat_number, t.ticket_id) \
             > ($5, $6, $7, $8, $9)"
        } else {
            "coalesce($5::uuid, $9::uuid) is null and coalesce($7::int, $8::int) is null \
             and $6::text is null"
        };
        // What somebody holds or has is what something has happened to: there is an index of that.
        let known = match filter.status {
            Some(TicketStatus::Reserved | TicketStatus::Confirmed) => "t.sequence > 0",
            _ => "true",
        };
        let text = format!(
            "select t.ticket_id, t.fixture_id, t.seat_id, t.section, t.row_number, t.seat_number, \
                 t.tariff_id, t.price_minor, {STATUS} \
             from tickets t join fixtures f using (fixture_id) \
             where {of} and {within} and {from} and {known} and ($4::int is null or {STATUS} = $4) \
             order by t.fixture_id, t.section, t.row_number, t.seat_number, t.ticket_id limit $10"
        );
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(&text).await?;
        let fixture = filter.fixture.map(|fixture| fixture.0);
        let status = filter.status.map(|status| i32::from(status.number()));
        let (group, section, row, number, id) = after.map(PlaceKey::columns).unwrap_or_default();
        let parameters: [&(dyn ToSql + Sync); 10] = [
            &now,
            &fixture,
            &filter.section,
            &status,
            &group,
            &section,
            &row,
            &number,
            &id,
            &limit,
        ];
        let rows = client.query(&statement, &parameters).await?;
        Ok(rows.iter().map(ticket).collect::<Result<_, _>>()?)
    }

    /// One ticket, as the projection has it; `None` if there is none. For what is not in memory.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn find(
        &self,
        id: TicketId,
        now: DateTime<Utc>,
    ) -> Result<Option<TicketRow>, ReadError> {
        let text = format!(
            "select t.ticket_id, t.fixture_id, t.seat_id, t.section, t.row_number, t.seat_number, \
                 t.tariff_id, t.price_minor, {STATUS} \
             from tickets t join fixtures f using (fixture_id) where t.ticket_id = $2"
        );
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(&text).await?;
        let row = client.query_opt(&statement, &[&now, &id.0]).await?;
        Ok(row.as_ref().map(ticket).transpose()?)
    }
}
