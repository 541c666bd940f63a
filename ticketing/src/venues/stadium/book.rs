//! Taking a time of the stadium for a match, or another time for the same match.

use shared_events::{FixtureId, StadiumEvent};

use super::{Span, Stadium, StadiumError};

/// Take a time for a match.
#[derive(Clone, Copy, Debug)]
pub struct Book {
    /// Which match.
    pub fixture: FixtureId,
    /// When.
    pub span: Span,
}

impl Book {
    pub(super) fn decide(self, stadium: &Stadium) -> Result<Vec<StadiumEvent>, StadiumError> {
        let calendar = stadium.open()?.calendar;
        let Self { fixture, span } = self;
        let others = calendar.iter().filter(|(other, _)| **other != fixture);
        let mut others = others.filter(|(_, taken)| taken.overlaps(span));
        if let Some((other, _)) = others.next() {
            return Err(StadiumError::Taken(*other));
        }
        if calendar.get(&fixture) == Some(&span) {
            return Ok(Vec::new());
        }
        let Span { starts_at, ends_at } = span;
        Ok(vec![StadiumEvent::Booked { fixture, starts_at, ends_at }])
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::super::{StadiumCommand, given};
    use super::*;

    fn book(fixture: FixtureId, from: i64, until: i64) -> StadiumCommand {
        let span = Span { starts_at: given::at(from), ends_at: given::at(until) };
        StadiumCommand::Book(Book { fixture, span })
    }

    #[test]
    fn two_matches_never_overlap_and_the_refusal_names_the_other() {
        for (from, until) in [(19, 21), (17, 19), (18, 20), (17, 21), (19, 20)] {
            let refused = given::decided(given::booked(), book(given::OTHER_FIXTURE, from, until));
            assert_eq!(refused, Err(StadiumError::Taken(given::FIXTURE)), "{from} to {until}");
        }
    }

    #[test]
    fn one_may_begin_when_the_other_ends() {
        for (from, until) in [(16, 18), (20, 22)] {
            let booked = given::decided(given::booked(), book(given::OTHER_FIXTURE, from, until));
            assert!(booked.is_ok(), "{booked:?}");
        }
        let span =
            Span { starts_at: given::at(20) - TimeDelta::microseconds(1), ends_at: given::at(22) };
        let early = StadiumCommand::Book(Book { fixture: given::OTHER_FIXTURE, span });
        let refused = given::decided(given::booked(), early);
        assert_eq!(refused, Err(StadiumError::Taken(given::FIXTURE)));
    }

    #[test]
    fn a_match_that_moves_does_not_stand_in_its_own_way() {
        let moved = StadiumEvent::Booked {
            fixture: given::FIXTURE,
            starts_at: given::at(19),
            ends_at: given::at(21),
        };
        let decided = given::decided(given::booked(), book(given::FIXTURE, 19, 21));
        assert_eq!(decided, Ok(vec![moved]));
        let same = given::decided(given::booked(), book(given::FIXTURE, 18, 20));
        assert_eq!(same, Ok(Vec::new()));
    }
}
