//! Taking a seat back whose purchase is refunded.

use shared_events::{PurchaseId, SeatEvent};

use super::{Seat, SeatError};

/// Take a seat back.
#[derive(Clone, Copy, Debug)]
pub struct GiveBackSeat {
    /// Of which purchase.
    pub purchase: PurchaseId,
}

impl GiveBackSeat {
    pub(super) fn decide(self, seat: &Seat) -> Result<Vec<SeatEvent>, SeatError> {
        let Self { purchase } = self;
        match seat {
            Seat::Sold { purchase: owner, .. } if *owner == purchase => {
                Ok(vec![SeatEvent::Returned { purchase }])
            }
            Seat::Free | Seat::Held { .. } | Seat::Sold { .. } => Err(SeatError::NotSold),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SeatCommand, given};
    use super::*;

    #[test]
    fn only_the_purchase_that_has_the_seat_gives_it_back() {
        let give_back = |purchase| SeatCommand::GiveBack(GiveBackSeat { purchase });
        let returned = Ok(vec![SeatEvent::Returned { purchase: given::PURCHASE }]);
        assert_eq!(given::decided(given::sold(), give_back(given::PURCHASE)), returned);
        let other = given::decided(given::sold(), give_back(given::OTHER_PURCHASE));
        assert_eq!(other, Err(SeatError::NotSold));
        for given in [Vec::new(), given::held(), given::returned()] {
            let refused = given::decided(given, give_back(given::PURCHASE));
            assert_eq!(refused, Err(SeatError::NotSold));
        }
    }
}
