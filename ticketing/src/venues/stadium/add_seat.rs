//! Putting a single seat into a stadium.

use shared_events::{Place, SeatId, StadiumEvent};

use super::{MOST_SEATS, MOST_SINGLE_SEATS, Stadium, StadiumError};

/// Put a seat in.
#[derive(Clone, Debug)]
pub struct AddSeat {
    /// The new seat.
    pub seat: SeatId,
    /// Where.
    pub place: Place,
}

impl AddSeat {
    pub(super) fn decide(self, stadium: &Stadium) -> Result<Vec<StadiumEvent>, StadiumError> {
        let seating = stadium.open()?.seating;
        let Self { seat, place } = self;
        if seating.has(&place) {
            return Err(StadiumError::SeatExists(place));
        }
        if seating.single.len() >= MOST_SINGLE_SEATS || seating.seats() >= MOST_SEATS {
            return Err(StadiumError::TooManySeats);
        }
        Ok(vec![StadiumEvent::SeatAdded { seat, place }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{StadiumCommand, given};
    use super::*;

    fn add(place: Place) -> StadiumCommand {
        StadiumCommand::AddSeat(AddSeat { seat: given::SEAT, place })
    }

    #[test]
    fn a_seat_goes_where_there_is_none() {
        let place = given::place("A", 2, 4);
        let added = StadiumEvent::SeatAdded { seat: given::SEAT, place: place.clone() };
        let decided = given::decided(given::planned(), add(place.clone()));
        assert_eq!(decided, Ok(vec![added.clone()]));
        let again = given::decided(given::then(given::planned(), added), add(place.clone()));
        assert_eq!(again, Err(StadiumError::SeatExists(place)));
        let planned = given::place("A", 2, 3);
        let refused = given::decided(given::planned(), add(planned.clone()));
        assert_eq!(refused, Err(StadiumError::SeatExists(planned)));
    }

    #[test]
    fn single_seats_are_few() {
        let mut many = given::defined();
        many.extend((1..=5_000).map(|number| StadiumEvent::SeatAdded {
            seat: SeatId(uuid::Uuid::from_u128(number.into())),
            place: given::place("", 0, number),
        }));
        let refused = given::decided(many, add(given::place("", 0, 5_001)));
        assert_eq!(refused, Err(StadiumError::TooManySeats));
    }
}
