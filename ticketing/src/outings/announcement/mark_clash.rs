//! Recording whether a guest is elsewhere at the time an outing was moved to, until it begins: who
//! was there by then, was. Whether that is so is known by the guest's engagements.

use chrono::{DateTime, Utc};
use shared_events::{AnnouncementEvent, BookingId};

use super::{Announcement, AnnouncementError};

/// Record whether a guest is elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct MarkClash {
    /// Which booking.
    pub booking: BookingId,
    /// Whether they are.
    pub clashes: bool,
    /// When.
    pub now: DateTime<Utc>,
}

impl MarkClash {
    pub(super) fn decide(
        self,
        announcement: &Announcement,
    ) -> Result<Vec<AnnouncementEvent>, AnnouncementError> {
        let Self { booking: id, clashes, now } = self;
        let outing = announcement.announced().ok_or(AnnouncementError::Unknown)?;
        let booking = outing.bookings.get(&id).ok_or(AnnouncementError::UnknownBooking)?;
        if booking.clashes == clashes || outing.has_begun(now) {
            return Ok(Vec::new());
        }
        Ok(vec![if clashes {
            AnnouncementEvent::ClashFound { booking: id }
        } else {
            AnnouncementEvent::ClashCleared { booking: id }
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AnnouncementCommand, given};
    use super::*;

    type Decided = Result<Vec<AnnouncementEvent>, AnnouncementError>;

    fn marked(events: Vec<AnnouncementEvent>, clashes: bool, now: DateTime<Utc>) -> Decided {
        let mark = MarkClash { booking: given::FIRST, clashes, now };
        given::decided(events, AnnouncementCommand::MarkClash(mark))
    }

    #[test]
    fn a_clash_is_marked_once_and_cleared_once() {
        let marked = |events, clashes| marked(events, clashes, given::noon());
        let (found, cleared) = (
            AnnouncementEvent::ClashFound { booking: given::FIRST },
            AnnouncementEvent::ClashCleared { booking: given::FIRST },
        );
        assert_eq!(marked(given::accepted(), true), Ok(vec![found]));
        assert_eq!(marked(given::accepted(), false), Ok(Vec::new()));
        assert_eq!(marked(given::clashing(), true), Ok(Vec::new()));
        assert_eq!(marked(given::clashing(), false), Ok(vec![cleared]));
        assert_eq!(marked(given::open(), true), Err(AnnouncementError::UnknownBooking));
    }

    /// An earlier version marked whoever was found late, also who had rated since.
    #[test]
    fn from_its_beginning_on_nobody_is_marked_or_cleared() {
        let last = given::just_before(given::start());
        for (events, clashes) in [(given::accepted(), true), (given::clashing(), false)] {
            let in_time = marked(events.clone(), clashes, last);
            assert_eq!(in_time.map(|events| events.len()), Ok(1));
            for late in [given::start(), given::terms().span.ends_at()] {
                assert_eq!(marked(events.clone(), clashes, late), Ok(Vec::new()));
            }
        }
    }
}
