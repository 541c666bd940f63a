//! Buying all that is held at the moment.

use chrono::{DateTime, Utc};
use shared_events::{BasketEvent, PurchaseId};

use super::{Basket, BasketError};

/// Buy what is held.
#[derive(Clone, Copy, Debug)]
pub struct BuyHeld {
    /// In which purchase.
    pub purchase: PurchaseId,
    /// When.
    pub now: DateTime<Utc>,
}

impl BuyHeld {
    pub(super) fn decide(self, basket: &Basket) -> Result<Vec<BasketEvent>, BasketError> {
        let Self { purchase, now } = self;
        let tickets: Vec<_> = basket.live(now).map(|(ticket, _)| ticket).collect();
        if tickets.is_empty() {
            return Err(BasketError::Empty);
        }
        Ok(vec![BasketEvent::TicketsBought { purchase, tickets }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BasketCommand, given};
    use super::*;

    fn buy(minutes: i64) -> BasketCommand {
        let (purchase, now) = (given::PURCHASE, given::after(minutes));
        BasketCommand::Buy(BuyHeld { purchase, now })
    }

    #[test]
    fn what_is_held_is_bought_and_what_has_lapsed_is_not() {
        for (minutes, tickets) in [(4, vec![given::FIRST, given::SECOND]), (5, vec![given::SECOND])]
        {
            let bought = BasketEvent::TicketsBought { purchase: given::PURCHASE, tickets };
            assert_eq!(given::decided(given::two(), buy(minutes)), Ok(vec![bought]));
        }
    }

    /// In an earlier system a purchase of nothing succeeded.
    #[test]
    fn nothing_is_not_bought() {
        assert_eq!(given::decided(Vec::new(), buy(0)), Err(BasketError::Empty));
        assert_eq!(given::decided(given::two(), buy(10)), Err(BasketError::Empty));
    }
}
