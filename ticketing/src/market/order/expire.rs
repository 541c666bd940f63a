//! Recording that an order was not paid in time. Nothing depends on when this happens: every
//! command compares the times itself.

use chrono::{DateTime, Utc};
use shared_events::OrderEvent;

use super::{Order, OrderError, Progress};

/// Record that an order's time is over, if it is.
#[derive(Clone, Copy, Debug)]
pub struct ExpireOrder {
    /// When.
    pub now: DateTime<Utc>,
}

impl ExpireOrder {
    pub(super) fn decide(self, order: &Order) -> Result<Vec<OrderEvent>, OrderError> {
        let Order::Placed { terms, progress } = order else { return Err(OrderError::Unknown) };
        let open = matches!(progress, Progress::Created { .. } | Progress::AwaitingPayment { .. });
        let expires = open && progress.at(terms, self.now) == Progress::Expired;
        Ok(expires.then_some(OrderEvent::Expired).into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OrderCommand, given};
    use super::*;

    fn expire(now: DateTime<Utc>) -> OrderCommand {
        OrderCommand::Expire(ExpireOrder { now })
    }

    #[test]
    fn an_order_expires_with_its_time_and_while_a_payment_is_made_with_the_longer_one() {
        for (order, end) in [
            (given::placed(), given::quarter_past()),
            (given::awaiting_payment(), given::extended()),
        ] {
            let early = given::decided(order.clone(), expire(given::just_before(end)));
            assert_eq!(early, Ok(Vec::new()));
            assert_eq!(given::decided(order, expire(end)), Ok(vec![OrderEvent::Expired]));
        }
    }

    #[test]
    fn what_has_ended_does_not_expire() {
        let expire = expire(given::extended());
        for order in [given::completed(), given::cancelled(), given::expired(), given::refunded()] {
            assert_eq!(given::decided(order, expire), Ok(Vec::new()));
        }
        assert_eq!(given::decided(Vec::new(), expire), Err(OrderError::Unknown));
    }
}
