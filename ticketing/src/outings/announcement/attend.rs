//! Who was there with whom, once an outing is over: what a rating asks. Nothing happens.

use chrono::{DateTime, Utc};
use shared_events::{AccountId, AnnouncementEvent, BookingId, Side};

use super::{Announcement, AnnouncementError, Outing, Stage};

/// Ask who was there with somebody.
#[derive(Clone, Copy, Debug)]
pub struct AttendedBy {
    /// Who asks.
    pub by: AccountId,
    /// Of whom; for a guest that is the host, said or not.
    pub about: Option<AccountId>,
    /// When.
    pub now: DateTime<Utc>,
}

/// A host and a guest who were there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// By which booking.
    pub booking: BookingId,
    /// Which of the two asks.
    pub side: Side,
    /// The other.
    pub about: AccountId,
    /// When it was over.
    pub ended_at: DateTime<Utc>,
}

impl AttendedBy {
    pub(super) fn decide(
        self,
        announcement: &Announcement,
    ) -> Result<Vec<AnnouncementEvent>, AnnouncementError> {
        self.pair(announcement).map(|_| Vec::new())
    }

    /// Which two they are. The order of refusals is the rule: who was not there is told so whenever
    /// they ask; who was learns first whether it is over, and only then whether whom they name was
    /// there.
    ///
    /// # Errors
    /// [`AnnouncementError`] if it is not over, or one of them was not there.
    pub fn pair(self, announcement: &Announcement) -> Result<Pair, AnnouncementError> {
        let outing = announcement.known()?;
        let host = outing.terms.host;
        let (side, guest) =
            if self.by == host { (Side::Host, self.about) } else { (Side::Guest, Some(self.by)) };
        let booking = guest.and_then(|guest| present(outing, guest));
        if side == Side::Guest && booking.is_none() {
            return Err(AnnouncementError::NotThere);
        }
        let ended_at = outing.terms.span.ends_at();
        if outing.stage == Stage::Draft || self.now < ended_at {
            return Err(AnnouncementError::NotOver);
        }
        let names_another = side == Side::Guest && self.about.is_some_and(|about| about != host);
        match (booking, guest) {
            (Some(booking), Some(guest)) if !names_another => {
                let about = if side == Side::Host { guest } else { host };
                Ok(Pair { booking, side, about, ended_at })
            }
            _ => Err(AnnouncementError::NotThereWithThem),
        }
    }
}

/// The booking of a guest who has a place, and was not elsewhere.
fn present(outing: &Outing, guest: AccountId) -> Option<BookingId> {
    let (id, booking) = outing.booking_of(guest)?;
    (booking.has_place() && !booking.clashes).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::super::given;
    use super::*;

    fn pair(
        events: Vec<AnnouncementEvent>,
        by: AccountId,
        about: Option<AccountId>,
        now: DateTime<Utc>,
    ) -> Result<Pair, AnnouncementError> {
        AttendedBy { by, about, now }.pair(&given::announcement(events))
    }

    fn end() -> DateTime<Utc> {
        given::terms().span.ends_at()
    }

    #[test]
    fn guests_were_there_with_the_host_and_the_host_with_each_guest() {
        let pair = |by, about| pair(given::full(), by, about, end()).unwrap();
        let of_guest = pair(given::GUEST, None);
        assert_eq!((of_guest.side, of_guest.about), (Side::Guest, given::HOST));
        assert_eq!(pair(given::GUEST, Some(given::HOST)), of_guest);
        let of_host = pair(given::HOST, Some(given::OTHER));
        assert_eq!((of_host.side, of_host.about), (Side::Host, given::OTHER));
        assert_eq!((of_guest.booking, of_host.booking), (given::FIRST, given::SECOND));
    }

    /// Earlier implementations took reviews of people who were not there.
    #[test]
    fn only_who_was_accepted_was_there() {
        let elsewhere = given::clashing();
        for events in
            [given::applied(), given::declined(), given::withdrawn(), given::open(), elsewhere]
        {
            let asked = pair(events.clone(), given::GUEST, None, end());
            assert_eq!(asked, Err(AnnouncementError::NotThere));
            let asked = pair(events, given::HOST, Some(given::GUEST), end());
            assert_eq!(asked, Err(AnnouncementError::NotThereWithThem));
        }
        let asked = pair(given::full(), given::STRANGER, None, end());
        assert_eq!(asked, Err(AnnouncementError::NotThere));
    }

    #[test]
    fn a_host_says_of_whom_and_guests_do_not_rate_each_other() {
        let asked = pair(given::full(), given::HOST, None, end());
        assert_eq!(asked, Err(AnnouncementError::NotThereWithThem));
        let asked = pair(given::full(), given::GUEST, Some(given::OTHER), end());
        assert_eq!(asked, Err(AnnouncementError::NotThereWithThem));
    }

    #[test]
    fn who_was_there_learns_first_whether_it_is_over() {
        let early = given::just_before(end());
        let asked = |by, about| pair(given::full(), by, about, early);
        assert_eq!(asked(given::STRANGER, None), Err(AnnouncementError::NotThere));
        for (by, about) in
            [(given::HOST, Some(given::STRANGER)), (given::GUEST, Some(given::OTHER))]
        {
            assert_eq!(asked(by, about), Err(AnnouncementError::NotOver));
            let later = pair(given::full(), by, about, end());
            assert_eq!(later, Err(AnnouncementError::NotThereWithThem));
        }
    }

    #[test]
    fn it_is_over_from_its_end_on() {
        let before = pair(given::full(), given::GUEST, None, given::just_before(end()));
        assert_eq!(before, Err(AnnouncementError::NotOver));
        assert!(pair(given::ended(), given::GUEST, None, end()).is_ok());
        let unknown = pair(given::cancelled(), given::GUEST, None, end());
        assert_eq!(unknown, Err(AnnouncementError::Unknown));
    }
}
