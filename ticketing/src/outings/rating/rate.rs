//! Rating the other, or thinking otherwise while nobody can read it. When both have rated, all may
//! read it. Who rates after the time to answer is read at once, and may have read the other.

use chrono::{DateTime, Utc};
use shared_events::{AccountId, AnnouncementId, BookingId, RatingEvent, ReviewId, Side, TextId};

use super::{Rating, RatingError, Said};

/// The scores there are.
pub const SCORES: std::ops::RangeInclusive<u8> = 1..=5;

/// Rate the other.
#[derive(Clone, Copy, Debug)]
pub struct RateOther {
    /// The review's id, if there is none yet.
    pub review: ReviewId,
    /// Of which outing.
    pub announcement: AnnouncementId,
    /// By which booking they were there.
    pub booking: BookingId,
    /// Which of the two rates.
    pub side: Side,
    /// Who that is.
    pub author: AccountId,
    /// Who is rated.
    pub about: AccountId,
    /// How much, 1 to 5.
    pub score: u8,
    /// What was written, in the vault.
    pub text: Option<TextId>,
    /// From when on all may read it, whether or not both have rated.
    pub publishes_at: DateTime<Utc>,
    /// When.
    pub now: DateTime<Utc>,
}

impl RateOther {
    pub(super) fn decide(self, rating: &Rating) -> Result<Vec<RatingEvent>, RatingError> {
        let Self { review, announcement, booking, side, author, about, score, text, .. } = self;
        if !SCORES.contains(&score) {
            return Err(RatingError::BadScore);
        }
        match rating.said(side) {
            Some(said) if (Said { score, text, ..said }) == said => Ok(Vec::new()),
            Some(_) if rating.is_published(self.now) => Err(RatingError::Published),
            Some(_) => Ok(vec![RatingEvent::Revised { side, score, text }]),
            None => {
                let publishes_at = rating.publishes_at().unwrap_or(self.publishes_at);
                let rated = RatingEvent::Rated {
                    review,
                    announcement,
                    booking,
                    side,
                    author,
                    about,
                    score,
                    text,
                    publishes_at,
                };
                // What was not recorded as published yet is now.
                let is_recorded = matches!(rating, Rating::Rated { published: true, .. });
                let is_answer = *rating != Rating::Absent;
                let is_public = (is_answer || self.now >= publishes_at) && !is_recorded;
                let published = is_public.then_some(RatingEvent::Published);
                Ok([rated].into_iter().chain(published).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use cqrs_es::Aggregate;
    use uuid::Uuid;

    use super::super::{RatingCommand, given};
    use super::*;

    fn rate(side: Side, score: u8, now: DateTime<Utc>) -> RatingCommand {
        let (author, about) = match side {
            Side::Host => (given::HOST, given::GUEST),
            Side::Guest => (given::GUEST, given::HOST),
        };
        RatingCommand::Rate(RateOther {
            review: given::review(side),
            announcement: given::ANNOUNCEMENT,
            booking: given::BOOKING,
            side,
            author,
            about,
            score,
            text: None,
            publishes_at: given::publishes_at(),
            now,
        })
    }

    fn in_time() -> DateTime<Utc> {
        given::publishes_at() - TimeDelta::microseconds(1)
    }

    #[test]
    fn what_one_says_is_hidden_until_the_other_has_said_something() {
        let decided = given::decided(Vec::new(), rate(Side::Guest, 5, in_time()));
        assert_eq!(decided, Ok(given::by_guest()));
        let answered = given::decided(given::by_guest(), rate(Side::Host, 4, in_time()));
        assert_eq!(answered, Ok(given::by_both()[1..].to_vec()));
    }

    /// Earlier implementations took several reviews of the same person.
    #[test]
    fn each_rates_once_and_may_think_otherwise_until_it_can_be_read() {
        let again = rate(Side::Guest, 2, in_time());
        let revised = RatingEvent::Revised { side: Side::Guest, score: 2, text: None };
        assert_eq!(given::decided(given::by_guest(), again), Ok(vec![revised]));
        assert_eq!(given::decided(given::by_both(), again), Err(RatingError::Published));
        let late = rate(Side::Guest, 2, given::publishes_at());
        assert_eq!(given::decided(given::by_guest(), late), Err(RatingError::Published));
    }

    #[test]
    fn the_same_again_is_no_change_even_when_it_can_be_read() {
        let same = rate(Side::Guest, 5, given::publishes_at());
        for events in [given::by_guest(), given::by_both()] {
            assert_eq!(given::decided(events, same), Ok(Vec::new()));
        }
    }

    #[test]
    fn who_rates_late_is_read_at_once() {
        let late = rate(Side::Guest, 5, given::publishes_at());
        let at_once = vec![given::rated(Side::Guest, 5), RatingEvent::Published];
        assert_eq!(given::decided(Vec::new(), late), Ok(at_once.clone()));
        let answer = rate(Side::Host, 4, given::publishes_at());
        let said = given::decided(at_once, answer);
        assert_eq!(said, Ok(vec![given::rated(Side::Host, 4)]));
    }

    #[test]
    fn a_revision_counts_what_its_author_has_said_and_tells_nothing_of_the_other() {
        let revised = RatingEvent::Revised { side: Side::Guest, score: 2, text: None };
        let mut rating = Rating::default();
        for (event, of_guest, of_host) in [
            (given::rated(Side::Guest, 5), 1, 0),
            (revised, 2, 0),
            (given::rated(Side::Host, 4), 2, 1),
            (RatingEvent::Published, 2, 1),
        ] {
            rating.apply(event);
            assert_eq!(rating.revision(Side::Guest), of_guest);
            assert_eq!(rating.revision(Side::Host), of_host);
        }
    }

    /// Earlier implementations took any number.
    #[test]
    fn a_score_is_one_to_five() {
        for score in 0..=6 {
            let decided = given::decided(Vec::new(), rate(Side::Guest, score, in_time()));
            assert_eq!(decided.is_ok(), (1..=5).contains(&score), "{score}");
        }
    }

    #[test]
    fn another_text_is_another_opinion() {
        let RatingCommand::Rate(rate) = rate(Side::Guest, 5, in_time()) else { unreachable!() };
        let text = Some(TextId(Uuid::from_u128(9)));
        let revised = RatingEvent::Revised { side: Side::Guest, score: 5, text };
        let decided =
            given::decided(given::by_guest(), RatingCommand::Rate(RateOther { text, ..rate }));
        assert_eq!(decided, Ok(vec![revised]));
    }
}
