//! Putting whole sections of seats into a stadium.

use std::collections::BTreeSet;

use shared_events::{SectionPlan, StadiumEvent};

use super::{MOST_SEATS, Stadium, StadiumError};

/// Put whole sections of seats in.
#[derive(Clone, Debug)]
pub struct PlanSeats {
    /// Which; no two of one name.
    pub sections: Vec<SectionPlan>,
}

impl PlanSeats {
    /// A section that is there just so is left as it is: repeating a plan changes nothing.
    pub(super) fn decide(self, stadium: &Stadium) -> Result<Vec<StadiumEvent>, StadiumError> {
        let seating = stadium.open()?.seating;
        let mut names = BTreeSet::new();
        let mut sections = Vec::new();
        for section in self.sections {
            if !names.insert(section.name.clone()) {
                return Err(StadiumError::SectionExists(section.name));
            }
            match seating.sections.iter().find(|known| known.name == section.name) {
                Some(known) if *known == section => {}
                Some(_) => return Err(StadiumError::SectionExists(section.name)),
                None => sections.push(section),
            }
        }
        if let Some(place) =
            seating.single.keys().find(|place| sections.iter().any(|s| s.has(place)))
        {
            return Err(StadiumError::SeatExists(place.clone()));
        }
        let more: u64 = sections.iter().map(SectionPlan::seats).sum();
        if seating.seats() + more > MOST_SEATS {
            return Err(StadiumError::TooManySeats);
        }
        let planned = !sections.is_empty();
        Ok(planned.then_some(StadiumEvent::SeatsPlanned { sections }).into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{StadiumCommand, given};
    use super::*;

    fn plan(sections: &[SectionPlan]) -> StadiumCommand {
        StadiumCommand::PlanSeats(PlanSeats { sections: sections.to_vec() })
    }

    #[test]
    fn fifty_thousand_seats_are_one_event() {
        let sections = [given::section("N", 100, 250), given::section("S", 100, 250)];
        let planned = given::decided(given::defined(), plan(&sections));
        assert_eq!(planned, Ok(vec![StadiumEvent::SeatsPlanned { sections: sections.to_vec() }]));
    }

    #[test]
    fn what_is_there_just_so_is_left_as_it_is() {
        let (there, new) = (given::section("A", 2, 3), given::section("B", 1, 1));
        let again = given::decided(given::planned(), plan(std::slice::from_ref(&there)));
        assert_eq!(again, Ok(Vec::new()));
        let more = given::decided(given::planned(), plan(&[there, new.clone()]));
        assert_eq!(more, Ok(vec![StadiumEvent::SeatsPlanned { sections: vec![new] }]));
    }

    #[test]
    fn no_place_has_two_seats() {
        let other = given::decided(given::planned(), plan(&[given::section("A", 2, 4)]));
        assert_eq!(other, Err(StadiumError::SectionExists("A".into())));
        let section = given::section("B", 1, 1);
        let twice = given::decided(given::planned(), plan(&[section.clone(), section]));
        assert_eq!(twice, Err(StadiumError::SectionExists("B".into())));
        let place = given::place("B", 1, 1);
        let added = StadiumEvent::SeatAdded { seat: given::SEAT, place: place.clone() };
        let single = given::then(given::planned(), added);
        let refused = given::decided(single, plan(&[given::section("B", 2, 2)]));
        assert_eq!(refused, Err(StadiumError::SeatExists(place)));
    }

    #[test]
    fn a_stadium_has_a_hundred_thousand_seats_at_most() {
        let full = given::decided(given::defined(), plan(&[given::section("A", 1_000, 100)]));
        assert!(full.is_ok());
        let more = given::decided(given::planned(), plan(&[given::section("B", 1_000, 100)]));
        assert_eq!(more, Err(StadiumError::TooManySeats));
    }
}
