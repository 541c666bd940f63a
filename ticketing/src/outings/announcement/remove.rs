//! Having a booking be no more, before the outing begins; one that has no place, before it is over.
//! The guest is free in the same append. Who was declined is remembered as such.

use chrono::{DateTime, Utc};
use shared_events::{AccountId, AnnouncementEvent, BookingId};

use super::{Announcement, AnnouncementError};

/// Have a booking be no more.
#[derive(Clone, Copy, Debug)]
pub struct RemoveBooking {
    /// Which booking.
    pub booking: BookingId,
    /// Who wants that: its guest.
    pub by: AccountId,
    /// When.
    pub now: DateTime<Utc>,
}

impl RemoveBooking {
    pub(super) fn decide(
        self,
        announcement: &Announcement,
    ) -> Result<Vec<AnnouncementEvent>, AnnouncementError> {
        let Self { booking: id, by, now } = self;
        let outing = announcement.announced().ok_or(AnnouncementError::Unknown)?;
        let booking = outing.bookings.get(&id).ok_or(AnnouncementError::UnknownBooking)?;
        if booking.guest != by {
            return Err(AnnouncementError::NotConcerned);
        }
        if !outing.can_leave(booking, now) {
            return Err(AnnouncementError::Begun);
        }
        Ok(announcement.with_its_doors(vec![AnnouncementEvent::Removed { booking: id }]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AnnouncementCommand, given};
    use super::*;

    fn remove(by: AccountId, now: DateTime<Utc>) -> AnnouncementCommand {
        AnnouncementCommand::Remove(RemoveBooking { booking: given::FIRST, by, now })
    }

    #[test]
    fn the_guest_removes_a_booking_and_its_place_is_free() {
        let removed = AnnouncementEvent::Removed { booking: given::FIRST };
        let by_guest = remove(given::GUEST, given::noon());
        assert_eq!(given::decided(given::applied(), by_guest), Ok(vec![removed.clone()]));
        let reopened = Ok(vec![removed, AnnouncementEvent::Reopened]);
        assert_eq!(given::decided(given::full(), by_guest), reopened);
    }

    #[test]
    fn nobody_else_does_and_nobody_when_it_has_begun() {
        for by in [given::HOST, given::STRANGER] {
            let refused = given::decided(given::applied(), remove(by, given::noon()));
            assert_eq!(refused, Err(AnnouncementError::NotConcerned));
        }
        let late = given::decided(given::accepted(), remove(given::GUEST, given::start()));
        assert_eq!(late, Err(AnnouncementError::Begun));
        let gone = given::decided(given::open(), remove(given::GUEST, given::noon()));
        assert_eq!(gone, Err(AnnouncementError::UnknownBooking));
    }

    #[test]
    fn who_was_never_taken_along_removes_theirs_until_it_is_over() {
        let removed = Ok(vec![AnnouncementEvent::Removed { booking: given::FIRST }]);
        let end = given::terms().span.ends_at();
        for events in [given::applied(), given::declined(), given::withdrawn()] {
            let at = |now| given::decided(events.clone(), remove(given::GUEST, now));
            assert_eq!(at(given::start()), removed);
            assert_eq!(at(given::just_before(end)), removed);
            assert_eq!(at(end), Err(AnnouncementError::Begun));
        }
    }
}
