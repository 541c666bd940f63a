//! Whether a seat is free. Nothing happens to it; who asks has the answer guarded by its append.

use chrono::{DateTime, Utc};
use shared_events::SeatEvent;

use super::{Seat, SeatError};

/// Ask whether a seat is free.
#[derive(Clone, Copy, Debug)]
pub struct CheckFree {
    /// At which moment.
    pub now: DateTime<Utc>,
}

impl CheckFree {
    pub(super) fn decide(self, seat: &Seat) -> Result<Vec<SeatEvent>, SeatError> {
        if seat.is_free(self.now) { Ok(Vec::new()) } else { Err(SeatError::Taken) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SeatCommand, given};
    use super::*;

    #[test]
    fn a_seat_is_free_unless_somebody_holds_or_has_it() {
        let check = |now| SeatCommand::CheckFree(CheckFree { now });
        for given in [Vec::new(), given::released(), given::returned()] {
            assert_eq!(given::decided(given, check(given::noon())), Ok(Vec::new()));
        }
        for given in [given::held(), given::sold()] {
            let now = given::just_before(given::end());
            assert_eq!(given::decided(given, check(now)), Err(SeatError::Taken));
        }
        assert_eq!(given::decided(given::held(), check(given::end())), Ok(Vec::new()));
    }
}
