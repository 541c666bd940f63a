//! Recording that an order is paid; also one that had ended before the money came, if its ticket is
//! still to be had (the listing decides that, in the same append).

use shared_events::{OrderEvent, PaymentId};

use super::{Order, OrderError, Progress};

/// Record that an order is paid.
#[derive(Clone, Copy, Debug)]
pub struct CompleteOrder {
    /// By which payment.
    pub payment: PaymentId,
}

impl CompleteOrder {
    pub(super) fn decide(self, order: &Order) -> Result<Vec<OrderEvent>, OrderError> {
        let Order::Placed { progress, .. } = order else { return Err(OrderError::Unknown) };
        match *progress {
            Progress::Created { .. }
            | Progress::AwaitingPayment { .. }
            | Progress::Expired
            | Progress::Cancelled { .. } => {
                Ok(vec![OrderEvent::Completed { payment: self.payment }])
            }
            Progress::Completed { payment } if payment == self.payment => Ok(Vec::new()),
            Progress::Completed { payment } => Err(OrderError::Completed { payment }),
            Progress::Refunded { .. } => Err(OrderError::Refunded),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OrderCommand, given};
    use super::*;

    const COMPLETE: OrderCommand =
        OrderCommand::Complete(CompleteOrder { payment: given::PAYMENT });

    #[test]
    fn an_order_is_completed_by_its_payment_also_when_that_came_late() {
        let completed = vec![OrderEvent::Completed { payment: given::PAYMENT }];
        for order in [given::awaiting_payment(), given::expired(), given::cancelled()] {
            assert_eq!(given::decided(order, COMPLETE), Ok(completed.clone()));
        }
        assert_eq!(given::decided(given::completed(), COMPLETE), Ok(Vec::new()));
    }

    #[test]
    fn no_order_is_paid_twice_nor_again_after_its_money_went_back() {
        let payment = given::OTHER_PAYMENT;
        let second = OrderCommand::Complete(CompleteOrder { payment });
        let paid = OrderError::Completed { payment: given::PAYMENT };
        assert_eq!(given::decided(given::completed(), second), Err(paid));
        assert_eq!(given::decided(given::refunded(), COMPLETE), Err(OrderError::Refunded));
        assert_eq!(given::decided(Vec::new(), COMPLETE), Err(OrderError::Unknown));
    }
}
