//! Placing an order. That its ticket is to be had is decided by the listing, in the same append.

use shared_events::OrderEvent;

use super::{Order, OrderError, Terms};

/// Place an order.
#[derive(Clone, Copy, Debug)]
pub struct PlaceOrder(pub Terms);

impl PlaceOrder {
    pub(super) fn decide(self, order: &Order) -> Result<Vec<OrderEvent>, OrderError> {
        let Terms { buyer, listing, seller, title, price, expires_at } = self.0;
        match order {
            Order::Absent => {
                Ok(vec![OrderEvent::Placed { buyer, listing, seller, title, price, expires_at }])
            }
            Order::Placed { .. } => Err(OrderError::AlreadyPlaced),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OrderCommand, given};
    use super::*;

    #[test]
    fn an_order_is_placed_once() {
        let place = OrderCommand::Place(PlaceOrder(given::terms()));
        assert_eq!(given::decided(Vec::new(), place), Ok(given::placed()));
        assert_eq!(given::decided(given::placed(), place), Err(OrderError::AlreadyPlaced));
    }
}
