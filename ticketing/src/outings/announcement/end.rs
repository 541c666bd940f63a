//! Recording that an outing is over. It changes no answer: that is a comparison of times.

use chrono::{DateTime, Utc};
use shared_events::AnnouncementEvent;

use super::{Announcement, AnnouncementError, Stage};

/// Record that an outing is over, if it is.
#[derive(Clone, Copy, Debug)]
pub struct EndOuting {
    /// When.
    pub now: DateTime<Utc>,
}

impl EndOuting {
    pub(super) fn decide(
        self,
        announcement: &Announcement,
    ) -> Result<Vec<AnnouncementEvent>, AnnouncementError> {
        let outing = announcement.announced().ok_or(AnnouncementError::Unknown)?;
        let is_public = matches!(outing.stage, Stage::Open | Stage::Full);
        let is_over = is_public && self.now >= outing.terms.span.ends_at();
        Ok(is_over.then_some(AnnouncementEvent::Ended).into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AnnouncementCommand, Status, given};
    use super::*;

    #[test]
    fn its_end_is_recorded_once_and_not_before() {
        let end = given::terms().span.ends_at();
        let decided =
            |events, now| given::decided(events, AnnouncementCommand::End(EndOuting { now }));
        for events in [given::open(), given::full()] {
            assert_eq!(decided(events.clone(), given::just_before(end)), Ok(Vec::new()));
            assert_eq!(decided(events, end), Ok(vec![AnnouncementEvent::Ended]));
        }
        for events in [given::draft(), given::cancelled(), given::ended()] {
            assert_eq!(decided(events, end), Ok(Vec::new()));
        }
        assert_eq!(decided(Vec::new(), end), Err(AnnouncementError::Unknown));
    }

    #[test]
    fn it_is_done_from_its_end_on_whether_or_not_that_was_recorded() {
        let end = given::terms().span.ends_at();
        let status = |events, now| given::outing(events).status_at(now);
        assert_eq!(status(given::open(), given::just_before(end)), Status::Alive);
        assert_eq!(status(given::full(), given::just_before(end)), Status::Closed);
        for events in [given::open(), given::full(), given::ended()] {
            assert_eq!(status(events, end), Status::Done);
        }
        assert_eq!(status(given::draft(), end), Status::Created);
    }
}
