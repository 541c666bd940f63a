//! The aggregate `Purchase`: tickets that were bought together, and whether they still are.

mod make;
mod refund;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use shared_events::{AccountId, BoughtTicket, Price, PurchaseEvent, WalletId};

pub use make::MakePurchase;
pub use refund::RefundPurchase;

/// A purchase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purchase {
    /// There is none.
    #[default]
    Absent,
    /// It was made.
    Made {
        /// Who has bought what.
        bought: Bought,
        /// Whether it was refunded.
        refunded: bool,
    },
}

/// Who has bought what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bought {
    /// Who.
    pub buyer: AccountId,
    /// From which wallet.
    pub wallet: WalletId,
    /// What all of it cost together.
    pub total: Price,
    /// What.
    pub tickets: Vec<BoughtTicket>,
}

/// What can be asked of a purchase.
#[derive(Clone, Debug)]
pub enum PurchaseCommand {
    /// Make it.
    Make(MakePurchase),
    /// Refund it.
    Refund(RefundPurchase),
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PurchaseError {
    /// There is no such purchase, or it is not the caller's.
    #[error("there is no such purchase")]
    Unknown,
    /// The id was used before.
    #[error("the purchase was made already")]
    AlreadyMade,
    /// The money has gone back.
    #[error("the purchase was refunded")]
    AlreadyRefunded,
    /// Its buyer may not refund it any more.
    #[error("it is too late for a refund")]
    TooLate,
}

impl Purchase {
    /// Who has bought what, if it was made.
    pub fn bought(&self) -> Option<&Bought> {
        match self {
            Self::Absent => None,
            Self::Made { bought, .. } => Some(bought),
        }
    }
}

impl Aggregate for Purchase {
    const TYPE: &'static str = "purchase";
    type Command = PurchaseCommand;
    type Event = PurchaseEvent;
    type Error = PurchaseError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let events = match command {
            PurchaseCommand::Make(command) => command.decide(self),
            PurchaseCommand::Refund(command) => command.decide(self),
        }?;
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        match (event, self) {
            (PurchaseEvent::Made { buyer, wallet, total, tickets }, purchase) => {
                let bought = Bought { buyer, wallet, total, tickets };
                *purchase = Self::Made { bought, refunded: false };
            }
            (PurchaseEvent::Refunded { .. }, Self::Made { refunded, .. }) => *refunded = true,
            (PurchaseEvent::Refunded { .. }, Self::Absent) => {}
        }
    }
}

#[cfg(test)]
mod given {
    //! States of a purchase, as the events that lead to them.

    use super::*;
    use shared_events::{Currency, FixtureId, TicketId};
    use uuid::Uuid;

    pub(super) const BUYER: AccountId = AccountId(Uuid::from_u128(1));

    pub(super) fn bought() -> Bought {
        let price = Price { price_minor: 2_000, currency: Currency::Usd };
        let ticket = TicketId(Uuid::from_u128(2));
        let fixture = FixtureId(Uuid::from_u128(3));
        let tickets = vec![BoughtTicket { ticket, fixture, price }];
        Bought { buyer: BUYER, wallet: WalletId::of(BUYER), total: price, tickets }
    }

    pub(super) fn made() -> Vec<PurchaseEvent> {
        let Bought { buyer, wallet, total, tickets } = bought();
        vec![PurchaseEvent::Made { buyer, wallet, total, tickets }]
    }

    pub(super) fn refunded(by: AccountId) -> Vec<PurchaseEvent> {
        [made(), vec![PurchaseEvent::Refunded { by }]].concat()
    }

    /// What a command comes to, in a given state.
    pub(super) fn decided(
        given: Vec<PurchaseEvent>,
        command: PurchaseCommand,
    ) -> Result<Vec<PurchaseEvent>, PurchaseError> {
        let framework = cqrs_es::test::TestFramework::<Purchase>::with(());
        framework.given(given).when(command).inspect_result()
    }
}
