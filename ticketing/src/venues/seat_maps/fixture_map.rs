//! The seats of one match in memory: eight bytes a seat, and more only for those that are held.
//! What its events made of it, what it answers, and when that changes. Pure: who brings the events
//! stands in `seat_maps/follow.rs`.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use shared_events::{
    AccountId, Envelope, FixtureEvent, FixtureId, HoldId, Place, Price, SeatEvent, SeatId, TicketId,
};

use super::OnSale;
use super::answer::{self, RowSeen};
use crate::platform::event_store::Loaded;
use crate::venues::best_available::Row;
use crate::venues::fixture::{Details, Fixture, Terms};
use crate::venues::seat::Seat;
use crate::venues::ticket_status::TicketStatus;

/// One match.
#[derive(Debug)]
pub(super) struct FixtureMap {
    id: FixtureId,
    loaded: Loaded<Fixture>,
    /// The position of the last event of the match or one of its seats.
    position: i64,
    sections: Vec<Arc<str>>,
    rows: Vec<RowOfSeats>,
    /// The rows, best first.
    order: Vec<usize>,
    cells: Vec<Cell>,
    terms: Vec<Terms>,
    /// The ids of seats that do not follow from their places.
    single: HashMap<u32, SeatId>,
    /// Free seats of each section.
    free: Vec<usize>,
    held: HashMap<u32, Hold>,
    /// When the holds end.
    ends: BTreeSet<(DateTime<Utc>, u32)>,
    answered: Mutex<Option<Answer>>,
}

/// Seats beside each other, numbered without a gap.
#[derive(Debug)]
struct RowOfSeats {
    section: usize,
    row: u32,
    first: u32,
    /// Where they begin among the cells.
    start: usize,
    length: usize,
    /// Seats that nobody has or holds, nor held until now.
    free: usize,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    /// Of the seat's last event; 0 if it has none.
    sequence: u32,
    terms: u16,
    /// It is not on sale any more, whatever has become of the seat.
    withdrawn: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Held,
    Sold,
}

#[derive(Clone, Copy, Debug)]
struct Hold {
    hold: HoldId,
    buyer: AccountId,
    until: DateTime<Utc>,
    price: Price,
}

/// A seat map as it is answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The entity tag: the same on every replica for the same map.
    pub etag: String,
    /// JSON.
    pub body: Bytes,
}

/// A seat of the read table, for the start.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownSeat {
    pub(super) ticket: TicketId,
    pub(super) sequence: i64,
    pub(super) position: i64,
    pub(super) seat: Seat,
}

impl Cell {
    fn is_free(&self) -> bool {
        self.state == State::Free && !self.withdrawn
    }
}

impl FixtureMap {
    pub(super) fn new(id: FixtureId) -> Self {
        Self {
            id,
            loaded: Loaded { state: Fixture::Absent, sequence: 0 },
            position: 0,
            sections: Vec::new(),
            rows: Vec::new(),
            order: Vec::new(),
            cells: Vec::new(),
            terms: Vec::new(),
            single: HashMap::new(),
            free: Vec::new(),
            held: HashMap::new(),
            ends: BTreeSet::new(),
            answered: Mutex::default(),
        }
    }

    pub(super) fn id(&self) -> FixtureId {
        self.id
    }

    pub(super) fn loaded(&self) -> &Loaded<Fixture> {
        &self.loaded
    }

    fn details(&self) -> Option<&Details> {
        self.loaded.state.details()
    }

    /// Whether it was over at this moment.
    pub(super) fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.details().is_some_and(|details| details.ends_at <= now)
    }

    /// Takes in an event of the match; one that was taken in before changes nothing. Returns the
    /// tickets that are new, with their places among the cells. `find` knows those that are not.
    pub(super) fn apply(
        &mut self,
        event: &Envelope<FixtureEvent>,
        find: impl Fn(TicketId) -> Option<u32>,
    ) -> Vec<(TicketId, u32)> {
        if event.sequence <= self.loaded.sequence {
            return Vec::new();
        }
        self.loaded.state.apply(event.payload.clone());
        self.loaded.sequence = event.sequence;
        self.position = self.position.max(event.position);
        match &event.payload {
            FixtureEvent::SeatsOffered { tariff, price, blocks, seats } => {
                let terms = self.terms_number(Terms { tariff: *tariff, price: *price });
                let in_blocks = blocks.iter().flat_map(|block| {
                    let meant = |place: &Place| {
                        block.except.binary_search(&(place.row, place.number)).is_err()
                    };
                    block.plan.places().filter(meant).map(|place| (place, None))
                });
                let singly = seats.iter().map(|seat| (seat.place.clone(), Some(seat.seat)));
                self.offer(in_blocks.chain(singly).collect(), terms, find)
            }
            FixtureEvent::TicketRepriced { ticket, tariff, price, .. } => {
                let number = self.terms_number(Terms { tariff: *tariff, price: *price });
                if let Some(index) = find(*ticket) {
                    self.change(index, |cell| cell.terms = number);
                }
                Vec::new()
            }
            FixtureEvent::TicketWithdrawn { ticket, .. } => {
                if let Some(index) = find(*ticket) {
                    self.change(index, |cell| cell.withdrawn = true);
                }
                Vec::new()
            }
            FixtureEvent::Scheduled { .. }
            | FixtureEvent::Edited { .. }
            | FixtureEvent::Moved { .. }
            | FixtureEvent::Cancelled => Vec::new(),
        }
    }

    fn offer(
        &mut self,
        places: Vec<(Place, Option<SeatId>)>,
        terms: u16,
        find: impl Fn(TicketId) -> Option<u32>,
    ) -> Vec<(TicketId, u32)> {
        let Some(stadium) = self.details().map(|details| details.stadium) else {
            return Vec::new();
        };
        let mut new = Vec::with_capacity(places.len());
        for (place, single) in places {
            let seat = single.unwrap_or_else(|| SeatId::of(stadium, &place));
            let ticket = TicketId::of(self.id, seat);
            let known = find(ticket);
            if let Some(index) = known.filter(|index| self.place(*index).as_ref() == Some(&place)) {
                self.change(index, |cell| (cell.terms, cell.withdrawn) = (terms, false));
                continue;
            }
            let Ok(index) = u32::try_from(self.cells.len()) else { break };
            let fresh = Cell { sequence: 0, terms, withdrawn: false, state: State::Free };
            // A seat that was moved since it was on sale: where it was there is none any more.
            let cell = known.and_then(|known| self.leave(known)).unwrap_or(fresh);
            self.put(&place);
            let nobody = Cell { withdrawn: true, ..cell };
            self.cells.push(nobody);
            self.change(index, |cell| (cell.terms, cell.withdrawn) = (terms, false));
            if let Some(hold) = known.and_then(|known| self.no_longer_held(known)) {
                self.ends.insert((hold.until, index));
                self.held.insert(index, hold);
            }
            if let Some(seat) = single {
                self.single.insert(index, seat);
            }
            new.push((ticket, index));
        }
        self.order = (0..self.rows.len()).collect();
        let rows = &self.rows;
        self.order.sort_by_key(|row| rows.get(*row).map(|row| (row.section, row.row, row.first)));
        new
    }

    /// Takes a seat from its cell, which stays empty; what was in it.
    fn leave(&mut self, index: u32) -> Option<Cell> {
        let left = self.cells.get(index as usize).copied()?;
        self.change(index, |cell| (cell.withdrawn, cell.state) = (true, State::Free));
        Some(left)
    }

    /// Makes room for one more seat: in the last row, if it goes on there.
    fn put(&mut self, place: &Place) {
        let section = self.sections.iter().position(|name| **name == *place.section);
        let section = section.unwrap_or_else(|| {
            self.sections.push(place.section.as_str().into());
            self.free.push(0);
            self.sections.len() - 1
        });
        if let Some(last) = self.rows.last_mut() {
            let next = last.first as usize + last.length;
            if (last.section, last.row, next) == (section, place.row, place.number as usize) {
                last.length += 1;
                return;
            }
        }
        let start = self.cells.len();
        let (row, first) = (place.row, place.number);
        self.rows.push(RowOfSeats { section, row, first, start, length: 1, free: 0 });
    }

    fn terms_number(&mut self, terms: Terms) -> u16 {
        let known = self.terms.iter().position(|known| *known == terms);
        let number = known.unwrap_or_else(|| {
            self.terms.push(terms);
            self.terms.len() - 1
        });
        u16::try_from(number).unwrap_or(u16::MAX)
    }

    /// Changes a cell, and what its row counts.
    fn change(&mut self, index: u32, change: impl FnOnce(&mut Cell)) {
        let Some(row) = self.row_of(index).and_then(|row| self.rows.get_mut(row)) else { return };
        let Some(cell) = self.cells.get_mut(index as usize) else { return };
        let before = usize::from(cell.is_free());
        change(cell);
        let after = usize::from(cell.is_free());
        row.free = row.free + after - before;
        if let Some(free) = self.free.get_mut(row.section) {
            *free = *free + after - before;
        }
    }

    fn row_of(&self, index: u32) -> Option<usize> {
        self.rows.partition_point(|row| row.start <= index as usize).checked_sub(1)
    }

    /// Takes in an event of a seat; one that was taken in before changes nothing.
    pub(super) fn apply_to_seat(&mut self, index: u32, event: &Envelope<SeatEvent>) {
        let seat = match event.payload {
            SeatEvent::Held { hold, buyer, until, price, .. } => {
                Seat::Held { hold, buyer, until, price }
            }
            SeatEvent::Sold { purchase, buyer, .. } => Seat::Sold { purchase, buyer },
            SeatEvent::Released { .. } | SeatEvent::Returned { .. } => Seat::Free,
        };
        self.set(index, event.sequence, event.position, seat);
    }

    /// Takes in what a seat is known to be.
    pub(super) fn set(&mut self, index: u32, sequence: i64, position: i64, seat: Seat) {
        let sequence = u32::try_from(sequence).unwrap_or(u32::MAX);
        if self.cells.get(index as usize).is_none_or(|cell| sequence <= cell.sequence) {
            return;
        }
        let state = match seat {
            Seat::Held { .. } => State::Held,
            Seat::Sold { .. } => State::Sold,
            Seat::Free => State::Free,
        };
        self.change(index, |cell| (cell.sequence, cell.state) = (sequence, state));
        self.no_longer_held(index);
        if let Seat::Held { hold, buyer, until, price } = seat {
            self.held.insert(index, Hold { hold, buyer, until, price });
            self.ends.insert((until, index));
        }
        self.position = self.position.max(position);
    }

    fn no_longer_held(&mut self, index: u32) -> Option<Hold> {
        let hold = self.held.remove(&index)?;
        self.ends.remove(&(hold.until, index));
        Some(hold)
    }

    fn place(&self, index: u32) -> Option<Place> {
        let row = self.rows.get(self.row_of(index)?)?;
        let section = self.sections.get(row.section)?.as_ref().to_owned();
        let number = row.first + u32::try_from(index as usize - row.start).ok()?;
        Some(Place { section, row: row.row, number })
    }

    /// A seat that is on sale.
    pub(super) fn on_sale(&self, index: u32) -> Option<OnSale> {
        let cell = self.cells.get(index as usize)?;
        if cell.withdrawn {
            return None;
        }
        let (place, stadium) = (self.place(index)?, self.details()?.stadium);
        let single = self.single.get(&index).copied();
        let seat = single.unwrap_or_else(|| SeatId::of(stadium, &place));
        let sequence = i64::from(cell.sequence);
        let state = match cell.state {
            State::Held => self.held.get(&index).map(|hold| {
                let Hold { hold, buyer, until, price } = *hold;
                Seat::Held { hold, buyer, until, price }
            }),
            State::Free => Some(Seat::Free),
            State::Sold => None,
        };
        Some(OnSale {
            ticket: TicketId::of(self.id, seat),
            fixture: self.id,
            seat,
            place,
            terms: *self.terms.get(usize::from(cell.terms))?,
            seen: state.map(|state| Loaded { state, sequence }),
        })
    }

    fn status(&self, index: usize, now: DateTime<Utc>) -> Option<TicketStatus> {
        let cell = self.cells.get(index)?;
        let held_until = match cell.state {
            State::Sold => return Some(TicketStatus::Confirmed),
            State::Free => None,
            State::Held => {
                let index = u32::try_from(index).ok()?;
                self.held.get(&index).map(|hold| hold.until)
            }
        };
        if held_until.is_some_and(|until| now < until) {
            return Some(TicketStatus::Reserved);
        }
        if cell.withdrawn {
            return None;
        }
        Some(if self.loaded.state.is_cancelled() {
            TicketStatus::Cancelled
        } else if self.details().is_some_and(|details| now >= details.starts_at) {
            TicketStatus::Expired
        } else {
            TicketStatus::Empty
        })
    }

    /// How many seats somebody holds or has.
    pub(super) fn taken(&self, now: DateTime<Utc>) -> usize {
        let sold = self.cells.iter().filter(|cell| cell.state == State::Sold).count();
        sold + self.held.values().filter(|hold| now < hold.until).count()
    }

    /// The rows, best first, with the seats that somebody can have. Rows without any cost nothing.
    pub(super) fn free_rows(
        &self,
        section: Option<&str>,
        now: DateTime<Utc>,
        avoided: impl Fn(u32) -> bool + Copy,
    ) -> impl Iterator<Item = Row> {
        let lapsed = self.ends.range(..=(now, u32::MAX));
        let lapsed: HashSet<usize> = lapsed.filter_map(|(_, index)| self.row_of(*index)).collect();
        let asked = move |row: &RowOfSeats| {
            let name = self.sections.get(row.section);
            section.is_none_or(|asked| name.is_some_and(|name| **name == *asked))
        };
        let rows = self.order.iter().filter_map(|row| Some((*row, self.rows.get(*row)?)));
        let mut rows = rows.filter(move |(_, row)| asked(row)).peekable();
        std::iter::from_fn(move || {
            let (number, first) = rows.next()?;
            let mut seats: Row = Vec::new();
            let add = |number: usize, row: &RowOfSeats, seats: &mut Row| {
                if row.free == 0 && !lapsed.contains(&number) {
                    // Nobody's seats are as good as a gap.
                    return seats.push(None);
                }
                seats.extend((row.start..row.start + row.length).map(|index| {
                    let free = self.status(index, now) == Some(TicketStatus::Empty);
                    u32::try_from(index).ok().filter(|index| free && !avoided(*index))
                }));
            };
            add(number, first, &mut seats);
            let mut next = first.first as usize + first.length;
            // What was put on sale later may go on in the same row.
            while let Some((number, row)) =
                rows.next_if(|(_, row)| (row.section, row.row) == (first.section, first.row))
            {
                if row.first as usize != next {
                    seats.push(None);
                }
                add(number, row, &mut seats);
                next = row.first as usize + row.length;
            }
            Some(seats)
        })
    }

    /// How many seats, of a section or of all, somebody can have at most: whatever hold is over
    /// counts too.
    pub(super) fn free_at_most(&self, section: Option<&str>, now: DateTime<Utc>) -> usize {
        let asked = |name: &str| section.is_none_or(|asked| asked == name);
        let sections = self.sections.iter().zip(&self.free);
        let free: usize = sections.filter(|(name, _)| asked(name)).map(|(_, free)| free).sum();
        free + self.ends.range(..=(now, u32::MAX)).count()
    }

    /// The moment at which the map was last another one by the clock alone.
    fn last_passed(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let ended = self.ends.range(..=(now, u32::MAX)).next_back().map(|(until, _)| *until);
        let begun = self.details().map(|details| details.starts_at).filter(|start| *start <= now);
        ended.max(begun)
    }

    /// The entity tag: the last event, and the last time that has passed.
    pub(super) fn etag(&self, now: DateTime<Utc>) -> String {
        let passed = self.last_passed(now).map_or(0, |passed| passed.timestamp_micros());
        format!("\"{}-{passed}\"", self.position)
    }

    /// The whole map.
    pub(super) fn answer(&self, now: DateTime<Utc>) -> Answer {
        let etag = self.etag(now);
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = answered.as_ref().filter(|answer| answer.etag == etag) {
            return answer.clone();
        }
        let rows = self.order.iter().filter_map(|row| self.rows.get(*row));
        let rows = rows.flat_map(|row| self.seen(row, now));
        let body = answer::body(self.id, &self.sections, rows, &self.terms);
        answered.insert(Answer { etag, body }).clone()
    }

    /// A row as it is answered; in several parts if its seats cost differently.
    fn seen(&self, row: &RowOfSeats, now: DateTime<Utc>) -> Vec<RowSeen> {
        let cells = self.cells.get(row.start..row.start + row.length).unwrap_or_default();
        let mut first = 0;
        let parts = cells.chunk_by(|left, right| left.terms == right.terms);
        let part = |part: &[Cell]| {
            let from = first;
            first += part.len();
            let digit = |offset| {
                let status = self.status(row.start + from + offset, now);
                char::from(b'0' + status.map_or(0, TicketStatus::number))
            };
            RowSeen {
                section: row.section,
                row: row.row,
                first: row.first + u32::try_from(from).unwrap_or(u32::MAX),
                price: part.first().map_or(0, |cell| cell.terms.into()),
                seats: (0..part.len()).map(digit).collect(),
            }
        };
        parts.map(part).collect()
    }
}
