//! Calling an outing off, before it begins. Its host is free in the same append, its guests follow
//! (`moving.rs`).

use chrono::{DateTime, Utc};
use shared_events::{AccountId, AnnouncementEvent};

use super::{Announcement, AnnouncementError};

/// Call an outing off.
#[derive(Clone, Copy, Debug)]
pub struct CancelOuting {
    /// Who does.
    pub by: AccountId,
    /// When.
    pub now: DateTime<Utc>,
}

impl CancelOuting {
    pub(super) fn decide(
        self,
        announcement: &Announcement,
    ) -> Result<Vec<AnnouncementEvent>, AnnouncementError> {
        let outing = announcement.known()?;
        if outing.terms.host != self.by {
            return Err(AnnouncementError::NotHost);
        }
        if outing.has_begun(self.now) {
            return Err(AnnouncementError::Begun);
        }
        Ok(vec![AnnouncementEvent::Cancelled])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AnnouncementCommand, given};
    use super::*;

    fn cancel(by: AccountId, now: DateTime<Utc>) -> AnnouncementCommand {
        AnnouncementCommand::Cancel(CancelOuting { by, now })
    }

    #[test]
    fn the_host_calls_it_off_until_it_begins() {
        let cancelled = Ok(vec![AnnouncementEvent::Cancelled]);
        let in_time = cancel(given::HOST, given::just_before(given::start()));
        let late = cancel(given::HOST, given::start());
        for events in [given::open(), given::full()] {
            assert_eq!(given::decided(events.clone(), in_time), cancelled);
            assert_eq!(given::decided(events, late), Err(AnnouncementError::Begun));
        }
        assert_eq!(given::decided(given::draft(), late), cancelled, "a draft never begins");
    }

    #[test]
    fn nobody_else_does_and_only_once() {
        let by_guest = cancel(given::GUEST, given::noon());
        assert_eq!(given::decided(given::full(), by_guest), Err(AnnouncementError::NotHost));
        let again = cancel(given::HOST, given::noon());
        assert_eq!(given::decided(given::cancelled(), again), Err(AnnouncementError::Unknown));
    }
}
