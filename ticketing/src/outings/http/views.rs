//! What is shown of an outing: what its stream says, joined with what stands elsewhere: texts, the
//! film, names, what people think of each other. All of that is read before a command, so that what
//! the command came to can be shown, and kept for a repeat, without reading again.

use std::cmp::Reverse;
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use shared_events::{AccountId, AnnouncementId, BookingId, TextId};

use super::super::announcement::{Announcement, Booking, Outing};
use super::super::announcements::Times;
use super::super::reviews::Average;
use super::super::texts;
use super::Service;
use super::answers::{AnnouncementSeen, BookingSeen, GuestSeen};
use crate::accounts::Caller;
use crate::api::nullable::Nullable;
use crate::api::timestamp::Timestamp;
use crate::api_error::ApiError;

/// Bookings without a place at most that are shown with an outing: it may have five times as many.
const MOST_WITHOUT_PLACE: usize = 1_000;

/// What stands elsewhere of an outing.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Texts by their ids.
    pub(super) texts: HashMap<TextId, String>,
    /// What the film is called.
    pub(super) film: String,
    /// What people are called.
    pub(super) names: HashMap<AccountId, String>,
    /// What others think of them.
    pub(super) averages: HashMap<AccountId, Average>,
    /// When it was made and last changed.
    pub(super) times: Option<Times>,
}

/// Who looks at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    /// Which account.
    pub(super) account: AccountId,
    /// Whether all who applied are shown.
    pub(super) all: bool,
    /// When.
    pub(super) now: DateTime<Utc>,
}

impl View {
    pub(super) fn of(caller: &Caller, now: DateTime<Utc>) -> Self {
        Self { account: caller.account, all: caller.is_administrator(), now }
    }

    /// The bookings that are shown, oldest first: those that have a place, of which there are no
    /// more than places; to the host and to administrators also the others as far as
    /// [`MOST_WITHOUT_PLACE`], those that wait for the host's answer first, then the newest.
    fn guests(self, outing: &Outing) -> Vec<(BookingId, Booking)> {
        let all = outing.bookings.keys().filter_map(|id| Some((*id, outing.booking(*id)?)));
        let (mut guests, mut others): (Vec<_>, Vec<_>) =
            all.partition(|(_, booking)| booking.has_place());
        if self.all || self.account == outing.terms.host {
            let answered = |booking: &Booking| !booking.guest_says || booking.host_says.is_some();
            others.sort_by_key(|(id, booking)| (answered(booking), Reverse(*id)));
            others.truncate(MOST_WITHOUT_PLACE);
            guests.append(&mut others);
            guests.sort_by_key(|(id, _)| *id);
        }
        guests
    }

    /// Whether the guest of a booking is elsewhere; `None` to whom that is no concern.
    fn clashes(self, outing: &Outing, booking: &Booking) -> Option<bool> {
        let is_told = self.all || [outing.terms.host, booking.guest].contains(&self.account);
        is_told.then_some(booking.clashes)
    }
}

impl Service {
    /// What stands elsewhere of an outing: as much as is shown to who looks at it.
    pub(super) async fn known(
        &self,
        id: AnnouncementId,
        outing: &Outing,
        view: View,
    ) -> Result<Known, ApiError> {
        let shown = view.guests(outing).into_iter();
        let mut people: Vec<_> = shown.map(|(_, booking)| booking.guest).collect();
        people.push(outing.terms.host);
        let mut known = self.known_of(outing, &people, view.now).await?;
        let terms = &outing.terms;
        let ids = [terms.title, terms.description, terms.location];
        known.texts = texts::find(&self.vault, &ids).await?;
        known.times = self.announcements.times(id).await?;
        Ok(known)
    }

    /// The film and these people, without texts.
    pub(super) async fn known_of(
        &self,
        outing: &Outing,
        people: &[AccountId],
        now: DateTime<Utc>,
    ) -> Result<Known, ApiError> {
        let film = self.catalogue.film(outing.terms.film).await?;
        Ok(Known {
            film: film.map(|film| film.title).unwrap_or_default(),
            names: self.people.names(people).await?,
            averages: self.reviews.averages(people, now).await?,
            ..Known::default()
        })
    }
}

impl Known {
    fn text(&self, id: TextId) -> String {
        self.texts.get(&id).cloned().unwrap_or_default()
    }

    pub(super) fn name(&self, account: AccountId) -> String {
        self.names.get(&account).cloned().unwrap_or_default()
    }

    fn score(&self, account: AccountId) -> f64 {
        self.averages.get(&account).copied().unwrap_or_default().score()
    }

    /// An announcement as somebody sees it; `None` if there is none.
    pub(super) fn announcement(
        &self,
        id: AnnouncementId,
        state: &Announcement,
        view: View,
    ) -> Option<AnnouncementSeen> {
        let outing = state.announced()?;
        let terms = &outing.terms;
        let times = self.times.unwrap_or(Times { created: view.now, modified: view.now });
        let guest = |(id, booking): (BookingId, Booking)| GuestSeen {
            booking_id: id.0,
            guest_id: booking.guest.0,
            guest_name: self.name(booking.guest),
            guest_rating: self.score(booking.guest),
            guest_status: booking.guest_says,
            author_status: Nullable(booking.host_says),
            clashes: view.clashes(outing, &booking),
        };
        Some(AnnouncementSeen {
            id: id.0,
            created: Timestamp(times.created),
            modified: Timestamp(times.modified),
            status: outing.status_at(view.now).as_str().to_owned(),
            title: self.text(terms.title),
            description: self.text(terms.description),
            movie_id: terms.film.0,
            movie_title: self.film.clone(),
            author_id: terms.host.0,
            author_name: self.name(terms.host),
            sub_only: terms.sub_only,
            is_free: terms.is_free,
            tickets_count: terms.places,
            tickets_left: outing.left(),
            event_time: Timestamp(terms.span.starts_at),
            event_location: self.text(terms.location),
            duration: terms.span.duration_minutes,
            guest_list: view.guests(outing).into_iter().map(guest).collect(),
            author_rating: self.score(terms.host),
        })
    }

    /// A booking; `None` if it is no more.
    pub(super) fn booking(
        &self,
        announcement: AnnouncementId,
        id: BookingId,
        state: &Announcement,
    ) -> Option<BookingSeen> {
        let outing = state.announced()?;
        let booking = outing.booking(id)?;
        Some(BookingSeen {
            id: id.0,
            announcement_id: announcement.0,
            movie_title: self.film.clone(),
            author_id: outing.terms.host.0,
            author_name: self.name(outing.terms.host),
            guest_id: booking.guest.0,
            guest_name: self.name(booking.guest),
            author_status: Nullable(booking.host_says),
            guest_status: booking.guest_says,
            guest_rating: self.score(booking.guest),
            author_rating: self.score(outing.terms.host),
            event_time: Timestamp(outing.terms.span.starts_at),
            clashes: booking.clashes,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use chrono::TimeDelta;
    use shared_events::FilmId;
    use uuid::Uuid;

    use super::super::super::announcement::{Span, Stage, Terms};
    use super::*;

    const HOST: AccountId = AccountId(Uuid::from_u128(1));

    fn outing(bookings: impl IntoIterator<Item = (u128, bool, Option<bool>)>) -> Outing {
        let text = TextId(Uuid::nil());
        let span = Span { starts_at: DateTime::UNIX_EPOCH, duration_minutes: 120 };
        let terms = Terms {
            host: HOST,
            film: FilmId(Uuid::nil()),
            title: text,
            description: text,
            location: text,
            sub_only: false,
            is_free: true,
            places: 1_000,
            span,
        };
        let (none, declined) = (BTreeMap::new(), BTreeSet::new());
        let mut outing = Outing { terms, stage: Stage::Open, bookings: none, declined, moves: 0 };
        for (n, guest_says, host_says) in bookings {
            let guest = AccountId(Uuid::from_u128(n));
            let booking = Booking { guest, guest_says, host_says, clashes: false };
            outing.bookings.insert(BookingId(Uuid::from_u128(n)), booking);
        }
        outing
    }

    fn view(account: AccountId, all: bool) -> View {
        View { account, all, now: DateTime::UNIX_EPOCH + TimeDelta::hours(1) }
    }

    fn shown(outing: &Outing, account: AccountId) -> Vec<u128> {
        let guests = view(account, false).guests(outing);
        guests.iter().map(|(id, _)| id.0.as_u128()).collect()
    }

    /// What somebody sees of the guests.
    fn seen(outing: Outing, view: View) -> Vec<GuestSeen> {
        let id = AnnouncementId(Uuid::nil());
        let announcement = Announcement::Announced(Box::new(outing));
        Known::default().announcement(id, &announcement, view).unwrap().guest_list
    }

    #[test]
    fn guests_see_who_comes_along_and_the_host_all_who_applied() {
        let outing = outing([
            (10, true, None),
            (11, true, Some(true)),
            (12, false, Some(true)),
            (13, true, Some(false)),
        ]);
        assert_eq!(shown(&outing, AccountId(Uuid::from_u128(10))), [11]);
        assert_eq!(shown(&outing, HOST), [10, 11, 12, 13]);
    }

    #[test]
    fn that_a_guest_is_elsewhere_is_told_to_them_the_host_and_administrators() {
        let (guest, other) = (AccountId(Uuid::from_u128(10)), AccountId(Uuid::from_u128(11)));
        let clashes = |account, all| {
            let mut outing = outing([(10, true, Some(true)), (11, true, Some(true))]);
            outing.bookings.get_mut(&BookingId(guest.0)).unwrap().clashes = true;
            let guests = seen(outing, view(account, all)).into_iter();
            guests.map(|guest| guest.clashes).collect::<Vec<_>>()
        };
        let stranger = AccountId(Uuid::from_u128(12));
        assert_eq!(clashes(HOST, false), [Some(true), Some(false)]);
        assert_eq!(clashes(guest, false), [Some(true), None]);
        assert_eq!(clashes(other, false), [None, Some(false)]);
        assert_eq!(clashes(stranger, false), [None, None]);
        assert_eq!(clashes(stranger, true), [Some(true), Some(false)]);
    }

    #[test]
    fn what_was_called_off_takes_nobody_along() {
        let mut outing = outing([(10, true, Some(true)), (11, true, None)]);
        outing.stage = Stage::Cancelled;
        let guests = seen(outing.clone(), view(AccountId(Uuid::from_u128(12)), true));
        let says: Vec<_> = guests.iter().map(|guest| guest.author_status.0).collect();
        assert_eq!(says, [Some(false), Some(false)]);
        assert_eq!(shown(&outing, AccountId(Uuid::from_u128(10))), [0; 0]);
    }

    #[test]
    fn of_a_crowd_the_host_sees_all_who_come_along_and_the_newest_who_wait() {
        let coming = (0..1_000).map(|n| (10_000 + n, true, Some(true)));
        let waiting = (0..900).map(|n| (20_000 + n, true, None));
        let declined = (0..1_000).map(|n| (30_000 + n, true, Some(false)));
        let seen = shown(&outing(coming.clone().chain(waiting).chain(declined)), HOST);
        let newest_declined = 30_900..31_000;
        let expected = (10_000..11_000).chain(20_000..20_900).chain(newest_declined);
        assert_eq!(seen, expected.collect::<Vec<_>>());
        let more = (0..4_000).map(|n| (20_000 + n, true, None));
        let seen = shown(&outing(coming.chain(more)), HOST);
        assert_eq!(seen, (10_000..11_000).chain(23_000..24_000).collect::<Vec<_>>());
    }
}
