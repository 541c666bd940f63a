//! Saying yes or no to a booking: the host accepts or declines, the guest confirms or withdraws.
//! Either may think otherwise until the outing begins; who has no place may withdraw until it is
//! over. That the guest's time is free again, or still to be had, is decided by the guest's
//! engagements, in the same append.

use chrono::{DateTime, Utc};
use shared_events::{AccountId, AnnouncementEvent, BookingId};

use super::{Announcement, AnnouncementError, Booking};

/// Say yes or no to a booking.
#[derive(Clone, Copy, Debug)]
pub struct AnswerBooking {
    /// Which booking.
    pub booking: BookingId,
    /// Who says so: its host or its guest.
    pub by: AccountId,
    /// Which of the two.
    pub yes: bool,
    /// When.
    pub now: DateTime<Utc>,
}

impl AnswerBooking {
    pub(super) fn decide(
        self,
        announcement: &Announcement,
    ) -> Result<Vec<AnnouncementEvent>, AnnouncementError> {
        let Self { booking: id, by, yes, now } = self;
        let outing = announcement.known()?;
        let booking = *outing.bookings.get(&id).ok_or(AnnouncementError::UnknownBooking)?;
        let (after, event, is_said) = if by == outing.terms.host {
            let after = Booking { host_says: Some(yes), ..booking };
            let event = if yes {
                AnnouncementEvent::Accepted { booking: id }
            } else {
                AnnouncementEvent::Declined { booking: id }
            };
            (after, event, booking == after)
        } else if by == booking.guest {
            let after = Booking { guest_says: yes, ..booking };
            let event = if yes {
                AnnouncementEvent::Confirmed { booking: id }
            } else {
                AnnouncementEvent::Withdrawn { booking: id }
            };
            // Who was elsewhere when it was moved may find time for it by saying yes once more.
            (after, event, booking == after && !(yes && booking.clashes))
        } else {
            return Err(AnnouncementError::NotConcerned);
        };
        if is_said {
            return Ok(Vec::new());
        }
        let leaves = booking.guest_says && !after.guest_says;
        let is_late = if leaves { !outing.can_leave(&booking, now) } else { outing.has_begun(now) };
        if is_late {
            return Err(AnnouncementError::Begun);
        }
        if after.has_place() && !booking.has_place() && outing.left() == 0 {
            return Err(AnnouncementError::Full);
        }
        Ok(announcement.with_its_doors(vec![event]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AnnouncementCommand, given};
    use super::*;

    type Decided = Result<Vec<AnnouncementEvent>, AnnouncementError>;

    fn says_at(
        events: Vec<AnnouncementEvent>,
        by: AccountId,
        booking: BookingId,
        yes: bool,
        now: DateTime<Utc>,
    ) -> Decided {
        let answer = AnswerBooking { booking, by, yes, now };
        given::decided(events, AnnouncementCommand::Answer(answer))
    }

    fn says(events: Vec<AnnouncementEvent>, by: AccountId, id: BookingId, yes: bool) -> Decided {
        says_at(events, by, id, yes, given::noon())
    }

    const ID: BookingId = given::FIRST;

    #[test]
    fn the_host_accepts_and_declines_the_guest_withdraws_and_confirms() {
        let accepted = Ok(vec![AnnouncementEvent::Accepted { booking: ID }]);
        assert_eq!(says(given::applied(), given::HOST, ID, true), accepted);
        assert_eq!(says(given::declined(), given::HOST, ID, true), accepted);
        let declined = Ok(vec![AnnouncementEvent::Declined { booking: ID }]);
        assert_eq!(says(given::accepted(), given::HOST, ID, false), declined);
        let withdrawn = Ok(vec![AnnouncementEvent::Withdrawn { booking: ID }]);
        assert_eq!(says(given::applied(), given::GUEST, ID, false), withdrawn);
        let confirmed = Ok(vec![AnnouncementEvent::Confirmed { booking: ID }]);
        assert_eq!(says(given::withdrawn(), given::GUEST, ID, true), confirmed);
    }

    #[test]
    fn what_is_said_again_changes_nothing() {
        for (events, by, yes) in [
            (given::accepted(), given::HOST, true),
            (given::declined(), given::HOST, false),
            (given::applied(), given::GUEST, true),
            (given::withdrawn(), given::GUEST, false),
        ] {
            assert_eq!(says(events, by, ID, yes), Ok(Vec::new()));
        }
    }

    /// An earlier implementation let a host accept beyond the places.
    #[test]
    fn nobody_is_accepted_beyond_the_places() {
        let events = given::full_with_another();
        assert_eq!(says(events, given::HOST, given::THIRD, true), Err(AnnouncementError::Full));
    }

    #[test]
    fn who_withdrew_and_was_accepted_meanwhile_needs_a_place_to_come_back() {
        let mut events = given::withdrawn();
        events.push(AnnouncementEvent::Accepted { booking: ID });
        events.extend(given::two_others());
        assert_eq!(says(events, given::GUEST, ID, true), Err(AnnouncementError::Full));
    }

    #[test]
    fn the_last_place_closes_it_and_a_free_one_opens_it() {
        let mut events = given::accepted();
        events.push(AnnouncementEvent::Applied { booking: given::SECOND, guest: given::OTHER });
        let closed =
            vec![AnnouncementEvent::Accepted { booking: given::SECOND }, AnnouncementEvent::Closed];
        assert_eq!(says(events, given::HOST, given::SECOND, true), Ok(closed));
        let reopened =
            vec![AnnouncementEvent::Withdrawn { booking: ID }, AnnouncementEvent::Reopened];
        assert_eq!(says(given::full(), given::GUEST, ID, false), Ok(reopened));
    }

    #[test]
    fn a_booking_concerns_two_people_only() {
        let refused = says(given::applied(), given::STRANGER, ID, true);
        assert_eq!(refused, Err(AnnouncementError::NotConcerned));
        let refused = says(given::applied(), given::HOST, given::THIRD, true);
        assert_eq!(refused, Err(AnnouncementError::UnknownBooking));
        let refused = says(given::cancelled(), given::HOST, ID, true);
        assert_eq!(refused, Err(AnnouncementError::Unknown));
    }

    #[test]
    fn from_its_beginning_on_nobody_thinks_otherwise() {
        for (events, by, yes) in [
            (given::applied(), given::HOST, true),
            (given::applied(), given::HOST, false),
            (given::accepted(), given::HOST, false),
            (given::accepted(), given::GUEST, false),
            (given::withdrawn(), given::GUEST, true),
        ] {
            let at = |now| says_at(events.clone(), by, ID, yes, now);
            assert!(at(given::just_before(given::start())).is_ok());
            assert_eq!(at(given::start()), Err(AnnouncementError::Begun));
        }
    }

    #[test]
    fn who_was_never_taken_along_withdraws_until_it_is_over() {
        let withdrawn = Ok(vec![AnnouncementEvent::Withdrawn { booking: ID }]);
        let end = given::terms().span.ends_at();
        for events in [given::applied(), given::declined()] {
            let at = |now| says_at(events.clone(), given::GUEST, ID, false, now);
            assert_eq!(at(given::start()), withdrawn);
            assert_eq!(at(given::just_before(end)), withdrawn);
            assert_eq!(at(end), Err(AnnouncementError::Begun));
        }
    }

    #[test]
    fn who_is_elsewhere_since_it_moved_may_confirm_once_more() {
        let confirmed = Ok(vec![AnnouncementEvent::Confirmed { booking: ID }]);
        assert_eq!(says(given::clashing(), given::GUEST, ID, true), confirmed);
    }
}
