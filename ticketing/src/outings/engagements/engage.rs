//! Taking a time for an outing, or another time for the same.

use chrono::{DateTime, Utc};
use shared_events::{AccountId, AnnouncementId, EngagementsEvent};

use super::{Engagements, EngagementsError, MOST_ENGAGEMENTS, Time};

/// Take a time for an outing.
#[derive(Clone, Copy, Debug)]
pub struct Engage {
    /// Whose time.
    pub account: AccountId,
    /// For which outing.
    pub announcement: AnnouncementId,
    /// Which time.
    pub time: Time,
    /// When.
    pub now: DateTime<Utc>,
}

impl Engage {
    pub(super) fn decide(
        self,
        engagements: &Engagements,
    ) -> Result<Vec<EngagementsEvent>, EngagementsError> {
        let Self { account, announcement, time, now } = self;
        if engagements.time_of(announcement) == Some(time) {
            return Ok(Vec::new());
        }
        if let Some(other) = engagements.taken_by(announcement, time) {
            return Err(EngagementsError::Taken(other));
        }
        let others = engagements.others(announcement);
        let to_come = others.filter(|(_, time)| time.ends_at > now).count();
        if to_come >= MOST_ENGAGEMENTS {
            return Err(EngagementsError::TooMany);
        }
        Ok(vec![engagements.engaged(account, announcement, time, now)])
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::super::{EngagementsCommand, given};
    use super::*;

    fn engage(announcement: AnnouncementId, time: Time, now: i64) -> EngagementsCommand {
        let (account, now) = (given::ACCOUNT, given::at(now));
        EngagementsCommand::Engage(Engage { account, announcement, time, now })
    }

    #[test]
    fn nobody_is_at_two_outings_at_a_time() {
        for (from, until) in [(19, 21), (17, 19), (18, 20), (17, 21), (19, 20)] {
            let engage = engage(given::OTHER, given::time(from, until), 12);
            let refused = given::decided(given::at_an_outing(), engage);
            assert_eq!(refused, Err(EngagementsError::Taken(given::OUTING)), "{from} to {until}");
        }
    }

    #[test]
    fn one_may_begin_when_the_other_ends() {
        for (from, until) in [(16, 18), (20, 22)] {
            let engage = engage(given::OTHER, given::time(from, until), 12);
            let engaged = given::engaged(given::OTHER, from, until);
            assert_eq!(given::decided(given::at_an_outing(), engage), Ok(vec![engaged]));
        }
        let early = given::time(20, 22).starts_at - TimeDelta::microseconds(1);
        let time = Time { starts_at: early, ends_at: given::at(22) };
        let refused = given::decided(given::at_an_outing(), engage(given::OTHER, time, 12));
        assert_eq!(refused, Err(EngagementsError::Taken(given::OUTING)));
    }

    #[test]
    fn an_outing_does_not_stand_in_its_own_way() {
        let later = engage(given::OUTING, given::time(19, 21), 12);
        let moved = Ok(vec![given::engaged(given::OUTING, 19, 21)]);
        assert_eq!(given::decided(given::at_an_outing(), later), moved);
        let same = engage(given::OUTING, given::time(18, 20), 12);
        assert_eq!(given::decided(given::at_an_outing(), same), Ok(Vec::new()));
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let next = engage(given::OTHER, given::time(42, 44), 20);
        let decided = given::decided(given::at_an_outing(), next).unwrap();
        let [EngagementsEvent::Engaged { over, .. }] = &decided[..] else {
            panic!("{decided:?}");
        };
        assert_eq!(*over, [given::OUTING]);
        let again = engage(given::OUTING, given::time(18, 20), 12);
        let events = [given::at_an_outing(), decided].concat();
        assert_eq!(given::decided(events, again).map(|events| events.len()), Ok(1));
    }

    #[test]
    fn there_is_an_end_to_engagements() {
        let taken = |n: usize| {
            let hour = i64::try_from(n).unwrap();
            given::engaged(AnnouncementId(Uuid::from_u128(100 + n as u128)), hour, hour + 1)
        };
        let many: Vec<_> = (1..=MOST_ENGAGEMENTS).map(taken).collect();
        let refused = given::decided(many.clone(), engage(given::OTHER, given::time(900, 901), 0));
        assert_eq!(refused, Err(EngagementsError::TooMany));
        let known = AnnouncementId(Uuid::from_u128(101));
        let moved = given::decided(many, engage(known, given::time(900, 901), 0));
        assert_eq!(moved, Ok(vec![given::engaged(known, 900, 901)]), "none more than before");
    }

    #[test]
    fn what_waited_for_time_waits_no_more_when_it_has_some() {
        let engaged = given::engaged(given::OUTING, 23, 24);
        let engage = engage(given::OUTING, given::time(23, 24), 12);
        assert_eq!(given::decided(given::waiting(), engage), Ok(vec![engaged.clone()]));
        let after = given::engagements([given::waiting(), vec![engaged]].concat());
        assert_eq!(after.waits_for(given::OUTING), None);
    }
}
