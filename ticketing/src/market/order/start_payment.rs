//! Starting to pay: from here on the order waits for the payment's outcome, and its ticket is held
//! for longer, so that nobody takes it meanwhile.

use chrono::{DateTime, TimeDelta, Utc};
use shared_events::{AccountId, OrderEvent, PaymentId};

use super::{Order, OrderError, Progress};

/// Start to pay for an order.
#[derive(Clone, Copy, Debug)]
pub struct StartPayment {
    /// Who pays.
    pub by: AccountId,
    /// With which payment.
    pub payment: PaymentId,
    /// How much longer the ticket is held.
    pub longer: TimeDelta,
    /// When.
    pub now: DateTime<Utc>,
}

impl StartPayment {
    pub(super) fn decide(self, order: &Order) -> Result<Vec<OrderEvent>, OrderError> {
        let (terms, progress) = order.at(self.now)?;
        if terms.buyer != self.by {
            return Err(OrderError::Unknown);
        }
        match progress {
            Progress::Created { .. } => Ok(vec![OrderEvent::PaymentStarted {
                payment: self.payment,
                until: terms.expires_at + self.longer,
            }]),
            Progress::AwaitingPayment { .. } => Err(OrderError::PaymentInProgress),
            Progress::Completed { payment } => Err(OrderError::Completed { payment }),
            Progress::Cancelled { .. } => Err(OrderError::Cancelled),
            Progress::Expired => Err(OrderError::Expired),
            Progress::Refunded { .. } => Err(OrderError::Refunded),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OrderCommand, given};
    use super::*;

    fn start(by: AccountId, now: DateTime<Utc>) -> OrderCommand {
        let (payment, longer) = (given::PAYMENT, TimeDelta::minutes(10));
        OrderCommand::StartPayment(StartPayment { by, payment, longer, now })
    }

    #[test]
    fn an_order_can_be_paid_until_the_last_moment_and_is_held_longer_meanwhile() {
        for now in [given::noon(), given::just_before(given::quarter_past())] {
            let events = given::decided(given::placed(), start(given::BUYER, now));
            assert_eq!(events, Ok(given::awaiting_payment().split_off(1)));
        }
    }

    #[test]
    fn from_its_end_on_it_can_not_be_paid_although_nobody_recorded_the_end() {
        let start = |now| start(given::BUYER, now);
        let late = given::decided(given::placed(), start(given::quarter_past()));
        assert_eq!(late, Err(OrderError::Expired));
        let late = given::decided(given::awaiting_payment(), start(given::extended()));
        assert_eq!(late, Err(OrderError::Expired));
    }

    #[test]
    fn an_order_is_paid_once_and_one_payment_is_made_at_a_time() {
        let payment = given::PAYMENT;
        for (order, why) in [
            (given::awaiting_payment(), OrderError::PaymentInProgress),
            (given::completed(), OrderError::Completed { payment }),
            (given::cancelled(), OrderError::Cancelled),
            (given::expired(), OrderError::Expired),
            (given::refunded(), OrderError::Refunded),
        ] {
            let refused = given::decided(order, start(given::BUYER, given::noon()));
            assert_eq!(refused, Err(why));
        }
    }

    #[test]
    fn to_anybody_else_the_order_is_unknown() {
        for order in [Vec::new(), given::placed(), given::completed()] {
            let refused = given::decided(order, start(given::STRANGER, given::noon()));
            assert_eq!(refused, Err(OrderError::Unknown));
        }
    }
}
