//! Announcing an outing. That its host is nowhere else at that time is decided by the host's
//! engagements, in the same append.

use chrono::{DateTime, Utc};
use shared_events::AnnouncementEvent;

use super::{Announcement, AnnouncementError, Span, Terms, is_to_come};

/// Announce an outing.
#[derive(Clone, Copy, Debug)]
pub struct AnnounceOuting {
    /// What is announced.
    pub terms: Terms,
    /// Whether guests can apply at once; otherwise it is a draft.
    pub open: bool,
    /// When.
    pub now: DateTime<Utc>,
}

impl AnnounceOuting {
    pub(super) fn decide(
        self,
        announcement: &Announcement,
    ) -> Result<Vec<AnnouncementEvent>, AnnouncementError> {
        if *announcement != Announcement::Absent {
            return Err(AnnouncementError::AlreadyAnnounced);
        }
        let Terms { host, film, title, description, location, .. } = self.terms;
        let Terms { sub_only, is_free, places, span, .. } = self.terms;
        let Span { starts_at, duration_minutes } = span;
        is_to_come(starts_at, self.now)?;
        let announced = AnnouncementEvent::Announced {
            host,
            film,
            title,
            description,
            location,
            sub_only,
            is_free,
            places,
            starts_at,
            duration_minutes,
        };
        let opened = self.open.then_some(AnnouncementEvent::Opened);
        Ok([announced].into_iter().chain(opened).collect())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::super::{AnnouncementCommand, given};
    use super::*;

    fn announce(open: bool, now: DateTime<Utc>) -> AnnouncementCommand {
        AnnouncementCommand::Announce(AnnounceOuting { terms: given::terms(), open, now })
    }

    #[test]
    fn an_announcement_is_a_draft_unless_it_is_opened() {
        let decided = |open| given::decided(Vec::new(), announce(open, given::noon()));
        assert_eq!(decided(false), Ok(given::draft()));
        assert_eq!(decided(true), Ok(given::open()));
    }

    #[test]
    fn it_begins_in_the_future_and_not_too_far_away() {
        let start = given::terms().span.starts_at;
        let decided = |now| given::decided(Vec::new(), announce(false, now));
        assert_eq!(decided(start), Err(AnnouncementError::BadTime));
        assert_eq!(decided(given::just_before(start)), Ok(given::draft()));
        let years = start - TimeDelta::days(super::super::LONGEST_AHEAD_DAYS);
        assert_eq!(decided(years), Ok(given::draft()));
        assert_eq!(decided(given::just_before(years)), Err(AnnouncementError::BadTime));
    }

    #[test]
    fn an_announcement_is_made_once() {
        let again = given::decided(given::draft(), announce(false, given::noon()));
        assert_eq!(again, Err(AnnouncementError::AlreadyAnnounced));
    }
}
