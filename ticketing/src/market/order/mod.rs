//! The aggregate `Order`: what its events made of it, and which commands it takes. It speaks of the
//! buyer's side; who has the ticket is the listing's to say.

mod cancel;
mod complete;
mod decline;
mod expire;
mod place;
mod refund;
mod start_payment;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use shared_events::{
    AccountId, CancelReason, ListingId, OrderEvent, PaymentId, Price, RefundReason, TitleId,
};

pub use cancel::CancelOrder;
pub use complete::CompleteOrder;
pub use decline::DeclinePayment;
pub use expire::ExpireOrder;
pub use place::PlaceOrder;
pub use refund::RefundOrder;
pub use start_payment::StartPayment;

/// Declined payments after which an order is cancelled.
pub const DECLINES: u32 = 3;

/// Somebody's order for a ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Nobody has placed it.
    #[default]
    Absent,
    /// It was placed.
    Placed {
        /// What was ordered.
        terms: Terms,
        /// How far it has come.
        progress: Progress,
    },
}

/// What was ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// By whom.
    pub buyer: AccountId,
    /// Which ticket.
    pub listing: ListingId,
    /// Whose ticket it was.
    pub seller: AccountId,
    /// Its title at that moment.
    pub title: TitleId,
    /// The price of the order.
    pub price: Price,
    /// The first instant at which it can no longer be paid.
    pub expires_at: DateTime<Utc>,
}

/// How far an order has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// It can be paid until its time is over.
    Created {
        /// Payments that were declined.
        declines: u32,
    },
    /// A payment is being made.
    AwaitingPayment {
        /// Which payment.
        payment: PaymentId,
        /// The first instant at which the ticket is held no longer.
        until: DateTime<Utc>,
        /// Payments that were declined before it.
        declines: u32,
    },
    /// Paid.
    Completed {
        /// By which payment.
        payment: PaymentId,
    },
    /// Given up before it was paid.
    Cancelled {
        /// Why.
        reason: CancelReason,
    },
    /// Not paid in time.
    Expired,
    /// The money went back.
    Refunded {
        /// Which payment's.
        payment: PaymentId,
        /// Why.
        reason: RefundReason,
    },
}

impl Progress {
    /// What it is at this moment, whether or not somebody has recorded that its time is over.
    #[must_use]
    pub fn at(self, terms: &Terms, now: DateTime<Utc>) -> Self {
        let end = match self {
            Self::Created { .. } => terms.expires_at,
            Self::AwaitingPayment { until, .. } => until,
            settled => return settled,
        };
        if now >= end { Self::Expired } else { self }
    }
}

/// What can be asked of an order.
#[derive(Clone, Copy, Debug)]
pub enum OrderCommand {
    /// Place it.
    Place(PlaceOrder),
    /// Start to pay for it.
    StartPayment(StartPayment),
    /// Record that a payment was declined.
    Decline(DeclinePayment),
    /// Record that it is paid.
    Complete(CompleteOrder),
    /// Give it up.
    Cancel(CancelOrder),
    /// Record that its time is over.
    Expire(ExpireOrder),
    /// Record that the money went back.
    Refund(RefundOrder),
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// There is no such order, or it is not the caller's.
    #[error("there is no such order")]
    Unknown,
    /// The id was used before.
    #[error("the order exists already")]
    AlreadyPlaced,
    /// Its time is over.
    #[error("the order has expired")]
    Expired,
    /// It was given up.
    #[error("the order was cancelled")]
    Cancelled,
    /// A payment is being made.
    #[error("a payment for the order is being made")]
    PaymentInProgress,
    /// It is paid.
    #[error("the order is paid")]
    Completed {
        /// By which payment.
        payment: PaymentId,
    },
    /// The money went back.
    #[error("the order was refunded")]
    Refunded,
}

impl Order {
    /// What was ordered and how far it has come at this moment.
    fn at(&self, now: DateTime<Utc>) -> Result<(Terms, Progress), OrderError> {
        match self {
            Self::Absent => Err(OrderError::Unknown),
            Self::Placed { terms, progress } => Ok((*terms, progress.at(terms, now))),
        }
    }

    /// Whether it waits for this payment at this moment.
    pub fn awaits(&self, payment: PaymentId, now: DateTime<Utc>) -> bool {
        match self.at(now) {
            Ok((_, Progress::AwaitingPayment { payment: awaited, .. })) => awaited == payment,
            _ => false,
        }
    }

    /// What was ordered, if anything was.
    pub fn terms(&self) -> Option<Terms> {
        match self {
            Self::Absent => None,
            Self::Placed { terms, .. } => Some(*terms),
        }
    }
}

impl Aggregate for Order {
    const TYPE: &'static str = "order";
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Error = OrderError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let events = match command {
            OrderCommand::Place(command) => command.decide(self),
            OrderCommand::StartPayment(command) => command.decide(self),
            OrderCommand::Decline(command) => command.decide(self),
            OrderCommand::Complete(command) => command.decide(self),
            OrderCommand::Cancel(command) => command.decide(self),
            OrderCommand::Expire(command) => command.decide(self),
            OrderCommand::Refund(command) => command.decide(self),
        }?;
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        if let OrderEvent::Placed { buyer, listing, seller, title, price, expires_at } = event {
            let terms = Terms { buyer, listing, seller, title, price, expires_at };
            *self = Self::Placed { terms, progress: Progress::Created { declines: 0 } };
            return;
        }
        let Self::Placed { progress, .. } = self else { return };
        let so_far = match *progress {
            Progress::Created { declines } | Progress::AwaitingPayment { declines, .. } => declines,
            _ => 0,
        };
        *progress = match event {
            OrderEvent::Placed { .. } => return,
            OrderEvent::PaymentStarted { payment, until } => {
                Progress::AwaitingPayment { payment, until, declines: so_far }
            }
            OrderEvent::PaymentDeclined { .. } => Progress::Created { declines: so_far + 1 },
            OrderEvent::Completed { payment } => Progress::Completed { payment },
            OrderEvent::Cancelled { reason } => Progress::Cancelled { reason },
            OrderEvent::Expired => Progress::Expired,
            OrderEvent::Refunded { payment, reason } => Progress::Refunded { payment, reason },
        };
    }
}

#[cfg(test)]
mod given {
    //! States of an order, as the events that lead to them.

    use super::*;
    use chrono::TimeDelta;
    use shared_events::Currency;
    use uuid::Uuid;

    pub(super) const BUYER: AccountId = AccountId(Uuid::from_u128(2));
    pub(super) const STRANGER: AccountId = AccountId(Uuid::from_u128(9));
    pub(super) const PAYMENT: PaymentId = PaymentId(Uuid::from_u128(6));
    pub(super) const OTHER_PAYMENT: PaymentId = PaymentId(Uuid::from_u128(7));

    pub(super) fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_262_400, 0).unwrap()
    }

    /// The end of an order that was placed at noon.
    pub(super) fn quarter_past() -> DateTime<Utc> {
        noon() + TimeDelta::minutes(15)
    }

    /// The end of the hold while a payment is made.
    pub(super) fn extended() -> DateTime<Utc> {
        noon() + TimeDelta::minutes(25)
    }

    pub(super) fn just_before(time: DateTime<Utc>) -> DateTime<Utc> {
        time - TimeDelta::microseconds(1)
    }

    pub(super) fn terms() -> Terms {
        Terms {
            buyer: BUYER,
            listing: ListingId(Uuid::from_u128(1)),
            seller: AccountId(Uuid::from_u128(3)),
            title: TitleId(Uuid::from_u128(4)),
            price: Price { price_minor: 1_999, currency: Currency::Usd },
            expires_at: quarter_past(),
        }
    }

    /// Placed at noon.
    pub(super) fn placed() -> Vec<OrderEvent> {
        let Terms { buyer, listing, seller, title, price, expires_at } = terms();
        vec![OrderEvent::Placed { buyer, listing, seller, title, price, expires_at }]
    }

    fn then(mut events: Vec<OrderEvent>, event: OrderEvent) -> Vec<OrderEvent> {
        events.push(event);
        events
    }

    pub(super) fn awaiting_payment() -> Vec<OrderEvent> {
        then(placed(), OrderEvent::PaymentStarted { payment: PAYMENT, until: extended() })
    }

    pub(super) fn completed() -> Vec<OrderEvent> {
        then(awaiting_payment(), OrderEvent::Completed { payment: PAYMENT })
    }

    pub(super) fn cancelled() -> Vec<OrderEvent> {
        then(placed(), OrderEvent::Cancelled { reason: CancelReason::ByBuyer })
    }

    /// While its payment was being made.
    pub(super) fn expired() -> Vec<OrderEvent> {
        then(awaiting_payment(), OrderEvent::Expired)
    }

    pub(super) fn refunded() -> Vec<OrderEvent> {
        let refunded = OrderEvent::Refunded { payment: PAYMENT, reason: RefundReason::Requested };
        then(completed(), refunded)
    }

    /// Two of three payments were declined, the third is being made.
    pub(super) fn declined_twice() -> Vec<OrderEvent> {
        let mut events = placed();
        for payment in [8, 9] {
            let payment = PaymentId(Uuid::from_u128(payment));
            events.push(OrderEvent::PaymentStarted { payment, until: extended() });
            events.push(OrderEvent::PaymentDeclined { payment });
        }
        then(events, OrderEvent::PaymentStarted { payment: PAYMENT, until: extended() })
    }

    /// What a command comes to, in a given state.
    pub(super) fn decided(
        given: Vec<OrderEvent>,
        command: OrderCommand,
    ) -> Result<Vec<OrderEvent>, OrderError> {
        let framework = cqrs_es::test::TestFramework::<Order>::with(());
        framework.given(given).when(command).inspect_result()
    }
}
