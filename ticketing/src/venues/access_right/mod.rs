//! The aggregate `AccessRight`: who has used an access link may buy once at a match that is behind
//! the gate.

mod grant;
mod spend;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use shared_events::{AccessRightEvent, Requester};

pub use grant::GrantRight;
pub use spend::SpendRight;

/// A right to buy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessRight {
    /// No link was used.
    #[default]
    Absent,
    /// It can be used.
    Granted {
        /// By whom.
        requester: Requester,
    },
    /// It was used.
    Spent {
        /// Whose it was.
        requester: Requester,
    },
}

/// What can be asked of a right.
#[derive(Clone, Copy, Debug)]
pub enum AccessRightCommand {
    /// Grant it.
    Grant(GrantRight),
    /// Use it.
    Spend(SpendRight),
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessRightError {
    /// There is no such right, or it is somebody else's.
    #[error("there is no such right")]
    Unknown,
    /// It works once.
    #[error("the right was used before")]
    Spent,
}

impl Aggregate for AccessRight {
    const TYPE: &'static str = "access_right";
    type Command = AccessRightCommand;
    type Event = AccessRightEvent;
    type Error = AccessRightError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let events = match command {
            AccessRightCommand::Grant(command) => command.decide(self),
            AccessRightCommand::Spend(command) => command.decide(self),
        }?;
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        *self = match (event, *self) {
            (AccessRightEvent::Granted { requester }, _) => Self::Granted { requester },
            (AccessRightEvent::Used { .. }, Self::Absent) => Self::Absent,
            (
                AccessRightEvent::Used { .. },
                Self::Granted { requester } | Self::Spent { requester },
            ) => Self::Spent { requester },
        };
    }
}

#[cfg(test)]
mod given {
    //! States of a right, as the events that lead to them.

    use super::*;
    use shared_events::{AccountId, FixtureId, HoldId};
    use uuid::Uuid;

    pub(super) const OWNER: AccountId = AccountId(Uuid::from_u128(1));
    pub(super) const OTHER: AccountId = AccountId(Uuid::from_u128(2));
    pub(super) const FIXTURE: FixtureId = FixtureId(Uuid::from_u128(3));
    pub(super) const HOLD: HoldId = HoldId(Uuid::from_u128(4));

    pub(super) fn granted(requester: Requester) -> Vec<AccessRightEvent> {
        vec![AccessRightEvent::Granted { requester }]
    }

    pub(super) fn used(by: AccountId) -> AccessRightEvent {
        AccessRightEvent::Used { fixture: FIXTURE, hold: HOLD, by }
    }

    /// What a command comes to, in a given state.
    pub(super) fn decided(
        given: Vec<AccessRightEvent>,
        command: AccessRightCommand,
    ) -> Result<Vec<AccessRightEvent>, AccessRightError> {
        let framework = cqrs_es::test::TestFramework::<AccessRight>::with(());
        framework.given(given).when(command).inspect_result()
    }
}
