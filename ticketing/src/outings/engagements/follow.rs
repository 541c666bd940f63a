//! Going along with an outing that was moved, as its guest: if that time is free it is taken,
//! otherwise none is. Whoever has no time for it then is told; nothing is refused.

use chrono::{DateTime, Utc};
use shared_events::{AccountId, AnnouncementId, EngagementsEvent};

use super::{Engagements, EngagementsError, ReleaseTime, Time};

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
        if engagements.taken_by(announcement, time).is_some() {
            return ReleaseTime { announcement }.decide(engagements);
        }
        Ok(vec![engagements.engaged(account, announcement, time, now)])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{EngagementsCommand, given};
    use super::*;

    fn follow(from: i64, until: i64) -> EngagementsCommand {
        EngagementsCommand::Follow(FollowMove {
            account: given::ACCOUNT,
            announcement: given::OUTING,
            time: given::time(from, until),
            now: given::at(12),
        })
    }

    #[test]
    fn a_guest_goes_along_where_the_time_is_free() {
        let moved = Ok(vec![given::engaged(given::OUTING, 19, 21)]);
        assert_eq!(given::decided(given::at_an_outing(), follow(19, 21)), moved);
        assert_eq!(given::decided(Vec::new(), follow(19, 21)), moved);
        assert_eq!(given::decided(given::at_an_outing(), follow(18, 20)), Ok(Vec::new()));
    }

    #[test]
    fn who_is_elsewhere_then_has_no_time_for_it() {
        let elsewhere = given::engaged(given::OTHER, 20, 22);
        let events = [given::at_an_outing(), vec![elsewhere.clone()]].concat();
        let released = EngagementsEvent::Released { announcement: given::OUTING };
        assert_eq!(given::decided(events, follow(19, 21)), Ok(vec![released]));
        assert_eq!(given::decided(vec![elsewhere], follow(19, 21)), Ok(Vec::new()));
    }
}
