//! Recording whether a guest is elsewhere at the time an outing was moved to. Whether that is so is
//! known by the guest's engagements.

use shared_events::{AnnouncementEvent, BookingId};

use super::{Announcement, AnnouncementError};

/// Record whether a guest is elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct MarkClash {
    /// Which booking.
    pub booking: BookingId,
    /// Whether they are.
    pub clashes: bool,
}

impl MarkClash {
    pub(super) fn decide(
        self,
        announcement: &Announcement,
    ) -> Result<Vec<AnnouncementEvent>, AnnouncementError> {
        let Self { booking: id, clashes } = self;
        let outing = announcement.announced().ok_or(AnnouncementError::Unknown)?;
        let booking = outing.bookings.get(&id).ok_or(AnnouncementError::UnknownBooking)?;
        if booking.clashes == clashes {
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

    #[test]
    fn a_clash_is_marked_once_and_cleared_once() {
        let marked = |events, clashes| {
            let mark = MarkClash { booking: given::FIRST, clashes };
            given::decided(events, AnnouncementCommand::MarkClash(mark))
        };
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
}
