//! Holding a seat: the first who comes has it for a while. A hold past its time is none, whether or
//! not anybody recorded its end.

use chrono::{DateTime, Utc};
use shared_events::{AccountId, FixtureId, HoldId, Price, SeatEvent};

use super::{Seat, SeatError};

/// Hold a seat.
#[derive(Clone, Copy, Debug)]
pub struct HoldSeat {
    /// At which match.
    pub fixture: FixtureId,
    /// The new hold.
    pub hold: HoldId,
    /// Who.
    pub buyer: AccountId,
    /// The first instant at which somebody else may have it.
    pub until: DateTime<Utc>,
    /// What it costs.
    pub price: Price,
    /// When.
    pub now: DateTime<Utc>,
}

impl HoldSeat {
    pub(super) fn decide(self, seat: &Seat) -> Result<Vec<SeatEvent>, SeatError> {
        let Self { fixture, hold, buyer, until, price, now } = self;
        if !seat.is_free(now) {
            return Err(SeatError::Taken);
        }
        // What has to be said first: that the hold before is over.
        let lapsed = match seat {
            Seat::Held { hold, .. } => Some(SeatEvent::Released { hold: *hold }),
            Seat::Free | Seat::Sold { .. } => None,
        };
        let held = SeatEvent::Held { fixture, hold, buyer, until, price };
        Ok(lapsed.into_iter().chain([held]).collect())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::super::{SeatCommand, given};
    use super::*;

    fn hold(now: DateTime<Utc>) -> SeatCommand {
        SeatCommand::Hold(HoldSeat {
            fixture: given::FIXTURE,
            hold: given::OTHER_HOLD,
            buyer: given::BUYER,
            until: now + TimeDelta::minutes(5),
            price: given::PRICE,
            now,
        })
    }

    fn held(now: DateTime<Utc>) -> SeatEvent {
        SeatEvent::Held {
            fixture: given::FIXTURE,
            hold: given::OTHER_HOLD,
            buyer: given::BUYER,
            until: now + TimeDelta::minutes(5),
            price: given::PRICE,
        }
    }

    #[test]
    fn what_is_free_can_be_held() {
        let now = given::noon();
        for given in [Vec::new(), given::released(), given::returned()] {
            assert_eq!(given::decided(given, hold(now)), Ok(vec![held(now)]));
        }
    }

    #[test]
    fn a_seat_has_one_holder_until_the_last_moment_of_the_hold() {
        let now = given::just_before(given::end());
        for given in [given::held(), given::sold()] {
            assert_eq!(given::decided(given, hold(now)), Err(SeatError::Taken));
        }
    }

    #[test]
    fn from_the_end_of_a_hold_on_the_next_may_have_it_although_nobody_recorded_the_end() {
        let events = vec![SeatEvent::Released { hold: given::HOLD }, held(given::end())];
        assert_eq!(given::decided(given::held(), hold(given::end())), Ok(events));
        let sold = given::decided(given::sold(), hold(given::end()));
        assert_eq!(sold, Err(SeatError::Taken));
    }
}
