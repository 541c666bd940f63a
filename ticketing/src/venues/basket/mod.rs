//! The aggregate `Basket`: what one buyer holds. It is written with the seats, so that a purchase
//! finds all of it, and a buyer holds no more than is allowed.

mod buy;
mod fill;
mod lapse;
mod remove;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use shared_events::{BasketEvent, FixtureId, HeldTicket, HoldId, Price, TicketId};

pub use buy::BuyHeld;
pub use fill::FillBasket;
pub use lapse::LapseTickets;
pub use remove::RemoveTicket;

use super::pairs;

/// Tickets at most that a buyer holds at one moment.
pub const MOST_HELD: usize = 100;

/// What a buyer holds; also what they have held, until somebody records its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basket {
    #[serde(with = "pairs")]
    tickets: BTreeMap<TicketId, Item>,
}

/// A ticket in a basket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// By which hold.
    pub hold: HoldId,
    /// For which match.
    pub fixture: FixtureId,
    /// The first instant at which somebody else may have it.
    pub until: DateTime<Utc>,
    /// What it costs.
    pub price: Price,
}

/// What can be asked of a basket.
#[derive(Clone, Debug)]
pub enum BasketCommand {
    /// Put tickets in.
    Fill(FillBasket),
    /// Give one up.
    Remove(RemoveTicket),
    /// Record that the time of some is over.
    Lapse(LapseTickets),
    /// Buy what is in it.
    Buy(BuyHeld),
    /// Look into it: nothing happens.
    Look,
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BasketError {
    /// The buyer holds as many as is allowed.
    #[error("no more tickets can be held")]
    Full,
    /// The buyer does not hold the ticket, or not any more.
    #[error("the ticket is not held")]
    NotHeld,
    /// The buyer holds nothing.
    #[error("nothing is held")]
    Empty,
}

impl Basket {
    /// What is held at this moment, by ticket.
    pub fn live(&self, now: DateTime<Utc>) -> impl Iterator<Item = (TicketId, Item)> {
        let live = self.tickets.iter().filter(move |(_, item)| now < item.until);
        live.map(|(ticket, item)| (*ticket, *item))
    }

    /// What was held and is not any more, but not yet recorded as such.
    pub fn lapsed(&self, now: DateTime<Utc>) -> impl Iterator<Item = (TicketId, Item)> {
        let lapsed = self.tickets.iter().filter(move |(_, item)| now >= item.until);
        lapsed.map(|(ticket, item)| (*ticket, *item))
    }

    /// When the first of its holds is over, or was: nothing more has to be recorded before.
    pub fn first_end(&self) -> Option<DateTime<Utc>> {
        self.tickets.values().map(|item| item.until).min()
    }

    /// A ticket that is held, or was until lately.
    pub fn item(&self, ticket: TicketId) -> Option<Item> {
        self.tickets.get(&ticket).copied()
    }
}

impl Aggregate for Basket {
    const TYPE: &'static str = "basket";
    type Command = BasketCommand;
    type Event = BasketEvent;
    type Error = BasketError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let events = match command {
            BasketCommand::Fill(command) => command.decide(self),
            BasketCommand::Remove(command) => command.decide(self),
            BasketCommand::Lapse(command) => command.decide(self),
            BasketCommand::Buy(command) => command.decide(self),
            BasketCommand::Look => Ok(Vec::new()),
        }?;
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        match event {
            BasketEvent::TicketsHeld { hold, fixture, until, tickets, .. } => {
                let item = |price| Item { hold, fixture, until, price };
                let held = |HeldTicket { ticket, price }: HeldTicket| (ticket, item(price));
                self.tickets.extend(tickets.into_iter().map(held));
            }
            BasketEvent::TicketsReleased { tickets }
            | BasketEvent::TicketsBought { tickets, .. } => {
                self.tickets.retain(|ticket, _| !tickets.contains(ticket));
            }
        }
    }
}

#[cfg(test)]
mod given {
    //! States of a basket, as the events that lead to them.

    use super::*;
    use chrono::TimeDelta;
    use shared_events::{AccountId, Currency, PurchaseId};
    use uuid::Uuid;

    pub(super) const FIXTURE: FixtureId = FixtureId(Uuid::from_u128(1));
    pub(super) const BUYER: AccountId = AccountId(Uuid::from_u128(2));
    pub(super) const HOLD: HoldId = HoldId(Uuid::from_u128(3));
    pub(super) const PURCHASE: PurchaseId = PurchaseId(Uuid::from_u128(5));
    pub(super) const FIRST: TicketId = TicketId(Uuid::from_u128(11));
    pub(super) const SECOND: TicketId = TicketId(Uuid::from_u128(12));

    pub(super) fn held_ticket(ticket: TicketId) -> HeldTicket {
        HeldTicket { ticket, price: Price { price_minor: 2_000, currency: Currency::Usd } }
    }

    pub(super) fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_262_400, 0).unwrap()
    }

    pub(super) fn after(minutes: i64) -> DateTime<Utc> {
        noon() + TimeDelta::minutes(minutes)
    }

    fn held_until(ticket: TicketId, minutes: i64) -> BasketEvent {
        let (buyer, hold, fixture, until) = (BUYER, HOLD, FIXTURE, after(minutes));
        BasketEvent::TicketsHeld { buyer, hold, fixture, until, tickets: vec![held_ticket(ticket)] }
    }

    /// Two tickets, until five and until ten past noon.
    pub(super) fn two() -> Vec<BasketEvent> {
        vec![held_until(FIRST, 5), held_until(SECOND, 10)]
    }

    /// What a command comes to, in a given state.
    pub(super) fn decided(
        given: Vec<BasketEvent>,
        command: BasketCommand,
    ) -> Result<Vec<BasketEvent>, BasketError> {
        let framework = cqrs_es::test::TestFramework::<Basket>::with(());
        framework.given(given).when(command).inspect_result()
    }
}
