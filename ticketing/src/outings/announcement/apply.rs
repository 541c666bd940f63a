//! Applying for a place. That the guest is nowhere else at that time is decided by the guest's
//! engagements, in the same append.

use chrono::{DateTime, Utc};
use shared_events::{AccountId, AnnouncementEvent, BookingId};

use super::{Announcement, AnnouncementError, MOST_BOOKINGS, Stage};

/// Apply for a place.
#[derive(Clone, Copy, Debug)]
pub struct ApplyForPlace {
    /// The new booking's id.
    pub booking: BookingId,
    /// Who wants to come along.
    pub guest: AccountId,
    /// When.
    pub now: DateTime<Utc>,
}

impl ApplyForPlace {
    pub(super) fn decide(
        self,
        announcement: &Announcement,
    ) -> Result<Vec<AnnouncementEvent>, AnnouncementError> {
        let Self { booking, guest, now } = self;
        let outing = announcement.known()?;
        if outing.terms.host == guest {
            return Err(AnnouncementError::Own);
        }
        if outing.has_begun(now) {
            return Err(AnnouncementError::Begun);
        }
        if outing.booking_of(guest).is_some() {
            return Err(AnnouncementError::AlreadyBooked);
        }
        if outing.declined.contains(&guest) {
            return Err(AnnouncementError::Declined);
        }
        match outing.stage {
            Stage::Open if outing.bookings.len() + outing.declined.len() < MOST_BOOKINGS => {
                Ok(vec![AnnouncementEvent::Applied { booking, guest }])
            }
            Stage::Open => Err(AnnouncementError::TooManyBookings),
            Stage::Full => Err(AnnouncementError::Full),
            Stage::Draft | Stage::Ended | Stage::Cancelled => Err(AnnouncementError::NotOpen),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::{AnnouncementCommand, given};
    use super::*;

    fn apply(guest: AccountId, now: DateTime<Utc>) -> AnnouncementCommand {
        let booking = given::THIRD;
        AnnouncementCommand::Apply(ApplyForPlace { booking, guest, now })
    }

    #[test]
    fn a_stranger_applies_until_it_begins() {
        let guest = given::STRANGER;
        let applied = Ok(vec![AnnouncementEvent::Applied { booking: given::THIRD, guest }]);
        let last = given::just_before(given::start());
        for events in [given::open(), given::accepted()] {
            assert_eq!(given::decided(events.clone(), apply(guest, last)), applied);
            let late = given::decided(events, apply(guest, given::start()));
            assert_eq!(late, Err(AnnouncementError::Begun));
        }
    }

    #[test]
    fn nobody_applies_for_a_place_at_their_own() {
        for events in [given::draft(), given::open(), given::full()] {
            let refused = given::decided(events, apply(given::HOST, given::noon()));
            assert_eq!(refused, Err(AnnouncementError::Own));
        }
    }

    #[test]
    fn nobody_applies_where_nothing_is_open_or_left() {
        let refused = |events| given::decided(events, apply(given::STRANGER, given::noon()));
        assert_eq!(refused(given::draft()), Err(AnnouncementError::NotOpen));
        assert_eq!(refused(given::full()), Err(AnnouncementError::Full));
        assert_eq!(refused(given::cancelled()), Err(AnnouncementError::Unknown));
        assert_eq!(refused(Vec::new()), Err(AnnouncementError::Unknown));
    }

    #[test]
    fn a_person_has_one_booking_whatever_became_of_it() {
        for events in [given::applied(), given::accepted(), given::declined(), given::withdrawn()] {
            let refused = given::decided(events, apply(given::GUEST, given::noon()));
            assert_eq!(refused, Err(AnnouncementError::AlreadyBooked));
        }
    }

    #[test]
    fn who_was_declined_does_not_wait_again_by_removing_the_booking() {
        let removed = AnnouncementEvent::Removed { booking: given::FIRST };
        let again = |events: Vec<AnnouncementEvent>| {
            let events = [events, vec![removed.clone()]].concat();
            given::decided(events, apply(given::GUEST, given::noon()))
        };
        let withdrawn = AnnouncementEvent::Withdrawn { booking: given::FIRST };
        for events in [given::declined(), [given::declined(), vec![withdrawn]].concat()] {
            assert_eq!(again(events), Err(AnnouncementError::Declined));
        }
        let accepted = AnnouncementEvent::Accepted { booking: given::FIRST };
        let after_all = [given::declined(), vec![accepted]].concat();
        let applied = AnnouncementEvent::Applied { booking: given::THIRD, guest: given::GUEST };
        for events in [given::applied(), given::accepted(), given::withdrawn(), after_all] {
            assert_eq!(again(events), Ok(vec![applied.clone()]));
        }
    }

    #[test]
    fn there_is_an_end_to_applications() {
        let applied = |n| AnnouncementEvent::Applied {
            booking: BookingId(Uuid::from_u128(n)),
            guest: AccountId(Uuid::from_u128(n)),
        };
        let many = (1_000..).take(MOST_BOOKINGS).map(applied);
        let events: Vec<_> = given::open().into_iter().chain(many).collect();
        let first = BookingId(Uuid::from_u128(1_000));
        let declined = AnnouncementEvent::Declined { booking: first };
        let removed = AnnouncementEvent::Removed { booking: first };
        let decided = |more: &[AnnouncementEvent]| {
            let events = [&events[..], more].concat();
            given::decided(events, apply(given::STRANGER, given::noon()))
        };
        assert_eq!(decided(&[]), Err(AnnouncementError::TooManyBookings));
        assert!(decided(std::slice::from_ref(&removed)).is_ok());
        let remembered = decided(&[declined, removed]);
        assert_eq!(remembered, Err(AnnouncementError::TooManyBookings));
    }
}
