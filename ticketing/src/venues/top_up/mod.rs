//! The aggregate `TopUp`: money that is asked of a payment provider for a wallet. What the provider
//! did is recorded, never assumed.

mod begin;
mod capture;
mod decline;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use shared_events::{AccountId, Price, TopUpEvent, WalletId};

pub use begin::BeginTopUp;
pub use capture::CaptureTopUp;
pub use decline::DeclineTopUp;

/// A top-up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TopUp {
    /// Nobody has started it.
    #[default]
    Absent,
    /// It was started.
    Started {
        /// What is asked for.
        demand: Demand,
        /// What came of it.
        progress: Progress,
    },
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// For which wallet.
    pub wallet: WalletId,
    /// By whom.
    pub by: AccountId,
    /// How much.
    pub price: Price,
    /// Through which provider.
    pub provider: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// The provider is being asked.
    Capturing,
    /// The money is in the wallet.
    Captured,
    /// There is no money.
    Declined {
        /// The provider's reason.
        reason: String,
    },
}

/// What can be asked of a top-up.
#[derive(Clone, Debug)]
pub enum TopUpCommand {
    /// Start it.
    Begin(BeginTopUp),
    /// Record that the money was taken.
    Capture(CaptureTopUp),
    /// Record that it was not and will not be.
    Decline(DeclineTopUp),
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopUpError {
    /// There is no such top-up.
    #[error("there is no such top-up")]
    Unknown,
    /// The id was used before.
    #[error("the top-up exists already")]
    AlreadyStarted,
    /// The provider has said the opposite before.
    #[error("the provider contradicts itself")]
    Contradiction,
}

impl Aggregate for TopUp {
    const TYPE: &'static str = "top_up";
    type Command = TopUpCommand;
    type Event = TopUpEvent;
    type Error = TopUpError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let events = match command {
            TopUpCommand::Begin(command) => command.decide(self),
            TopUpCommand::Capture(command) => command.decide(self),
            TopUpCommand::Decline(command) => command.decide(self),
        }?;
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        match (event, self) {
            (TopUpEvent::Started { wallet, by, price, provider }, top_up) => {
                let demand = Demand { wallet, by, price, provider };
                *top_up = Self::Started { demand, progress: Progress::Capturing };
            }
            (TopUpEvent::Captured { .. }, Self::Started { progress, .. }) => {
                *progress = Progress::Captured;
            }
            (TopUpEvent::Declined { reason }, Self::Started { progress, .. }) => {
                *progress = Progress::Declined { reason };
            }
            (_, Self::Absent) => {}
        }
    }
}

#[cfg(test)]
mod given {
    //! States of a top-up, as the events that lead to them.

    use super::*;
    use shared_events::Currency;
    use uuid::Uuid;

    pub(super) fn demand() -> Demand {
        let by = AccountId(Uuid::from_u128(1));
        let price = Price { price_minor: 5_000, currency: Currency::Usd };
        Demand { wallet: WalletId::of(by), by, price, provider: "test".into() }
    }

    pub(super) fn started() -> Vec<TopUpEvent> {
        let Demand { wallet, by, price, provider } = demand();
        vec![TopUpEvent::Started { wallet, by, price, provider }]
    }

    pub(super) fn captured() -> Vec<TopUpEvent> {
        [started(), vec![TopUpEvent::Captured { charge: "ch_1".into() }]].concat()
    }

    pub(super) fn declined() -> Vec<TopUpEvent> {
        [started(), vec![TopUpEvent::Declined { reason: "card_declined".into() }]].concat()
    }

    /// What a command comes to, in a given state.
    pub(super) fn decided(
        given: Vec<TopUpEvent>,
        command: TopUpCommand,
    ) -> Result<Vec<TopUpEvent>, TopUpError> {
        let framework = cqrs_es::test::TestFramework::<TopUp>::with(());
        framework.given(given).when(command).inspect_result()
    }
}
