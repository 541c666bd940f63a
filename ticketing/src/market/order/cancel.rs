//! Giving an order up before it is paid. While a payment is being made nobody knows whether it is
//! paid, so it can not be given up then.

use chrono::{DateTime, Utc};
use shared_events::{AccountId, CancelReason, OrderEvent};

use super::{Order, OrderError, Progress};

/// Give an order up.
#[derive(Clone, Copy, Debug)]
pub struct CancelOrder {
    /// Who wants that.
    pub by: AccountId,
    /// When.
    pub now: DateTime<Utc>,
}

impl CancelOrder {
    pub(super) fn decide(self, order: &Order) -> Result<Vec<OrderEvent>, OrderError> {
        let (terms, progress) = order.at(self.now)?;
        if terms.buyer != self.by {
            return Err(OrderError::Unknown);
        }
        match progress {
            Progress::Created { .. } => {
                Ok(vec![OrderEvent::Cancelled { reason: CancelReason::ByBuyer }])
            }
            Progress::Cancelled { .. } => Ok(Vec::new()),
            Progress::AwaitingPayment { .. } => Err(OrderError::PaymentInProgress),
            Progress::Completed { payment } => Err(OrderError::Completed { payment }),
            Progress::Expired => Err(OrderError::Expired),
            Progress::Refunded { .. } => Err(OrderError::Refunded),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OrderCommand, given};
    use super::*;

    fn cancel(by: AccountId, now: DateTime<Utc>) -> OrderCommand {
        OrderCommand::Cancel(CancelOrder { by, now })
    }

    #[test]
    fn the_buyer_gives_up_what_is_not_paid_and_once_is_enough() {
        let cancel = cancel(given::BUYER, given::noon());
        let cancelled = given::cancelled().split_off(1);
        assert_eq!(given::decided(given::placed(), cancel), Ok(cancelled));
        assert_eq!(given::decided(given::cancelled(), cancel), Ok(Vec::new()));
    }

    #[test]
    fn what_is_paid_or_may_be_paid_or_is_over_is_not_given_up() {
        let payment = given::PAYMENT;
        for (order, why) in [
            (given::awaiting_payment(), OrderError::PaymentInProgress),
            (given::completed(), OrderError::Completed { payment }),
            (given::expired(), OrderError::Expired),
            (given::refunded(), OrderError::Refunded),
        ] {
            let refused = given::decided(order, cancel(given::BUYER, given::noon()));
            assert_eq!(refused, Err(why));
        }
        let late = given::decided(given::placed(), cancel(given::BUYER, given::quarter_past()));
        assert_eq!(late, Err(OrderError::Expired));
    }

    #[test]
    fn to_anybody_else_the_order_is_unknown() {
        for order in [Vec::new(), given::placed(), given::cancelled()] {
            let refused = given::decided(order, cancel(given::STRANGER, given::noon()));
            assert_eq!(refused, Err(OrderError::Unknown));
        }
    }
}
