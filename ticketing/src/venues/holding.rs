//! Holding seats: one or several at one match, all or none, in one append over their streams, the
//! buyer's basket, and the match as it was seen. Each hold has an end, which is a comparison of
//! times; the deadline only records it.
//!
//! What is in memory says what will probably be found, so that nothing is read: an append that it
//! is too old for is refused and decided again from the store.
//!
//! A hold begins when its seats are chosen, not when it was asked for: in a rush calls wait, and
//! who has waited has no less time to pay.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use shared_events::{
    AccessRightId, AccountId, BasketId, FixtureId, HeldTicket, HoldId, Place, Price, RequestId,
    TicketId,
};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::access_right::{AccessRight, AccessRightCommand, AccessRightError, SpendRight};
use super::basket::{Basket, BasketCommand, FillBasket, LapseTickets, RemoveTicket};
use super::error::VenuesError;
use super::fixture::{Fixture, FixtureCommand, FixtureError, Sell};
use super::scheduling::{Refused, refused};
use super::seat::{CheckFree, HoldSeat, ReleaseSeat, Seat, SeatCommand, SeatError};
use super::seat_maps::{OnSale, SeatMaps, Wanted};
use crate::platform::append::{Attached, NewDeadline, Origin};
use crate::platform::causes::causes;
use crate::platform::clock::Clock;
use crate::platform::commands::{CommandError, Commands, Execution, Unit, jointly};
use crate::platform::deadlines::{DeadlineHandler, Due, Handled};

/// The deadline at which a hold's time may be over; its subject is the basket.
pub(super) const HOLD_ENDS: &str = "venues.hold_ends";
/// How often seats are chosen for somebody who names none.
const CHOICES: usize = 4;
/// How long who names none waits for seats that others are being given.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is looked what has become of those.
const LOOK: Duration = Duration::from_millis(25);
/// How many wait for them. More would keep the service busy with looking, and hardly any would get
/// one.
const WAITING: usize = 256;

/// Holds seats; cheap to clone.
#[derive(Clone)]
pub struct Holding {
    /// Commands on seats of matches.
    pub seats: Commands<Seat>,
    /// Commands on matches.
    pub fixtures: Commands<Fixture>,
    /// Commands on baskets.
    pub baskets: Commands<Basket>,
    /// Commands on rights.
    pub rights: Commands<AccessRight>,
    /// What is probably free.
    pub maps: SeatMaps,
    /// How long a seat is held.
    pub hold: TimeDelta,
    /// The time, from which it is.
    pub clock: Clock,
    /// Seats that somebody here is being given just now: others are offered different ones.
    pub offered: Offered,
}

/// Who wants to hold seats.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// The new hold.
    pub hold: HoldId,
    /// Who.
    pub buyer: AccountId,
    /// By which link request, if the match is behind the gate.
    pub request: Option<RequestId>,
}

/// Seats that are held.
#[derive(Clone, Debug)]
pub struct Held {
    /// By which hold.
    pub hold: HoldId,
    /// The first instant at which others may have them.
    pub until: DateTime<Utc>,
    /// Which, in their order.
    pub tickets: Vec<HeldSeat>,
}

/// A seat that is held.
#[derive(Clone, Debug)]
pub struct HeldSeat {
    /// Which ticket.
    pub ticket: TicketId,
    /// Where it is.
    pub place: Place,
    /// What it costs.
    pub price: Price,
}

/// Seats that are being given to somebody in this process, by match and number in its map, and the
/// places of those who wait for what becomes of them.
#[derive(Clone, Debug)]
pub struct Offered {
    seats: Arc<Mutex<HashMap<FixtureId, HashSet<u32>>>>,
    waiting: Arc<Semaphore>,
}

impl Default for Offered {
    fn default() -> Self {
        Self { seats: Arc::default(), waiting: Arc::new(Semaphore::new(WAITING)) }
    }
}

impl Offered {
    fn lock(&self) -> MutexGuard<'_, HashMap<FixtureId, HashSet<u32>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seats that are somebody's turn as long as this lives.
struct Turn {
    offered: Offered,
    fixture: FixtureId,
    seats: Vec<u32>,
}

impl Turn {
    /// Ends once the maps show what has become of the seats: until then others would choose them
    /// again.
    fn end_when_known(self, maps: &SeatMaps) {
        let maps = maps.clone();
        tokio::spawn(async move {
            maps.have_news().await;
            drop(self);
        });
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut offered = self.offered.lock();
        if let Some(of_match) = offered.get_mut(&self.fixture) {
            for seat in &self.seats {
                of_match.remove(seat);
            }
            if of_match.is_empty() {
                offered.remove(&self.fixture);
            }
        }
    }
}

impl Holding {
    /// Holds these seats of one match, all or none.
    ///
    /// # Errors
    /// [`CommandError`], with the refusal of a seat, the match, the basket or the right.
    pub async fn reserve(
        &self,
        wish: Wish,
        mut tickets: Vec<OnSale>,
        origin: Origin,
        attach: impl Fn(&Held) -> Attached,
    ) -> Result<Held, Refused> {
        tickets.sort_by_key(|ticket| ticket.ticket);
        tickets.dedup_by_key(|ticket| ticket.ticket);
        let Some(fixture) = tickets.first().map(|ticket| ticket.fixture) else {
            return Err(refused(VenuesError::UnknownTicket));
        };
        if tickets.iter().any(|ticket| ticket.fixture != fixture) {
            return Err(refused(VenuesError::UnknownTicket));
        }
        let now = self.clock.now();
        let basket = BasketId::of(wish.buyer);
        let attach = |(held, first_end): &(Held, DateTime<Utc>)| {
            let mut attached = attach(held);
            attached.deadlines.push(ending(basket, *first_end));
            attached
        };
        let hold = |unit| self.hold(unit, wish, fixture, &tickets, now);
        let execution = Execution::new(origin, now);
        let (held, _) = jointly(self.seats.store(), execution, attach, hold).await?;
        Ok(held)
    }

    /// What is held, and when the first of all holds of this buyer is over.
    async fn hold(
        &self,
        unit: Unit<VenuesError>,
        wish: Wish,
        fixture: FixtureId,
        tickets: &[OnSale],
        now: DateTime<Utc>,
    ) -> Result<(Held, DateTime<Utc>), Refused> {
        let Wish { hold, buyer, request } = wish;
        // The seats first: of many who want one, most are refused here, having read one stream.
        for OnSale { ticket, seen, .. } in tickets {
            let check = SeatCommand::CheckFree(CheckFree { now });
            unit.decide_seen(&self.seats, ticket.0, seen.clone(), check).await?;
        }
        let places = tickets.iter().map(|ticket| ticket.place.clone()).collect();
        let sell = FixtureCommand::Sell(Sell { places, with_link: request.is_some(), now });
        let seen = self.maps.fixture(fixture);
        let sold = unit.decide_seen(&self.fixtures, fixture.0, seen, sell).await?;
        let (Some(details), Some(sale)) = (sold.state.details(), sold.state.sale()) else {
            return Err(refused(FixtureError::Unknown));
        };
        if let (true, Some(request)) = (details.requires_link, request) {
            let spend = AccessRightCommand::Spend(SpendRight { by: buyer, fixture, hold });
            unit.decide(&self.rights, AccessRightId::of(request).0, spend).await?;
        }
        // A match that moved closer may begin before the hold would end.
        let until = (now + self.hold).min(details.starts_at);
        let mut held = Vec::with_capacity(tickets.len());
        for OnSale { ticket, place, .. } in tickets {
            let unknown = || refused(FixtureError::NotOnSale(place.clone()));
            let price = sale.terms(place).ok_or_else(unknown)?.price;
            let command = SeatCommand::Hold(HoldSeat { fixture, hold, buyer, until, price, now });
            unit.decide(&self.seats, ticket.0, command).await?;
            held.push(HeldSeat { ticket: *ticket, place: place.clone(), price });
        }
        let of = |seat: &HeldSeat| HeldTicket { ticket: seat.ticket, price: seat.price };
        let tickets = held.iter().map(of).collect();
        let fill = FillBasket { buyer, hold, fixture, until, tickets, now };
        let fill = BasketCommand::Fill(fill);
        let filled = unit.decide(&self.baskets, BasketId::of(buyer).0, fill).await?;
        let first_end = filled.state.first_end().unwrap_or(until);
        held.sort_by(|left, right| left.place.cmp(&right.place));
        Ok((Held { hold, until, tickets: held }, first_end))
    }

    /// Holds the best seats of a match that are to be had. If others are faster, different ones are
    /// chosen, three times at most.
    ///
    /// # Errors
    /// [`CommandError`]; refused if there are not so many.
    pub async fn reserve_best(
        &self,
        wish: Wish,
        fixture: FixtureId,
        wanted: &Wanted,
        origin: Origin,
        attach: impl Fn(&Held) -> Attached,
    ) -> Result<Held, Refused> {
        let mut lost = HashSet::new();
        for _ in 0..CHOICES {
            let Some((tickets, turn)) = self.turn(fixture, wanted, &lost).await else {
                return Err(refused(VenuesError::NotEnoughSeats));
            };
            let ids = tickets.iter().map(|ticket| ticket.ticket);
            let chosen: Vec<_> = ids.zip(turn.seats.iter().copied()).collect();
            match self.reserve(wish, tickets, origin.clone(), &attach).await {
                Ok(held) => {
                    turn.end_when_known(&self.maps);
                    return Ok(held);
                }
                Err(CommandError::Refused(
                    VenuesError::Seat(SeatError::Taken)
                    | VenuesError::Fixture(FixtureError::NotOnSale(_)),
                )) => self.lose(&mut lost, chosen).await?,
                // Others were busy with the same seats, or the buyer with others.
                Err(CommandError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        // There are seats, but others were faster each time.
        Err(CommandError::Conflict)
    }

    /// Somebody was faster. Once the maps know of it, all but what is taken can be chosen again;
    /// if they do not, none of these seats.
    async fn lose(
        &self,
        lost: &mut HashSet<u32>,
        chosen: Vec<(TicketId, u32)>,
    ) -> Result<(), Refused> {
        self.maps.caught_up().await.map_err(|error| CommandError::Read(error.into()))?;
        let now = self.clock.now();
        let is_free = |(ticket, _): &(TicketId, _)| {
            self.maps.seen(*ticket).is_some_and(|seen| seen.state.is_free(now))
        };
        if chosen.iter().all(is_free) {
            lost.extend(chosen.into_iter().map(|(_, seat)| seat));
        } else {
            lost.clear();
        }
        Ok(())
    }

    /// Chooses seats that nobody else here is being given. Where there are none left, those that
    /// others are being given may be free again when their turn is over: it is waited for a moment,
    /// unless enough others do.
    async fn turn(
        &self,
        fixture: FixtureId,
        wanted: &Wanted,
        lost: &HashSet<u32>,
    ) -> Option<(Vec<OnSale>, Turn)> {
        let deadline = Instant::now() + PATIENCE;
        let (mut knows_all, mut waits) = (false, None);
        loop {
            let now = self.clock.now();
            if let Some(turn) = self.choose(fixture, wanted, lost, now) {
                return Some(turn);
            }
            // Many may wait here: they only look at single seats if they have to.
            let free = self.maps.free_at_most(fixture, wanted.section.as_deref(), now);
            let is_lost = |seat| lost.contains(&seat);
            let others_turn = free.saturating_sub(lost.len()) >= wanted.quantity
                && (!wanted.together || self.maps.choose(fixture, wanted, is_lost, now).is_some());
            if others_turn {
                if Instant::now() > deadline {
                    return None;
                }
                if waits.is_none() {
                    waits = Some(self.offered.waiting.try_acquire().ok()?);
                }
                sleep(LOOK).await;
            } else if knows_all {
                return None;
            } else {
                // Some may have become free a moment ago.
                self.maps.have_news().await;
                knows_all = true;
            }
        }
    }

    fn choose(
        &self,
        fixture: FixtureId,
        wanted: &Wanted,
        lost: &HashSet<u32>,
        now: DateTime<Utc>,
    ) -> Option<(Vec<OnSale>, Turn)> {
        let mut offered = self.offered.lock();
        let of_match = offered.entry(fixture).or_default();
        let section = wanted.section.as_deref();
        let offered_here = if section.is_none() { of_match.len() } else { 0 };
        let left = self.maps.free_at_most(fixture, section, now).saturating_sub(offered_here);
        let chosen = (left >= wanted.quantity).then(|| {
            let avoided = |seat| lost.contains(&seat) || of_match.contains(&seat);
            self.maps.choose(fixture, wanted, avoided, now)
        });
        let chosen = chosen.flatten();
        let Some(chosen) = chosen else {
            if of_match.is_empty() {
                offered.remove(&fixture);
            }
            return None;
        };
        let (seats, chosen): (Vec<_>, Vec<_>) = chosen.into_iter().unzip();
        of_match.extend(&seats);
        Some((chosen, Turn { offered: self.offered.clone(), fixture, seats }))
    }

    /// Gives a hold of one seat up.
    ///
    /// # Errors
    /// [`CommandError`]; refused if it is not the buyer's, or not any more.
    pub async fn cancel(
        &self,
        ticket: TicketId,
        buyer: AccountId,
        execution: Execution,
        attach: impl Fn(&TicketId) -> Attached,
    ) -> Result<TicketId, Refused> {
        let now = execution.now;
        let cancel = |unit: Unit<VenuesError>| async move {
            let basket = BasketId::of(buyer).0;
            // What is held, by the basket before it is taken out.
            let look = BasketCommand::Look;
            let held = unit.decide(&self.baskets, basket, look).await?;
            let item = held.state.item(ticket).filter(|item| now < item.until);
            let remove = BasketCommand::Remove(RemoveTicket { ticket, now });
            unit.decide(&self.baskets, basket, remove).await?;
            if let Some(item) = item {
                let release = SeatCommand::Release(ReleaseSeat { hold: item.hold });
                unit.decide(&self.seats, ticket.0, release).await?;
            }
            Ok(ticket)
        };
        jointly(self.seats.store(), execution, attach, cancel).await
    }

    /// Records that holds of a basket are over, if they are; when the next one will be.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn expire(
        &self,
        basket: BasketId,
        execution: Execution,
    ) -> Result<Option<DateTime<Utc>>, Refused> {
        let now = execution.now;
        let expire = |unit: Unit<VenuesError>| async move {
            let look = BasketCommand::Look;
            let found = unit.decide(&self.baskets, basket.0, look).await?;
            let lapsed: Vec<_> = found.state.lapsed(now).collect();
            let lapse = BasketCommand::Lapse(LapseTickets { now });
            let left = unit.decide(&self.baskets, basket.0, lapse).await?;
            for (ticket, item) in lapsed {
                let release = SeatCommand::Release(ReleaseSeat { hold: item.hold });
                unit.decide(&self.seats, ticket.0, release).await?;
            }
            Ok(left.state.first_end())
        };
        let nothing = |_: &Option<_>| Attached::default();
        jointly(self.seats.store(), execution, nothing, expire).await
    }
}

/// The deadline of a basket whose first hold is over at `due_at`.
fn ending(basket: BasketId, due_at: DateTime<Utc>) -> NewDeadline {
    NewDeadline { kind: HOLD_ENDS, subject: basket.0, due_at }
}

/// Whether a refusal says that a right is not known.
pub fn is_unknown_right(error: &Refused) -> bool {
    let unknown = VenuesError::AccessRight(AccessRightError::Unknown);
    matches!(error, CommandError::Refused(refusal) if *refusal == unknown)
}

/// Records that holds are over. It changes no answer: that is a comparison of times.
pub struct HoldExpiry(pub Holding);

#[async_trait]
impl DeadlineHandler for HoldExpiry {
    fn kind(&self) -> &'static str {
        HOLD_ENDS
    }

    async fn handle(&self, due: Due) -> Handled {
        let execution = Execution::new(Origin::new(), self.0.clock.now());
        match self.0.expire(BasketId(due.subject), execution).await {
            Ok(None) => Handled::Recorded,
            Ok(Some(next)) => Handled::NotBefore(next),
            Err(error) => {
                tracing::debug!(error = causes(&error), "the end of a hold was not recorded");
                Handled::Failed
            }
        }
    }
}
