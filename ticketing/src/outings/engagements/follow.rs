//! Going along with an outing that was moved, as its guest: if that time is free it is taken,
//! otherwise none is, and the outing waits for it. So it does for ever if it has begun. Nothing is
//! refused.

use chrono::{DateTime, Utc};
use shared_events::{AccountId, AnnouncementId, EngagementsEvent};

use super::{Engagements, EngagementsError, Time};

/// Go along with an outing that was moved.
#[derive(Clone, Copy, Debug)]
pub struct FollowMove {
    /// Whose time.
    pub account: AccountId,
    /// Which outing.
    pub announcement: AnnouncementId,
    /// Its time now.
    pub time: Time,
    /// When.
    pub now: DateTime<Utc>,
}

impl FollowMove {
    pub(super) fn decide(
        self,
        engagements: &Engagements,
    ) -> Result<Vec<EngagementsEvent>, EngagementsError> {
        let Self { account, announcement, time, now } = self;
        if engagements.time_of(announcement) == Some(time) {
            return Ok(Vec::new());
        }
        // What was over when something else was taken is forgotten: a time that has begun may
        // overlap it, and nobody would know.
        let has_begun = time.starts_at <= now;
        if has_begun || engagements.taken_by(announcement, time).is_some() {
            if engagements.waits_for(announcement) == Some(time) {
                return Ok(Vec::new());
            }
            let Time { starts_at, ends_at } = time;
            let deferred = EngagementsEvent::Deferred { account, announcement, starts_at, ends_at };
            return Ok(vec![deferred]);
        }
        Ok(vec![engagements.engaged(account, announcement, time, now)])
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::super::{EngagementsCommand, given};
    use super::*;

    fn follow_at(now: DateTime<Utc>, from: i64, until: i64) -> EngagementsCommand {
        let (account, announcement) = (given::ACCOUNT, given::OUTING);
        let time = given::time(from, until);
        EngagementsCommand::Follow(FollowMove { account, announcement, time, now })
    }

    fn follow(from: i64, until: i64) -> EngagementsCommand {
        follow_at(given::at(12), from, until)
    }

    #[test]
    fn a_guest_goes_along_where_the_time_is_free() {
        let moved = Ok(vec![given::engaged(given::OUTING, 19, 21)]);
        assert_eq!(given::decided(given::at_an_outing(), follow(19, 21)), moved);
        assert_eq!(given::decided(Vec::new(), follow(19, 21)), moved);
        assert_eq!(given::decided(given::at_an_outing(), follow(18, 20)), Ok(Vec::new()));
    }

    #[test]
    fn who_is_elsewhere_then_has_no_time_for_it_and_it_waits() {
        let elsewhere = given::engaged(given::OTHER, 20, 22);
        let events = [given::at_an_outing(), vec![elsewhere.clone()]].concat();
        let deferred = given::deferred(given::OUTING, 19, 21);
        assert_eq!(given::decided(events, follow(19, 21)), Ok(vec![deferred.clone()]));
        assert_eq!(given::decided(vec![elsewhere], follow(19, 21)), Ok(vec![deferred]));
        assert_eq!(given::decided(given::waiting(), follow(19, 21)), Ok(Vec::new()));
        let later = given::deferred(given::OUTING, 21, 23);
        assert_eq!(given::decided(given::waiting(), follow(21, 23)), Ok(vec![later]));
        assert_eq!(given::engagements(given::waiting()).time_of(given::OUTING), None);
    }

    #[test]
    fn what_waits_can_be_followed_when_its_time_is_free_and_before_it_begins() {
        let at = |events, hour| {
            let engagements = given::engagements(events);
            engagements.can_follow(given::at(hour)).collect::<Vec<_>>()
        };
        assert_eq!(at(given::waiting(), 12), []);
        for frees in [
            EngagementsEvent::Released { announcement: given::OTHER },
            given::engaged(given::OTHER, 21, 23),
        ] {
            let events = [given::waiting(), vec![frees]].concat();
            assert_eq!(at(events.clone(), 18), [given::OUTING]);
            assert_eq!(at(events.clone(), 19), [], "it has begun");
            let moved = Ok(vec![given::engaged(given::OUTING, 19, 21)]);
            assert_eq!(given::decided(events, follow(19, 21)), moved);
        }
    }

    /// An earlier version took time for what had begun: over what was there then and forgotten.
    #[test]
    fn what_has_begun_takes_no_time_any_more() {
        let last = given::at(19) - TimeDelta::microseconds(1);
        let in_time = given::decided(given::at_an_outing(), follow_at(last, 19, 21));
        assert_eq!(in_time, Ok(vec![given::engaged(given::OUTING, 19, 21)]));
        let deferred = given::deferred(given::OUTING, 19, 21);
        for late in [19, 20, 21, 99].map(given::at) {
            for events in [given::at_an_outing(), Vec::new()] {
                let decided = given::decided(events, follow_at(late, 19, 21));
                assert_eq!(decided, Ok(vec![deferred.clone()]), "at {late}");
            }
            let again = given::decided(vec![deferred.clone()], follow_at(late, 19, 21));
            assert_eq!(again, Ok(Vec::new()));
            let there = given::decided(given::at_an_outing(), follow_at(late, 18, 20));
            assert_eq!(there, Ok(Vec::new()), "who was there already stays");
        }
    }
}
