//! What every replica knows of the seats of all matches that are not over, in memory: it serves the
//! seat map, finds a ticket's seat, and shows commands what they will probably find, so that
//! holding a seat reads nothing from the store.
//!
//! Nothing is decided by it: it follows the log a few milliseconds behind, and every append is
//! guarded by the streams themselves. Not here: following (`follow.rs`), one match
//! (`fixture_map.rs`).

mod answer;
mod fixture_map;
mod follow;
#[cfg(test)]
mod tests;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moka::sync::Cache;
use shared_events::{Envelope, FixtureEvent, FixtureId, Place, SeatEvent, SeatId, TicketId};
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

use super::best_available;
use super::fixture::{Fixture, Terms};
use super::seat::Seat;
use crate::platform::caught_up::LookupError;
use crate::platform::database::DatabaseError;
use crate::platform::event_store::{self, EventStore, Loaded, ReadError};
use fixture_map::{FixtureMap, KnownSeat};

pub use fixture_map::Answer;

/// How long a match is known after its end.
const KEPT_AFTER_END: TimeDelta = TimeDelta::days(1);
/// Maps of matches that are long over and were asked for lately, at some megabytes each.
const OVER: u64 = 4;
/// How long such a map is kept.
const OVER_KEPT: Duration = Duration::from_secs(60);
/// How long who finds nothing waits for what was appended before.
const PATIENCE: Duration = Duration::from_millis(250);

/// Seats that somebody wants, whichever.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// How many.
    pub quantity: usize,
    /// Only of this section.
    pub section: Option<String>,
    /// Beside each other.
    pub together: bool,
}

/// A seat that is on sale, as it was seen lately.
#[derive(Clone, Debug)]
pub struct OnSale {
    /// The ticket: the id of the seat's stream.
    pub ticket: TicketId,
    /// At which match.
    pub fixture: FixtureId,
    /// Which seat of the stadium.
    pub seat: SeatId,
    /// Where it is.
    pub place: Place,
    /// For how much.
    pub terms: Terms,
    /// The seat's stream as it was seen.
    pub seen: Option<Loaded<Seat>>,
}

/// The maps; cheap to clone, all clones are the same.
#[derive(Clone)]
pub struct SeatMaps {
    store: EventStore,
    maps: Arc<RwLock<Maps>>,
    /// The log's position up to which they are true; -1 before they are.
    position: watch::Sender<i64>,
    /// Those of matches that are long over, for who asks for them.
    over: Cache<FixtureId, Arc<Maps>>,
    loading: Arc<Mutex<()>>,
}

#[derive(Debug, Default)]
struct Maps {
    fixtures: HashMap<FixtureId, FixtureMap>,
    /// Where tickets are, by half of their ids.
    tickets: HashMap<u64, (FixtureId, u32)>,
    /// Tickets whose half is that of another.
    others: HashMap<TicketId, (FixtureId, u32)>,
}

fn half(ticket: TicketId) -> u64 {
    ticket.0.as_u64_pair().1
}

impl Maps {
    fn find(&self, ticket: TicketId) -> Option<(FixtureId, u32)> {
        self.others.get(&ticket).or_else(|| self.tickets.get(&half(ticket))).copied()
    }

    fn apply(&mut self, event: &Envelope<FixtureEvent>) {
        let id = FixtureId(event.aggregate_id);
        // Others can be read from the store; what begins here is known from its first event on.
        if event.sequence == 1 {
            self.fixtures.entry(id).or_insert_with(|| FixtureMap::new(id));
        }
        let Self { fixtures, tickets, others } = self;
        let Some(map) = fixtures.get_mut(&id) else { return };
        let find = |ticket: TicketId| {
            let found = others.get(&ticket).or_else(|| tickets.get(&half(ticket)));
            found.filter(|(fixture, _)| *fixture == id).map(|(_, index)| *index)
        };
        let new = map.apply(event, find);
        for (ticket, index) in new {
            match tickets.entry(half(ticket)) {
                Entry::Vacant(place) => {
                    place.insert((id, index));
                }
                Entry::Occupied(_) => {
                    others.insert(ticket, (id, index));
                }
            }
        }
    }

    fn apply_to_seat(&mut self, event: &Envelope<SeatEvent>) {
        if let Some((fixture, index)) = self.find(TicketId(event.aggregate_id))
            && let Some(map) = self.fixtures.get_mut(&fixture)
        {
            map.apply_to_seat(index, event);
        }
    }

    fn set(&mut self, known: KnownSeat) {
        let KnownSeat { ticket, sequence, position, seat } = known;
        if let Some((fixture, index)) = self.find(ticket)
            && let Some(map) = self.fixtures.get_mut(&fixture)
        {
            map.set(index, sequence, position, seat);
        }
    }

    fn on_sale(&self, ticket: TicketId) -> Option<OnSale> {
        let (fixture, index) = self.find(ticket)?;
        // Half an id may be that of another ticket.
        self.fixtures.get(&fixture)?.on_sale(index).filter(|found| found.ticket == ticket)
    }

    /// Forgets matches that are long over.
    fn forget(&mut self, now: DateTime<Utc>) {
        let over: HashSet<FixtureId> = self
            .fixtures
            .values()
            .filter(|map| map.is_over(now - KEPT_AFTER_END))
            .map(FixtureMap::id)
            .collect();
        if !over.is_empty() {
            self.fixtures.retain(|id, _| !over.contains(id));
            self.tickets.retain(|_, (id, _)| !over.contains(id));
            self.others.retain(|_, (id, _)| !over.contains(id));
        }
    }
}

impl SeatMaps {
    /// Empty maps; [`SeatMaps::follow`] fills them.
    pub fn new(store: EventStore) -> Self {
        let over = Cache::builder().max_capacity(OVER).time_to_live(OVER_KEPT).build();
        let (maps, loading) = (Arc::default(), Arc::default());
        Self { store, maps, position: watch::Sender::new(-1), over, loading }
    }

    fn read(&self) -> RwLockReadGuard<'_, Maps> {
        self.maps.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Maps> {
        self.maps.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Whether they have been filled.
    pub fn is_ready(&self) -> bool {
        *self.position.borrow() >= 0
    }

    /// Waits until they hold what the log holds now, at most 250 ms; whether they do.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn caught_up(&self) -> Result<bool, DatabaseError> {
        let head = {
            let client = self.store.database().get().await?;
            event_store::head(&**client, self.store.log()).await?
        };
        Ok(self.reach(head).await)
    }

    /// Waits until they hold what this process knows to be in the log, at most 250 ms.
    pub async fn have_news(&self) {
        let head = *self.store.signal().head().borrow();
        self.reach(head).await;
    }

    async fn reach(&self, head: i64) -> bool {
        let mut position = self.position.subscribe();
        let reached = position.wait_for(|position| *position >= head);
        timeout(PATIENCE, reached).await.is_ok_and(|reached| reached.is_ok())
    }

    /// A ticket that is on sale at a match that is not long over. What was put on sale just now may
    /// take a moment to be found.
    ///
    /// # Errors
    /// [`LookupError`] if Postgres does not answer, or it is not found and may be too new.
    pub async fn on_sale(&self, ticket: TicketId) -> Result<Option<OnSale>, LookupError> {
        Ok(self.all_on_sale(&[ticket]).await?.pop().flatten())
    }

    /// The same of several tickets; `None` for those that are not on sale.
    ///
    /// # Errors
    /// As [`SeatMaps::on_sale`].
    pub async fn all_on_sale(
        &self,
        tickets: &[TicketId],
    ) -> Result<Vec<Option<OnSale>>, LookupError> {
        let find = || {
            let maps = self.read();
            tickets.iter().map(|ticket| maps.on_sale(*ticket)).collect::<Vec<_>>()
        };
        let found = find();
        if found.iter().all(Option::is_some) {
            return Ok(found);
        }
        let knows_all = self.caught_up().await?;
        let found = find();
        if knows_all || found.iter().all(Option::is_some) {
            Ok(found)
        } else {
            Err(LookupError::Behind)
        }
    }

    /// A match as it was seen lately.
    pub fn fixture(&self, id: FixtureId) -> Option<Loaded<Fixture>> {
        self.read().fixtures.get(&id).map(|map| map.loaded().clone())
    }

    /// A seat of a match as it was seen lately.
    pub fn seen(&self, ticket: TicketId) -> Option<Loaded<Seat>> {
        self.read().on_sale(ticket)?.seen
    }

    /// The entity tag of a match's map.
    pub fn etag(&self, id: FixtureId, now: DateTime<Utc>) -> Option<String> {
        self.read().fixtures.get(&id).map(|map| map.etag(now))
    }

    /// The map of a match.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn answer(
        &self,
        id: FixtureId,
        now: DateTime<Utc>,
    ) -> Result<Option<Answer>, ReadError> {
        let answer = |maps: &Maps| maps.fixtures.get(&id).map(|map| map.answer(now));
        if let Some(found) = answer(&self.read()) {
            return Ok(Some(found));
        }
        self.caught_up().await?;
        if let Some(found) = answer(&self.read()) {
            return Ok(Some(found));
        }
        // It is long over: its map is put together for whoever asks, one at a time.
        let _alone = self.loading.lock().await;
        if let Some(kept) = self.over.get(&id) {
            return Ok(answer(&kept));
        }
        let maps = Arc::new(self.load(&[id]).await?);
        let found = maps.fixtures.get(&id);
        if found.is_some_and(|map| map.is_over(now - KEPT_AFTER_END)) {
            self.over.insert(id, Arc::clone(&maps));
        }
        Ok(answer(&maps))
    }

    /// The best free seats of a match with their numbers in its map, none of which is `avoided`;
    /// none if there are not enough.
    pub fn choose(
        &self,
        id: FixtureId,
        wanted: &Wanted,
        avoided: impl Fn(u32) -> bool,
        now: DateTime<Utc>,
    ) -> Option<Vec<(u32, OnSale)>> {
        let maps = self.read();
        let map = maps.fixtures.get(&id)?;
        let rows = map.free_rows(wanted.section.as_deref(), now, &avoided);
        let seats = best_available::choose(rows, wanted.quantity, wanted.together)?;
        seats.into_iter().map(|seat| Some((seat, map.on_sale(seat)?))).collect()
    }

    /// How many seats of a match, or of a section of it, somebody can have at most; found without
    /// looking at any.
    pub fn free_at_most(&self, id: FixtureId, section: Option<&str>, now: DateTime<Utc>) -> usize {
        self.read().fixtures.get(&id).map_or(0, |map| map.free_at_most(section, now))
    }

    /// How many tickets of a match somebody holds or has, as far as is known; `None` if the match
    /// is not known here.
    pub fn taken(&self, id: FixtureId, now: DateTime<Utc>) -> Option<usize> {
        self.read().fixtures.get(&id).map(|map| map.taken(now))
    }
}
