//! Closing a stadium, once no match will take place there any more.

use chrono::{DateTime, Utc};
use shared_events::StadiumEvent;

use super::{Stadium, StadiumError};

/// Close a stadium.
#[derive(Clone, Copy, Debug)]
pub struct CloseStadium {
    /// When.
    pub now: DateTime<Utc>,
}

impl CloseStadium {
    pub(super) fn decide(self, stadium: &Stadium) -> Result<Vec<StadiumEvent>, StadiumError> {
        let calendar = stadium.open()?.calendar;
        if calendar.values().any(|span| span.ends_at > self.now) {
            return Err(StadiumError::HasMatches);
        }
        Ok(vec![StadiumEvent::Closed])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{StadiumCommand, given};
    use super::*;

    fn close(hour: i64) -> StadiumCommand {
        StadiumCommand::Close(CloseStadium { now: given::at(hour) })
    }

    #[test]
    fn a_stadium_closes_after_its_last_match() {
        assert_eq!(given::decided(given::booked(), close(19)), Err(StadiumError::HasMatches));
        let closed = Ok(vec![StadiumEvent::Closed]);
        assert_eq!(given::decided(given::booked(), close(20)), closed);
        let after = given::then(given::booked(), StadiumEvent::Closed);
        assert_eq!(given::decided(after, close(21)), Err(StadiumError::Unknown));
        assert_eq!(given::decided(Vec::new(), close(21)), Err(StadiumError::Unknown));
    }
}
