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
    /// Where it was last seen; where it is, the stadium says.
    pub near: Place,
    /// Where it will be.
    pub to: NewPlace,
}

/// Where a seat will be; what is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct NewPlace {
    /// In which section; empty if there are none.
    pub section: Option<String>,
    /// In which row; 0 if there are none.
    pub row: Option<u32>,
    /// The seat in its row.
    pub number: Option<u32>,
}

impl NewPlace {
    /// The place, for a seat that is at another.
    fn seen_from(self, from: &Place) -> Place {
        Place {
            section: self.section.unwrap_or_else(|| from.section.clone()),
            row: self.row.unwrap_or(from.row),
            number: self.number.unwrap_or(from.number),
        }
    }
}

impl From<Place> for NewPlace {
    fn from(Place { section, row, number }: Place) -> Self {
        Self { section: Some(section), row: Some(row), number: Some(number) }
    }
}

impl MoveSeat {
    pub(super) fn decide(self, stadium: &Stadium) -> Result<Vec<StadiumEvent>, StadiumError> {
        let seating = stadium.open()?.seating;
        let Self { stadium, seat, near, to } = self;
        let from = seating.place_of(stadium, seat, &near).ok_or(StadiumError::UnknownSeat)?;
        let to = to.seen_from(&from);
        if from == to {
            return Ok(Vec::new());
        }
        if seating.has(&to) {
            return Err(StadiumError::SeatExists(to));
        }
        let is_single = seating.single.contains_key(&from);
        if !is_single && seating.single.len() >= MOST_SINGLE_SEATS {
            return Err(StadiumError::TooManySeats);
        }
        Ok(vec![StadiumEvent::SeatMoved { seat, from, to }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{StadiumCommand, given};
    use super::*;

    fn from_to(seat: SeatId, near: &Place, to: &Place) -> StadiumCommand {
        let (near, to) = (near.clone(), to.clone().into());
        StadiumCommand::MoveSeat(MoveSeat { stadium: given::STADIUM, seat, near, to })
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
        let other = from_to(given::SEAT, &from, &to);
        assert_eq!(given::decided(after, other), Err(StadiumError::UnknownSeat));
    }

    #[test]
    fn where_a_seat_is_the_stadium_knows_not_who_saw_it_before() {
        let (from, to) = (given::place("A", 1, 1), given::place("A", 1, 4));
        let seat = SeatId::of(given::STADIUM, &from);
        let moved = StadiumEvent::SeatMoved { seat, from: from.clone(), to: to.clone() };
        let after = given::then(given::planned(), moved);
        let on = NewPlace { row: Some(2), ..NewPlace::default() };
        let on = MoveSeat { stadium: given::STADIUM, seat, near: from, to: on };
        let on = given::decided(after, StadiumCommand::MoveSeat(on));
        let moved = StadiumEvent::SeatMoved { seat, from: to, to: given::place("A", 2, 4) };
        assert_eq!(on, Ok(vec![moved]), "what is not said stays as it is now");
    }

    #[test]
    fn a_seat_that_was_moved_before_can_always_be_moved() {
        let mut many = given::planned();
        many.extend((1..=5_000).map(|number| StadiumEvent::SeatAdded {
            seat: SeatId(uuid::Uuid::from_u128(number.into())),
            place: given::place("", 0, number),
        }));
        let (from, to) = (given::place("", 0, 1), given::place("", 0, 5_001));
        let single = SeatId(uuid::Uuid::from_u128(1));
        assert!(given::decided(many.clone(), from_to(single, &from, &to)).is_ok());
        let planned = given::place("A", 1, 1);
        let seat = SeatId::of(given::STADIUM, &planned);
        let refused = given::decided(many, from_to(seat, &planned, &to));
        assert_eq!(refused, Err(StadiumError::TooManySeats));
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
