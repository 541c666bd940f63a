//! Recording that the provider has taken the money of a top-up.

use shared_events::TopUpEvent;

use super::{Progress, TopUp, TopUpError};

/// Record that the money was taken.
#[derive(Clone, Debug)]
pub struct CaptureTopUp {
    /// What the provider calls it.
    pub charge: String,
}

impl CaptureTopUp {
    pub(super) fn decide(self, top_up: &TopUp) -> Result<Vec<TopUpEvent>, TopUpError> {
        let TopUp::Started { progress, .. } = top_up else { return Err(TopUpError::Unknown) };
        match progress {
            Progress::Capturing => Ok(vec![TopUpEvent::Captured { charge: self.charge }]),
            Progress::Captured => Ok(Vec::new()),
            Progress::Declined { .. } => Err(TopUpError::Contradiction),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TopUpCommand, given};
    use super::*;

    #[test]
    fn a_capture_is_recorded_once() {
        let capture = || TopUpCommand::Capture(CaptureTopUp { charge: "ch_1".into() });
        let captured = vec![TopUpEvent::Captured { charge: "ch_1".into() }];
        assert_eq!(given::decided(given::started(), capture()), Ok(captured));
        assert_eq!(given::decided(given::captured(), capture()), Ok(Vec::new()));
        assert_eq!(given::decided(given::declined(), capture()), Err(TopUpError::Contradiction));
        assert_eq!(given::decided(Vec::new(), capture()), Err(TopUpError::Unknown));
    }
}
