//! Buying all that is held at the moment.

use chrono::{DateTime, Utc};
use shared_events::{BasketEvent, FixtureId, PurchaseId};

use super::{Basket, BasketError};

/// Buy what is held.
#[derive(Clone, Debug)]
pub struct BuyHeld {
    /// In which purchase.
    pub purchase: PurchaseId,
    /// Only what is held for matches that can still be sold.
    pub fixtures: Vec<FixtureId>,
    /// When.
    pub now: DateTime<Utc>,
}

impl BuyHeld {
    pub(super) fn decide(self, basket: &Basket) -> Result<Vec<BasketEvent>, BasketError> {
        let Self { purchase, fixtures, now } = self;
        let live = basket.live(now).filter(|(_, item)| fixtures.contains(&item.fixture));
        let tickets: Vec<_> = live.map(|(ticket, _)| ticket).collect();
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
        let (purchase, fixtures) = (given::PURCHASE, vec![given::FIXTURE]);
        BasketCommand::Buy(BuyHeld { purchase, fixtures, now: given::after(minutes) })
    }

    #[test]
    fn what_is_held_is_bought_and_what_has_lapsed_is_not() {
        for (minutes, tickets) in [(4, vec![given::FIRST, given::SECOND]), (5, vec![given::SECOND])]
        {
            let bought = BasketEvent::TicketsBought { purchase: given::PURCHASE, tickets };
            assert_eq!(given::decided(given::two(), buy(minutes)), Ok(vec![bought]));
        }
    }

    #[test]
    fn what_is_held_for_another_match_stays() {
        let buy = BuyHeld { purchase: given::PURCHASE, fixtures: Vec::new(), now: given::after(1) };
        let refused = given::decided(given::two(), BasketCommand::Buy(buy));
        assert_eq!(refused, Err(BasketError::Empty));
    }

    /// In an earlier system a purchase of nothing succeeded.
    #[test]
    fn nothing_is_not_bought() {
        assert_eq!(given::decided(Vec::new(), buy(0)), Err(BasketError::Empty));
        assert_eq!(given::decided(given::two(), buy(10)), Err(BasketError::Empty));
    }
}
