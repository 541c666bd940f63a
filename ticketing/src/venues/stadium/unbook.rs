//! Giving back the time that a match has taken.

use shared_events::{FixtureId, StadiumEvent};

use super::{Stadium, StadiumError};

/// Give a match's time back.
#[derive(Clone, Copy, Debug)]
pub struct Unbook {
    /// Which match.
    pub fixture: FixtureId,
}

impl Unbook {
    /// A stadium that has closed meanwhile, or never had the match, has nothing to give back.
    pub(super) fn decide(self, stadium: &Stadium) -> Result<Vec<StadiumEvent>, StadiumError> {
        let Self { fixture } = self;
        let booked = stadium.open().is_ok_and(|open| open.calendar.contains_key(&fixture));
        Ok(booked.then_some(StadiumEvent::Unbooked { fixture }).into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{StadiumCommand, given};
    use super::*;

    #[test]
    fn a_time_that_was_given_back_is_free_and_once_is_enough() {
        let unbook = StadiumCommand::Unbook(Unbook { fixture: given::FIXTURE });
        let unbooked = StadiumEvent::Unbooked { fixture: given::FIXTURE };
        let decided = given::decided(given::booked(), unbook.clone());
        assert_eq!(decided, Ok(vec![unbooked.clone()]));
        let after = given::then(given::booked(), unbooked);
        assert_eq!(given::decided(after, unbook), Ok(Vec::new()));
    }
}
