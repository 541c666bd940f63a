//! Recording that an order's money went back.

use shared_events::{OrderEvent, PaymentId, RefundReason};

use super::{Order, OrderError, Progress};

/// Record that the money went back.
#[derive(Clone, Copy, Debug)]
pub struct RefundOrder {
    /// Which payment's.
    pub payment: PaymentId,
    /// Why.
    pub reason: RefundReason,
}

impl RefundOrder {
    /// An order that another payment has completed stays completed.
    pub(super) fn decide(self, order: &Order) -> Result<Vec<OrderEvent>, OrderError> {
        let Self { payment, reason } = self;
        let Order::Placed { progress, .. } = order else { return Err(OrderError::Unknown) };
        let refunded = match *progress {
            Progress::Completed { payment: by } => by == payment,
            Progress::Refunded { .. } => false,
            _ => true,
        };
        Ok(refunded.then_some(OrderEvent::Refunded { payment, reason }).into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OrderCommand, given};
    use super::*;

    fn refund(payment: PaymentId) -> OrderCommand {
        let reason = RefundReason::Requested;
        OrderCommand::Refund(RefundOrder { payment, reason })
    }

    #[test]
    fn a_paid_order_and_one_whose_money_came_too_late_are_refunded_once() {
        let refunded = given::refunded().split_off(3);
        for order in [given::completed(), given::expired(), given::cancelled()] {
            let events = given::decided(order, refund(given::PAYMENT));
            assert_eq!(events, Ok(refunded.clone()));
        }
        let again = given::decided(given::refunded(), refund(given::PAYMENT));
        assert_eq!(again, Ok(Vec::new()));
    }

    #[test]
    fn the_refund_of_a_second_payment_leaves_the_order_paid() {
        let events = given::decided(given::completed(), refund(given::OTHER_PAYMENT));
        assert_eq!(events, Ok(Vec::new()));
    }
}
