//! The aggregate `Payment`: one attempt to take money for one order, and to give it back. What the
//! provider did is recorded, never assumed.

mod capture;
mod decline;
mod refund;
mod start;
mod start_refund;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use shared_events::{AccountId, OrderId, PaymentEvent, Price, RefundReason};

pub use capture::RecordCapture;
pub use decline::RecordDecline;
pub use refund::RecordRefund;
pub use start::BeginPayment;
pub use start_refund::StartRefund;

/// One attempt to pay for an order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payment {
    /// Nobody has started it.
    #[default]
    Absent,
    /// It was started.
    Started {
        /// What is to be paid.
        demand: Demand,
        /// How far it has come.
        progress: Progress,
    },
}

/// What is to be paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// For which order.
    pub order: OrderId,
    /// By whom.
    pub buyer: AccountId,
    /// How much.
    pub price: Price,
    /// Through which provider.
    pub provider: String,
}

/// How far a payment has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// The provider is being asked for the money.
    Capturing,
    /// The provider has taken the money.
    Captured {
        /// What the provider calls it.
        charge: String,
    },
    /// The provider has taken no money.
    Declined {
        /// The provider's reason.
        reason: String,
    },
    /// The provider is being asked to give the money back.
    Refunding {
        /// What the provider calls the capture.
        charge: String,
        /// Why.
        reason: RefundReason,
        /// Whether the ticket is no longer offered afterwards.
        withdraw: bool,
    },
    /// The provider has given the money back.
    Refunded {
        /// Why.
        reason: RefundReason,
    },
}

/// What can be asked of a payment.
#[derive(Clone, Debug)]
pub enum PaymentCommand {
    /// Start it.
    Begin(BeginPayment),
    /// Record that the money was taken.
    Capture(RecordCapture),
    /// Record that it was not and will not be.
    Decline(RecordDecline),
    /// Start to give it back.
    StartRefund(StartRefund),
    /// Record that it was given back.
    Refund(RecordRefund),
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    /// There is no such payment.
    #[error("there is no such payment")]
    Unknown,
    /// The id was used before.
    #[error("the payment exists already")]
    AlreadyStarted,
    /// No money was taken, so none can go back.
    #[error("nothing was paid")]
    NotCaptured,
    /// The provider has said the opposite before.
    #[error("the provider contradicts itself")]
    Contradiction,
}

impl Aggregate for Payment {
    const TYPE: &'static str = "payment";
    type Command = PaymentCommand;
    type Event = PaymentEvent;
    type Error = PaymentError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let events = match command {
            PaymentCommand::Begin(command) => command.decide(self),
            PaymentCommand::Capture(command) => command.decide(self),
            PaymentCommand::Decline(command) => command.decide(self),
            PaymentCommand::StartRefund(command) => command.decide(self),
            PaymentCommand::Refund(command) => command.decide(self),
        }?;
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        if let PaymentEvent::Started { order, buyer, price, provider } = event {
            let demand = Demand { order, buyer, price, provider };
            *self = Self::Started { demand, progress: Progress::Capturing };
            return;
        }
        let Self::Started { progress, .. } = self else { return };
        *progress = match (event, &*progress) {
            (PaymentEvent::Captured { charge }, _) => Progress::Captured { charge },
            (PaymentEvent::Declined { reason }, _) => Progress::Declined { reason },
            (PaymentEvent::RefundStarted { reason, withdraw }, Progress::Captured { charge }) => {
                Progress::Refunding { charge: charge.clone(), reason, withdraw }
            }
            (PaymentEvent::Refunded { .. }, Progress::Refunding { reason, .. }) => {
                Progress::Refunded { reason: *reason }
            }
            (_, unchanged) => unchanged.clone(),
        };
    }
}

#[cfg(test)]
mod given {
    //! States of a payment, as the events that lead to them.

    use super::*;
    use shared_events::Currency;
    use uuid::Uuid;

    pub(super) const CHARGE: &str = "ch_1";
    pub(super) const REFUND: &str = "re_1";

    pub(super) fn demand() -> Demand {
        Demand {
            order: OrderId(Uuid::from_u128(1)),
            buyer: AccountId(Uuid::from_u128(2)),
            price: Price { price_minor: 1_999, currency: Currency::Usd },
            provider: "test".into(),
        }
    }

    pub(super) fn started() -> Vec<PaymentEvent> {
        let Demand { order, buyer, price, provider } = demand();
        vec![PaymentEvent::Started { order, buyer, price, provider }]
    }

    fn then(mut events: Vec<PaymentEvent>, event: PaymentEvent) -> Vec<PaymentEvent> {
        events.push(event);
        events
    }

    pub(super) fn captured() -> Vec<PaymentEvent> {
        then(started(), PaymentEvent::Captured { charge: CHARGE.into() })
    }

    pub(super) fn declined() -> Vec<PaymentEvent> {
        then(started(), PaymentEvent::Declined { reason: "card_declined".into() })
    }

    pub(super) fn refunding() -> Vec<PaymentEvent> {
        let reason = RefundReason::Requested;
        then(captured(), PaymentEvent::RefundStarted { reason, withdraw: false })
    }

    pub(super) fn refunded() -> Vec<PaymentEvent> {
        then(refunding(), PaymentEvent::Refunded { refund: REFUND.into() })
    }

    /// What a command comes to, in a given state.
    pub(super) fn decided(
        given: Vec<PaymentEvent>,
        command: PaymentCommand,
    ) -> Result<Vec<PaymentEvent>, PaymentError> {
        let framework = cqrs_es::test::TestFramework::<Payment>::with(());
        framework.given(given).when(command).inspect_result()
    }
}
