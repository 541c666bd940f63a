//! The aggregate `Seat`: one seat at one match, the boundary of consistency. Who has it is decided
//! here and nowhere else, and whether a hold is over is a comparison of times.

mod check;
mod give_back;
mod hold;
mod release;
mod sell;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use shared_events::{AccountId, HoldId, Price, PurchaseId, SeatEvent};

pub use check::CheckFree;
pub use give_back::GiveBackSeat;
pub use hold::HoldSeat;
pub use release::ReleaseSeat;
pub use sell::SellSeat;

/// A seat at a match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seat {
    /// Whoever comes first may have it.
    #[default]
    Free,
    /// Somebody's for a while. After that as good as free.
    Held {
        /// By which hold.
        hold: HoldId,
        /// Whose.
        buyer: AccountId,
        /// The first instant at which somebody else may have it.
        until: DateTime<Utc>,
        /// What it costs.
        price: Price,
    },
    /// Somebody's for good.
    Sold {
        /// In which purchase.
        purchase: PurchaseId,
        /// Whose.
        buyer: AccountId,
    },
}

/// What can be asked of a seat.
#[derive(Clone, Copy, Debug)]
pub enum SeatCommand {
    /// Ask whether it is free: nothing happens.
    CheckFree(CheckFree),
    /// Hold it.
    Hold(HoldSeat),
    /// Give a hold up, or record that its time is over.
    Release(ReleaseSeat),
    /// Sell it to who holds it.
    Sell(SellSeat),
    /// Take it back from who has bought it.
    GiveBack(GiveBackSeat),
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeatError {
    /// Somebody holds it or has it.
    #[error("the seat is taken")]
    Taken,
    /// It is not held by that hold, or not any more.
    #[error("the seat is not held")]
    NotHeld,
    /// It was not sold in that purchase, or not any more.
    #[error("the seat was not sold in this purchase")]
    NotSold,
}

impl Seat {
    /// Whether somebody can have it at this moment.
    pub fn is_free(&self, now: DateTime<Utc>) -> bool {
        match self {
            Self::Free => true,
            Self::Held { until, .. } => now >= *until,
            Self::Sold { .. } => false,
        }
    }
}

impl Aggregate for Seat {
    const TYPE: &'static str = "seat";
    type Command = SeatCommand;
    type Event = SeatEvent;
    type Error = SeatError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let events = match command {
            SeatCommand::CheckFree(command) => command.decide(self),
            SeatCommand::Hold(command) => command.decide(self),
            SeatCommand::Release(command) => command.decide(self),
            SeatCommand::Sell(command) => command.decide(self),
            SeatCommand::GiveBack(command) => command.decide(self),
        }?;
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        *self = match event {
            SeatEvent::Held { hold, buyer, until, price, .. } => {
                Self::Held { hold, buyer, until, price }
            }
            SeatEvent::Sold { purchase, buyer, .. } => Self::Sold { purchase, buyer },
            SeatEvent::Released { .. } | SeatEvent::Returned { .. } => Self::Free,
        };
    }
}

#[cfg(test)]
mod given {
    //! States of a seat, as the events that lead to them.

    use super::*;
    use chrono::TimeDelta;
    use shared_events::{Currency, FixtureId};
    use uuid::Uuid;

    pub(super) const FIXTURE: FixtureId = FixtureId(Uuid::from_u128(1));
    pub(super) const BUYER: AccountId = AccountId(Uuid::from_u128(2));
    pub(super) const HOLD: HoldId = HoldId(Uuid::from_u128(3));
    pub(super) const OTHER_HOLD: HoldId = HoldId(Uuid::from_u128(4));
    pub(super) const PURCHASE: PurchaseId = PurchaseId(Uuid::from_u128(5));
    pub(super) const OTHER_PURCHASE: PurchaseId = PurchaseId(Uuid::from_u128(6));
    pub(super) const PRICE: Price = Price { price_minor: 2_000, currency: Currency::Usd };

    pub(super) fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_262_400, 0).unwrap()
    }

    /// The end of the hold that began at noon.
    pub(super) fn end() -> DateTime<Utc> {
        noon() + TimeDelta::minutes(5)
    }

    pub(super) fn just_before(time: DateTime<Utc>) -> DateTime<Utc> {
        time - TimeDelta::microseconds(1)
    }

    /// Held by [`HOLD`] until five past noon.
    pub(super) fn held() -> Vec<SeatEvent> {
        let (fixture, hold, buyer, until, price) = (FIXTURE, HOLD, BUYER, end(), PRICE);
        vec![SeatEvent::Held { fixture, hold, buyer, until, price }]
    }

    pub(super) fn released() -> Vec<SeatEvent> {
        [held(), vec![SeatEvent::Released { hold: HOLD }]].concat()
    }

    pub(super) fn sold() -> Vec<SeatEvent> {
        let sold = SeatEvent::Sold { hold: HOLD, purchase: PURCHASE, buyer: BUYER };
        [held(), vec![sold]].concat()
    }

    pub(super) fn returned() -> Vec<SeatEvent> {
        [sold(), vec![SeatEvent::Returned { purchase: PURCHASE }]].concat()
    }

    /// What a command comes to, in a given state.
    pub(super) fn decided(
        given: Vec<SeatEvent>,
        command: SeatCommand,
    ) -> Result<Vec<SeatEvent>, SeatError> {
        let framework = cqrs_es::test::TestFramework::<Seat>::with(());
        framework.given(given).when(command).inspect_result()
    }
}
