//! Taking a seat out of a stadium. What was put on sale stays as it was.

use shared_events::{Place, SeatId, StadiumEvent, StadiumId};

use super::{Stadium, StadiumError};

/// Take a seat out.
#[derive(Clone, Debug)]
pub struct RemoveSeat {
    /// The stadium that decides.
    pub stadium: StadiumId,
    /// Which seat.
    pub seat: SeatId,
    /// Where it was last seen; where it is, the stadium says.
    pub near: Place,
}

impl RemoveSeat {
    pub(super) fn decide(self, stadium: &Stadium) -> Result<Vec<StadiumEvent>, StadiumError> {
        let seating = stadium.open()?.seating;
        let Self { stadium, seat, near } = self;
        let place = seating.place_of(stadium, seat, &near).ok_or(StadiumError::UnknownSeat)?;
        Ok(vec![StadiumEvent::SeatRemoved { seat, place }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{StadiumCommand, given};
    use super::*;

    #[test]
    fn a_seat_is_taken_out_once_and_its_place_is_free_again() {
        let place = given::place("A", 1, 1);
        let seat = SeatId::of(given::STADIUM, &place);
        let remove = || {
            let near = place.clone();
            StadiumCommand::RemoveSeat(RemoveSeat { stadium: given::STADIUM, seat, near })
        };
        let removed = StadiumEvent::SeatRemoved { seat, place: place.clone() };
        let decided = given::decided(given::planned(), remove());
        assert_eq!(decided, Ok(vec![removed.clone()]));
        let after = given::then(given::planned(), removed);
        assert_eq!(given::decided(after.clone(), remove()), Err(StadiumError::UnknownSeat));
        let add = super::super::AddSeat { seat: given::SEAT, place };
        assert!(given::decided(after, StadiumCommand::AddSeat(add)).is_ok());
    }
}
