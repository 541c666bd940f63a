//! Taking no time for an outing any more, nor having it wait for one.

use shared_events::{AnnouncementId, EngagementsEvent};

use super::{Engagements, EngagementsError};

/// Take no time for an outing any more.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseTime {
    /// For which one.
    pub announcement: AnnouncementId,
}

impl ReleaseTime {
    pub(super) fn decide(
        self,
        engagements: &Engagements,
    ) -> Result<Vec<EngagementsEvent>, EngagementsError> {
        let Self { announcement } = self;
        let known = engagements.time_of(announcement).or(engagements.waits_for(announcement));
        Ok(known.map(|_| EngagementsEvent::Released { announcement }).into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{EngagementsCommand, given};
    use super::*;

    #[test]
    fn a_time_is_released_once() {
        let announcement = given::OUTING;
        let release = EngagementsCommand::Release(ReleaseTime { announcement });
        let released = EngagementsEvent::Released { announcement };
        let once = given::decided(given::at_an_outing(), release);
        assert_eq!(once, Ok(vec![released.clone()]));
        let again = [given::at_an_outing(), vec![released.clone()]].concat();
        assert_eq!(given::decided(again, release), Ok(Vec::new()));
        assert_eq!(given::decided(given::waiting(), release), Ok(vec![released.clone()]));
        let after = given::engagements([given::waiting(), vec![released]].concat());
        assert_eq!(after.waits_for(announcement), None);
    }
}
