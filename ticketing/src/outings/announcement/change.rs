//! Changing an announcement: its texts, terms, places and time, and opening it. From its beginning
//! on nothing changes. That its host is nowhere else at the new time is decided by the host's
//! engagements, in the same append; the guests follow later (`moving.rs`).

use chrono::{DateTime, Utc};
use shared_events::{AccountId, AnnouncementEvent, TextId};

use super::{Announcement, AnnouncementError, Outing, Span, Stage, is_to_come};

/// Change an announcement.
#[derive(Clone, Copy, Debug)]
pub struct ChangeOuting {
    /// Who wants it changed.
    pub by: AccountId,
    /// What changes.
    pub change: Change,
    /// When.
    pub now: DateTime<Utc>,
}

/// What changes of an announcement; what is `None` stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change {
    /// Whether guests can apply.
    pub open: Option<bool>,
    /// The title.
    pub title: Option<TextId>,
    /// The description.
    pub description: Option<TextId>,
    /// Where it is.
    pub location: Option<TextId>,
    /// Whether only those who follow the host may see it.
    pub sub_only: Option<bool>,
    /// Whether guests pay nothing.
    pub is_free: Option<bool>,
    /// How many guests there can be, 1 to 1,000.
    pub places: Option<u32>,
    /// Its first instant.
    pub starts_at: Option<DateTime<Utc>>,
    /// How long it takes, in minutes.
    pub duration_minutes: Option<u32>,
}

impl ChangeOuting {
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
        let mut events: Vec<_> = self.edited(outing).into_iter().collect();
        events.extend(self.places(outing)?);
        events.extend(self.moved(outing)?);
        events.extend(self.opened(outing)?);
        Ok(announcement.with_its_doors(events))
    }

    fn edited(self, outing: &Outing) -> Option<AnnouncementEvent> {
        let terms = outing.terms;
        let title = self.change.title.unwrap_or(terms.title);
        let description = self.change.description.unwrap_or(terms.description);
        let location = self.change.location.unwrap_or(terms.location);
        let sub_only = self.change.sub_only.unwrap_or(terms.sub_only);
        let is_free = self.change.is_free.unwrap_or(terms.is_free);
        let same = (title, description, location, sub_only, is_free)
            == (terms.title, terms.description, terms.location, terms.sub_only, terms.is_free);
        let edited = AnnouncementEvent::Edited { title, description, location, sub_only, is_free };
        (!same).then_some(edited)
    }

    fn places(self, outing: &Outing) -> Result<Option<AnnouncementEvent>, AnnouncementError> {
        let changed = self.change.places.filter(|places| *places != outing.terms.places);
        let Some(places) = changed else { return Ok(None) };
        let taken = outing.taken();
        if places < taken {
            return Err(AnnouncementError::PlacesTaken { taken });
        }
        Ok(Some(AnnouncementEvent::PlacesChanged { places }))
    }

    fn moved(self, outing: &Outing) -> Result<Option<AnnouncementEvent>, AnnouncementError> {
        let starts_at = self.starts_at(outing);
        let before = outing.terms.span;
        let duration_minutes = self.change.duration_minutes.unwrap_or(before.duration_minutes);
        if (Span { starts_at, duration_minutes }) == before {
            return Ok(None);
        }
        is_to_come(starts_at, self.now)?;
        Ok(Some(AnnouncementEvent::Moved { starts_at, duration_minutes }))
    }

    fn opened(self, outing: &Outing) -> Result<Option<AnnouncementEvent>, AnnouncementError> {
        match (self.change.open, outing.stage) {
            (Some(true), Stage::Draft) => {
                is_to_come(self.starts_at(outing), self.now)?;
                Ok(Some(AnnouncementEvent::Opened))
            }
            (Some(false), Stage::Open | Stage::Full) => Err(AnnouncementError::AlreadyOpen),
            _ => Ok(None),
        }
    }

    fn starts_at(self, outing: &Outing) -> DateTime<Utc> {
        self.change.starts_at.unwrap_or(outing.terms.span.starts_at)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use shared_events::TextId;
    use uuid::Uuid;

    use super::super::{AnnouncementCommand, Terms, given};
    use super::*;

    type Decided = Result<Vec<AnnouncementEvent>, AnnouncementError>;

    fn changed(events: Vec<AnnouncementEvent>, change: Change, now: DateTime<Utc>) -> Decided {
        let change = ChangeOuting { by: given::HOST, change, now };
        given::decided(events, AnnouncementCommand::Change(change))
    }

    fn later() -> Change {
        let starts_at = Some(given::start() + TimeDelta::hours(1));
        Change { starts_at, ..Change::default() }
    }

    fn places(places: u32) -> Change {
        Change { places: Some(places), ..Change::default() }
    }

    #[test]
    fn the_host_moves_it_and_the_rest_stays() {
        let starts_at = given::start() + TimeDelta::hours(1);
        let moved = AnnouncementEvent::Moved { starts_at, duration_minutes: 120 };
        for events in [given::draft(), given::open(), given::full()] {
            assert_eq!(changed(events, later(), given::noon()), Ok(vec![moved.clone()]));
        }
    }

    #[test]
    fn what_is_as_it_was_is_no_change() {
        let terms = given::terms();
        let change = Change {
            title: Some(terms.title),
            places: Some(terms.places),
            starts_at: Some(terms.span.starts_at),
            open: Some(true),
            ..Change::default()
        };
        assert_eq!(changed(given::open(), change, given::noon()), Ok(Vec::new()));
    }

    #[test]
    fn what_is_described_otherwise_stays_as_it_is_otherwise() {
        let Terms { title, description, location, sub_only, is_free, .. } = given::terms();
        let new = TextId(Uuid::from_u128(99));
        let of = |change: Change| changed(given::open(), change, given::noon());
        let edited = |title, description, location, sub_only, is_free| {
            Ok(vec![AnnouncementEvent::Edited { title, description, location, sub_only, is_free }])
        };
        let none = Change::default();
        let by_title = of(Change { title: Some(new), ..none });
        assert_eq!(by_title, edited(new, description, location, sub_only, is_free));
        let by_description = of(Change { description: Some(new), ..none });
        assert_eq!(by_description, edited(title, new, location, sub_only, is_free));
        let by_location = of(Change { location: Some(new), ..none });
        assert_eq!(by_location, edited(title, description, new, sub_only, is_free));
        let by_followers = of(Change { sub_only: Some(!sub_only), ..none });
        assert_eq!(by_followers, edited(title, description, location, !sub_only, is_free));
        let by_price = of(Change { is_free: Some(!is_free), ..none });
        assert_eq!(by_price, edited(title, description, location, sub_only, !is_free));
        let same = Change {
            title: Some(title),
            description: Some(description),
            location: Some(location),
            sub_only: Some(sub_only),
            is_free: Some(is_free),
            ..none
        };
        assert_eq!(of(same), Ok(Vec::new()));
    }

    #[test]
    fn what_was_edited_is_what_it_is_from_then_on() {
        let texts = [101, 102, 103].map(|n| TextId(Uuid::from_u128(n)));
        let [title, description, location] = texts;
        let (sub_only, is_free) = (true, false);
        let edited = AnnouncementEvent::Edited { title, description, location, sub_only, is_free };
        let events = [given::open(), vec![edited]].concat();
        let expected = Terms { title, description, location, sub_only, is_free, ..given::terms() };
        assert_eq!(given::outing(events).terms, expected);
    }

    #[test]
    fn nobody_else_changes_it() {
        let change = ChangeOuting { by: given::GUEST, change: later(), now: given::noon() };
        let refused = given::decided(given::open(), AnnouncementCommand::Change(change));
        assert_eq!(refused, Err(AnnouncementError::NotHost));
        for unknown in [Vec::new(), given::cancelled()] {
            let refused = given::decided(unknown, AnnouncementCommand::Change(change));
            assert_eq!(refused, Err(AnnouncementError::Unknown));
        }
    }

    /// Earlier implementations clamped the shortage to nothing in the answer.
    #[test]
    fn there_are_never_fewer_places_than_guests() {
        let refused = changed(given::full(), places(1), given::noon());
        assert_eq!(refused, Err(AnnouncementError::PlacesTaken { taken: 2 }));
    }

    #[test]
    fn more_places_open_what_was_closed_and_fewer_close_it() {
        let more =
            vec![AnnouncementEvent::PlacesChanged { places: 3 }, AnnouncementEvent::Reopened];
        assert_eq!(changed(given::full(), places(3), given::noon()), Ok(more));
        let fewer = vec![AnnouncementEvent::PlacesChanged { places: 1 }, AnnouncementEvent::Closed];
        assert_eq!(changed(given::accepted(), places(1), given::noon()), Ok(fewer));
    }

    #[test]
    fn from_its_beginning_on_nothing_changes() {
        let last = given::just_before(given::start());
        assert!(changed(given::open(), later(), last).is_ok());
        for events in [given::open(), given::full(), given::ended()] {
            let refused = changed(events, places(9), given::start());
            assert_eq!(refused, Err(AnnouncementError::Begun));
        }
    }

    #[test]
    fn it_is_opened_only_with_a_beginning_in_the_future_and_never_a_draft_again() {
        let open = Change { open: Some(true), ..Change::default() };
        let opened = Ok(vec![AnnouncementEvent::Opened]);
        assert_eq!(changed(given::draft(), open, given::just_before(given::start())), opened);
        let late = changed(given::draft(), open, given::start());
        assert_eq!(late, Err(AnnouncementError::BadTime));
        let draft = Change { open: Some(false), ..Change::default() };
        assert_eq!(changed(given::draft(), draft, given::noon()), Ok(Vec::new()));
        for events in [given::open(), given::full()] {
            let refused = changed(events, draft, given::noon());
            assert_eq!(refused, Err(AnnouncementError::AlreadyOpen));
        }
    }

    #[test]
    fn it_is_moved_into_the_future_only() {
        let back = Change { starts_at: Some(given::noon()), ..Change::default() };
        let refused = changed(given::open(), back, given::noon());
        assert_eq!(refused, Err(AnnouncementError::BadTime));
    }
}
