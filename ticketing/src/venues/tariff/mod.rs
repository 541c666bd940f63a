//! The aggregate `Tariff`: a named price, under which seats are put on sale. What is on sale keeps
//! the price it was offered for.

mod change;
mod define;
mod remove;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use shared_events::{Price, TariffEvent};

pub use change::ChangeTariff;
pub use define::DefineTariff;
pub use remove::RemoveTariff;

/// A named price.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tariff {
    /// There is none.
    #[default]
    Absent,
    /// There is one.
    Defined {
        /// Its name.
        name: String,
        /// How much it is.
        price: Price,
    },
    /// There was one.
    Removed,
}

/// What can be asked of a named price.
#[derive(Clone, Debug)]
pub enum TariffCommand {
    /// Define it.
    Define(DefineTariff),
    /// Change it.
    Change(ChangeTariff),
    /// Remove it.
    Remove(RemoveTariff),
    /// Look at it: nothing happens, but it has to be there.
    Look,
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TariffError {
    /// There is no such price.
    #[error("there is no such price")]
    Unknown,
    /// The id was used before.
    #[error("the price exists already")]
    AlreadyDefined,
}

impl Tariff {
    /// Its name and how much it is, if it is there.
    pub fn defined(&self) -> Option<(&str, Price)> {
        match self {
            Self::Defined { name, price } => Some((name, *price)),
            Self::Absent | Self::Removed => None,
        }
    }
}

impl Aggregate for Tariff {
    const TYPE: &'static str = "tariff";
    type Command = TariffCommand;
    type Event = TariffEvent;
    type Error = TariffError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let events = match command {
            TariffCommand::Define(command) => command.decide(self),
            TariffCommand::Change(command) => command.decide(self),
            TariffCommand::Remove(command) => command.decide(self),
            TariffCommand::Look => self.defined().map(|_| Vec::new()).ok_or(TariffError::Unknown),
        }?;
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        *self = match event {
            TariffEvent::Defined { name, price } | TariffEvent::Changed { name, price } => {
                Self::Defined { name, price }
            }
            TariffEvent::Removed => Self::Removed,
        };
    }
}

#[cfg(test)]
mod given {
    //! States of a named price, as the events that lead to them.

    use super::*;
    use shared_events::Currency;

    pub(super) fn price(price_minor: i64) -> Price {
        Price { price_minor, currency: Currency::Usd }
    }

    pub(super) fn defined() -> Vec<TariffEvent> {
        vec![TariffEvent::Defined { name: "adults".into(), price: price(2_000) }]
    }

    pub(super) fn removed() -> Vec<TariffEvent> {
        [defined(), vec![TariffEvent::Removed]].concat()
    }

    /// What a command comes to, in a given state.
    pub(super) fn decided(
        given: Vec<TariffEvent>,
        command: TariffCommand,
    ) -> Result<Vec<TariffEvent>, TariffError> {
        let framework = cqrs_es::test::TestFramework::<Tariff>::with(());
        framework.given(given).when(command).inspect_result()
    }
}
