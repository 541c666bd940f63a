//! Recording that the time to answer is over, and all may read what is there. It changes no answer:
//! that is a comparison of times.

use chrono::{DateTime, Utc};
use shared_events::RatingEvent;

use super::{Rating, RatingError};

/// Record that all may read a rating, if they may.
#[derive(Clone, Copy, Debug)]
pub struct PublishRating {
    /// When.
    pub now: DateTime<Utc>,
}

impl PublishRating {
    pub(super) fn decide(self, rating: &Rating) -> Result<Vec<RatingEvent>, RatingError> {
        let is_due = match rating {
            Rating::Absent => false,
            Rating::Rated { published, .. } => !published && rating.is_published(self.now),
        };
        Ok(is_due.then_some(RatingEvent::Published).into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::super::{RatingCommand, given};
    use super::*;

    #[test]
    fn it_is_published_once_when_its_time_has_come() {
        let due = given::publishes_at();
        let decided =
            |events, now| given::decided(events, RatingCommand::Publish(PublishRating { now }));
        let early = due - TimeDelta::microseconds(1);
        assert_eq!(decided(given::by_guest(), early), Ok(Vec::new()));
        assert_eq!(decided(given::by_guest(), due), Ok(vec![RatingEvent::Published]));
        assert_eq!(decided(given::by_both(), due), Ok(Vec::new()));
        assert_eq!(decided(Vec::new(), due), Ok(Vec::new()));
    }
}
