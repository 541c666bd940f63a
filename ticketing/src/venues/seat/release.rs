//! Giving a hold up, before its time or when it is over. The hold is named: what speaks of another
//! one changes nothing, so that a late timer never frees the next holder's seat.

use shared_events::{HoldId, SeatEvent};

use super::{Seat, SeatError};

/// Give a hold up.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseSeat {
    /// Which hold.
    pub hold: HoldId,
}

impl ReleaseSeat {
    pub(super) fn decide(self, seat: &Seat) -> Result<Vec<SeatEvent>, SeatError> {
        match seat {
            Seat::Held { hold, .. } if *hold == self.hold => {
                Ok(vec![SeatEvent::Released { hold: self.hold }])
            }
            Seat::Free | Seat::Held { .. } | Seat::Sold { .. } => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SeatCommand, given};
    use super::*;

    fn release(hold: HoldId) -> SeatCommand {
        SeatCommand::Release(ReleaseSeat { hold })
    }

    #[test]
    fn a_hold_is_given_up_and_once_is_enough() {
        let released = Ok(vec![SeatEvent::Released { hold: given::HOLD }]);
        assert_eq!(given::decided(given::held(), release(given::HOLD)), released);
        assert_eq!(given::decided(given::released(), release(given::HOLD)), Ok(Vec::new()));
    }

    /// An earlier system's timers freed the seat of whoever held it by then.
    #[test]
    fn a_late_timer_does_not_free_the_next_holders_seat() {
        for given in [given::held(), given::sold(), Vec::new()] {
            assert_eq!(given::decided(given, release(given::OTHER_HOLD)), Ok(Vec::new()));
        }
        assert_eq!(given::decided(given::sold(), release(given::HOLD)), Ok(Vec::new()));
    }
}
