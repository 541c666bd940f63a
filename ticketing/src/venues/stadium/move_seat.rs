//! Moving a seat to another place in its stadium. What was put on sale stays as it was.

use shared_events::{Place, SeatId, StadiumEvent, StadiumId};

use super::{MOST_SINGLE_SEATS, Stadium, StadiumError};

/// Move a seat.
#[derive(Clone, Debug)]
pub struct MoveSeat {
    /// The stadium that decides.
    pub stadium: StadiumId,
    /// Which seat.
    pub seat: SeatId,
    /// Where it is.
    pub from: Place,
    /// Where it will be.
    pub to: Place,
}

impl MoveSeat {
    pub(super) fn decide(self, stadium: &Stadium) -> Result<Vec<StadiumEvent>, StadiumError> {
        let seating = stadium.open()?.seating;
        let Self { stadium, seat, from, to } = self;
        if seating.seat_at(stadium, &from) != Some(seat) {
            return Err(StadiumError::UnknownSeat);
        }
        if from == to {
            return Ok(Vec::new());
        }
        if seating.has(&to) {
            return Err(StadiumError::SeatExists(to));
        }
        if seating.single.len() >= MOST_SINGLE_SEATS {
            return Err(StadiumError::TooManySeats);
        }
        Ok(vec![StadiumEvent::SeatMoved { seat, from, to }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{StadiumCommand, given};
    use super::*;

    fn from_to(seat: SeatId, from: &Place, to: &Place) -> StadiumCommand {
        let (from, to) = (from.clone(), to.clone());
        StadiumCommand::MoveSeat(MoveSeat { stadium: given::STADIUM, seat, from, to })
    }

    #[test]
    fn a_seat_keeps_its_id_wherever_it_goes_and_leaves_its_place() {
        let (from, to) = (given::place("A", 1, 1), given::place("A", 1, 4));
        let seat = SeatId::of(given::STADIUM, &from);
        let moved = StadiumEvent::SeatMoved { seat, from: from.clone(), to: to.clone() };
        let decided = given::decided(given::planned(), from_to(seat, &from, &to));
        assert_eq!(decided, Ok(vec![moved.clone()]));
        let after = given::then(given::planned(), moved);
        let back = given::decided(after.clone(), from_to(seat, &to, &from));
        assert!(back.is_ok(), "{back:?}");
        let gone = given::decided(after, from_to(seat, &from, &to));
        assert_eq!(gone, Err(StadiumError::UnknownSeat));
    }

    #[test]
    fn two_seats_never_share_a_place() {
        let (from, to) = (given::place("A", 1, 1), given::place("A", 1, 2));
        let seat = SeatId::of(given::STADIUM, &from);
        let refused = given::decided(given::planned(), from_to(seat, &from, &to));
        assert_eq!(refused, Err(StadiumError::SeatExists(to)));
        let same = given::decided(given::planned(), from_to(seat, &from, &from));
        assert_eq!(same, Ok(Vec::new()));
    }
}
