//! Recording that a payment was declined: another may be tried as long as the order's own time
//! lasts, but not too often.

use shared_events::{CancelReason, OrderEvent, PaymentId};

use super::{DECLINES, Order, OrderError, Progress};

/// Record that a payment was declined.
#[derive(Clone, Copy, Debug)]
pub struct DeclinePayment {
    /// Which payment.
    pub payment: PaymentId,
}

impl DeclinePayment {
    /// Of a payment that the order does not wait for (any more) nothing follows.
    pub(super) fn decide(self, order: &Order) -> Result<Vec<OrderEvent>, OrderError> {
        let Order::Placed { progress, .. } = order else { return Err(OrderError::Unknown) };
        match *progress {
            Progress::AwaitingPayment { payment, declines, .. } if payment == self.payment => {
                let declined = OrderEvent::PaymentDeclined { payment };
                let last = declines + 1 >= DECLINES;
                let cancelled =
                    last.then_some(OrderEvent::Cancelled { reason: CancelReason::Declined });
                Ok(std::iter::once(declined).chain(cancelled).collect())
            }
            _ => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OrderCommand, given};
    use super::*;

    const DECLINE: OrderCommand = OrderCommand::Decline(DeclinePayment { payment: given::PAYMENT });
    const DECLINED: OrderEvent = OrderEvent::PaymentDeclined { payment: given::PAYMENT };

    #[test]
    fn after_a_declined_payment_another_may_be_tried() {
        assert_eq!(given::decided(given::awaiting_payment(), DECLINE), Ok(vec![DECLINED]));
        let mut order = Order::default();
        for event in given::awaiting_payment().into_iter().chain([DECLINED]) {
            cqrs_es::Aggregate::apply(&mut order, event);
        }
        let Order::Placed { progress, .. } = order else { panic!() };
        assert_eq!(progress, Progress::Created { declines: 1 });
    }

    #[test]
    fn the_third_declined_payment_ends_the_order() {
        let cancelled = OrderEvent::Cancelled { reason: CancelReason::Declined };
        let events = given::decided(given::declined_twice(), DECLINE);
        assert_eq!(events, Ok(vec![DECLINED, cancelled]));
    }

    #[test]
    fn what_the_order_does_not_wait_for_changes_nothing() {
        for order in [given::placed(), given::completed(), given::expired(), given::cancelled()] {
            assert_eq!(given::decided(order, DECLINE), Ok(Vec::new()));
        }
        let other = OrderCommand::Decline(DeclinePayment { payment: given::OTHER_PAYMENT });
        assert_eq!(given::decided(given::awaiting_payment(), other), Ok(Vec::new()));
        assert_eq!(given::decided(Vec::new(), DECLINE), Err(OrderError::Unknown));
    }
}
