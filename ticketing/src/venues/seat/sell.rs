//! Selling a seat to who holds it, within the time of the hold.

use chrono::{DateTime, Utc};
use shared_events::{HoldId, PurchaseId, SeatEvent};

use super::{Seat, SeatError};

/// Sell a seat.
#[derive(Clone, Copy, Debug)]
pub struct SellSeat {
    /// To which hold.
    pub hold: HoldId,
    /// In which purchase.
    pub purchase: PurchaseId,
    /// When.
    pub now: DateTime<Utc>,
}

impl SellSeat {
    pub(super) fn decide(self, seat: &Seat) -> Result<Vec<SeatEvent>, SeatError> {
        let Self { hold, purchase, now } = self;
        match *seat {
            Seat::Held { hold: holder, buyer, until, .. } if holder == hold && now < until => {
                Ok(vec![SeatEvent::Sold { hold, purchase, buyer }])
            }
            Seat::Free | Seat::Held { .. } | Seat::Sold { .. } => Err(SeatError::NotHeld),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SeatCommand, given};
    use super::*;

    fn sell(hold: HoldId, now: DateTime<Utc>) -> SeatCommand {
        SeatCommand::Sell(SellSeat { hold, purchase: given::PURCHASE, now })
    }

    #[test]
    fn the_holder_buys_until_the_last_moment_of_the_hold() {
        let (hold, purchase, buyer) = (given::HOLD, given::PURCHASE, given::BUYER);
        let sold = Ok(vec![SeatEvent::Sold { hold, purchase, buyer }]);
        let last = given::just_before(given::end());
        assert_eq!(given::decided(given::held(), sell(hold, last)), sold);
        let late = given::decided(given::held(), sell(hold, given::end()));
        assert_eq!(late, Err(SeatError::NotHeld));
    }

    #[test]
    fn who_does_not_hold_it_does_not_buy_it() {
        let refused = given::decided(given::held(), sell(given::OTHER_HOLD, given::noon()));
        assert_eq!(refused, Err(SeatError::NotHeld));
        for given in [Vec::new(), given::released(), given::sold(), given::returned()] {
            let refused = given::decided(given, sell(given::HOLD, given::noon()));
            assert_eq!(refused, Err(SeatError::NotHeld));
        }
    }
}
