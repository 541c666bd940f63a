//! Putting seats of a stadium on sale for a match: one event of the match, decided over match,
//! stadium and named price as they are. And changing single tickets, while nobody holds or has
//! them.

use std::collections::HashSet;

use shared_events::{Block, FixtureId, OfferedSeat, Place, SeatId, StadiumId, TariffId};

use super::error::VenuesError;
use super::fixture::{
    Fixture, FixtureCommand, FixtureError, OfferSeats, RepriceTicket, Terms, WithdrawTicket,
};
use super::scheduling::{Refused, refused};
use super::seat::{CheckFree, Seat, SeatCommand};
use super::seat_maps::OnSale;
use super::stadium::{Seating, Stadium, StadiumCommand};
use super::tariff::{Tariff, TariffCommand, TariffError};
use crate::platform::append::Attached;
use crate::platform::commands::{CommandError, Commands, Done, Execution, Unit, jointly};
use crate::platform::event_store::{Loaded, ReadError};

/// Puts seats on sale; cheap to clone.
#[derive(Clone)]
pub struct Offering {
    /// Commands on stadiums.
    pub stadiums: Commands<Stadium>,
    /// Commands on named prices.
    pub tariffs: Commands<Tariff>,
    /// Commands on matches.
    pub fixtures: Commands<Fixture>,
    /// Commands on seats of matches.
    pub seats: Commands<Seat>,
}

/// Which seats are meant.
#[derive(Clone, Debug)]
pub enum Which {
    /// All that the stadium has.
    All,
    /// Those of sections, by name.
    Sections(Vec<String>),
    /// Single ones.
    Seats(Vec<(SeatId, Place)>),
}

/// Seats to be put on sale.
#[derive(Clone, Debug)]
pub struct Offer {
    /// For which match.
    pub fixture: FixtureId,
    /// At which named price.
    pub tariff: TariffId,
    /// Which seats.
    pub which: Which,
}

impl Offering {
    /// Puts seats on sale; those that are already stay as they are.
    ///
    /// # Errors
    /// [`CommandError`], with the refusal of match, stadium or named price.
    pub async fn offer(
        &self,
        offer: &Offer,
        execution: Execution,
        attach: impl Fn(&Done<Fixture>) -> Attached,
    ) -> Result<Done<Fixture>, Refused> {
        let now = execution.now;
        let put = |unit: Unit<VenuesError>| async move {
            let terms = self.terms(&unit, offer.tariff).await?;
            let found = unit.decide(&self.fixtures, offer.fixture.0, nothing(now)).await?;
            let details = found.state.details().ok_or_else(|| refused(FixtureError::Unknown))?;
            let stadium = details.stadium;
            let looked = unit.decide(&self.stadiums, stadium.0, StadiumCommand::Look).await?;
            let unknown = || refused(super::stadium::StadiumError::Unknown);
            let seating = looked.state.seating().ok_or_else(unknown)?;
            let (blocks, seats) = meant(stadium, seating, &offer.which).map_err(refused)?;
            let put = FixtureCommand::Offer(OfferSeats { terms, blocks, seats, now });
            unit.decide(&self.fixtures, offer.fixture.0, put).await
        };
        jointly(self.fixtures.store(), execution, attach, put).await
    }

    async fn terms(&self, unit: &Unit<VenuesError>, tariff: TariffId) -> Result<Terms, Refused> {
        let looked = unit.decide(&self.tariffs, tariff.0, TariffCommand::Look).await?;
        let (_, price) = looked.state.defined().ok_or_else(|| refused(TariffError::Unknown))?;
        Ok(Terms { tariff, price })
    }

    /// Sells a ticket at another price from now on.
    ///
    /// # Errors
    /// [`CommandError`]; refused while somebody holds or has it.
    pub async fn reprice(
        &self,
        ticket: &OnSale,
        tariff: TariffId,
        expected: Option<i64>,
        execution: Execution,
    ) -> Result<(), Refused> {
        let now = execution.now;
        let reprice = |unit: Unit<VenuesError>| async move {
            self.check(&unit, ticket, expected, now).await?;
            let terms = self.terms(&unit, tariff).await?;
            let (id, place) = (ticket.ticket, ticket.place.clone());
            let reprice = RepriceTicket { ticket: id, place, terms, now };
            let reprice = FixtureCommand::Reprice(reprice);
            unit.decide(&self.fixtures, ticket.fixture.0, reprice).await?;
            Ok(())
        };
        let attach = |(): &()| Attached::default();
        jointly(self.fixtures.store(), execution, attach, reprice).await
    }

    /// Takes a ticket off sale.
    ///
    /// # Errors
    /// [`CommandError`]; refused while somebody holds or has it.
    pub async fn withdraw(
        &self,
        ticket: &OnSale,
        expected: Option<i64>,
        execution: Execution,
    ) -> Result<(), Refused> {
        let now = execution.now;
        let withdraw = |unit: Unit<VenuesError>| async move {
            self.check(&unit, ticket, expected, now).await?;
            let withdraw = WithdrawTicket { ticket: ticket.ticket, place: ticket.place.clone() };
            let withdraw = FixtureCommand::Withdraw(withdraw);
            unit.decide(&self.fixtures, ticket.fixture.0, withdraw).await?;
            Ok(())
        };
        let attach = |(): &()| Attached::default();
        jointly(self.fixtures.store(), execution, attach, withdraw).await
    }

    /// Where seats of a match's stadium are, by the stadium itself: for those that are too new for
    /// the read table. Slower than that: a plan has to be gone through.
    ///
    /// # Errors
    /// [`Refused`] if there is no such match, or it has no such seat.
    pub async fn places(
        &self,
        fixture: FixtureId,
        seats: &[SeatId],
    ) -> Result<Vec<(SeatId, Place)>, Refused> {
        let found: Loaded<Fixture> = self.fixtures.store().load(fixture.0).await?;
        let details = found.state.details().ok_or_else(|| refused(FixtureError::Unknown))?;
        let stadium: Loaded<Stadium> = self.stadiums.store().load(details.stadium.0).await?;
        let unknown = || refused(super::stadium::StadiumError::Unknown);
        let places = stadium.state.seating().ok_or_else(unknown)?.places(details.stadium, seats);
        match seats.iter().find(|seat| !places.iter().any(|(found, _)| found == *seat)) {
            Some(seat) => Err(refused(VenuesError::UnknownSeat(seat.to_string()))),
            None => Ok(places),
        }
    }

    /// The seat and the match of a ticket, as current as their last events; `None` if there is no
    /// such match.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer or an event can not be read.
    pub async fn ticket(
        &self,
        ticket: &OnSale,
    ) -> Result<Option<(Loaded<Seat>, Loaded<Fixture>)>, ReadError> {
        let (seats, fixtures) = (self.seats.store(), self.fixtures.store());
        let seat = seats.load(ticket.ticket.0).await?;
        let fixture: Loaded<Fixture> = fixtures.load(ticket.fixture.0).await?;
        Ok(fixture.state.details().is_some().then_some((seat, fixture)))
    }

    /// Nobody may hold or have the ticket; and it has to be as the caller has seen it: what tells
    /// is the sum of the sequences of match and seat, both of which only grow.
    async fn check(
        &self,
        unit: &Unit<VenuesError>,
        ticket: &OnSale,
        expected: Option<i64>,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<(), Refused> {
        let check = SeatCommand::CheckFree(CheckFree { now });
        let seat = unit.decide(&self.seats, ticket.ticket.0, check).await?;
        let fixture = unit.decide(&self.fixtures, ticket.fixture.0, nothing(now)).await?;
        if expected.is_some_and(|expected| expected != seat.sequence + fixture.sequence) {
            return Err(CommandError::Conflict);
        }
        Ok(())
    }
}

/// A look at a match that is still to come.
fn nothing(now: chrono::DateTime<chrono::Utc>) -> FixtureCommand {
    FixtureCommand::Sell(super::fixture::Sell { places: Vec::new(), with_link: true, now })
}

/// The seats that are meant, as whole sections and as single ones.
fn meant(
    stadium: StadiumId,
    seating: &Seating,
    which: &Which,
) -> Result<(Vec<Block>, Vec<OfferedSeat>), VenuesError> {
    let names: HashSet<&str> = match which {
        Which::All => {
            let planned = seating.sections.iter().map(|section| section.name.as_str());
            planned.chain(seating.single.keys().map(|place| place.section.as_str())).collect()
        }
        Which::Sections(names) => names.iter().map(String::as_str).collect(),
        Which::Seats(seats) => {
            let known = |(seat, place): &(SeatId, Place)| {
                if seating.seat_at(stadium, place) == Some(*seat) {
                    return Ok(OfferedSeat { seat: *seat, place: place.clone() });
                }
                Err(VenuesError::UnknownSeat(seat.to_string()))
            };
            let seats = seats.iter().map(known).collect::<Result<_, _>>()?;
            return Ok((Vec::new(), seats));
        }
    };
    let single = seating.single.iter().filter(|(place, _)| names.contains(place.section.as_str()));
    let seats: Vec<_> =
        single.map(|(place, seat)| OfferedSeat { seat: *seat, place: place.clone() }).collect();
    let sections = seating.sections.iter().filter(|plan| names.contains(plan.name.as_str()));
    let block = |plan: &shared_events::SectionPlan| {
        let missing = seating.missing.iter().filter(|place| plan.has(place));
        let mut except: Vec<_> = missing.map(|place| (place.row, place.number)).collect();
        except.sort_unstable();
        Block { plan: plan.clone(), except }
    };
    let blocks: Vec<_> = sections.map(block).collect();
    let known = |name: &&str| {
        blocks.iter().any(|block| block.plan.name == **name)
            || seats.iter().any(|seat| seat.place.section == **name)
    };
    match names.iter().find(|name| !known(name)) {
        Some(unknown) => Err(VenuesError::UnknownSeat((*unknown).to_owned())),
        None => Ok((blocks, seats)),
    }
}
