//! Recording that the provider has taken no money for a top-up.

use shared_events::TopUpEvent;

use super::{Progress, TopUp, TopUpError};

/// Record that there is no money.
#[derive(Clone, Debug)]
pub struct DeclineTopUp {
    /// The provider's reason.
    pub reason: String,
}

impl DeclineTopUp {
    pub(super) fn decide(self, top_up: &TopUp) -> Result<Vec<TopUpEvent>, TopUpError> {
        let TopUp::Started { progress, .. } = top_up else { return Err(TopUpError::Unknown) };
        match progress {
            Progress::Capturing => Ok(vec![TopUpEvent::Declined { reason: self.reason }]),
            Progress::Declined { .. } => Ok(Vec::new()),
            Progress::Captured => Err(TopUpError::Contradiction),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TopUpCommand, given};
    use super::*;

    #[test]
    fn a_refusal_is_recorded_once() {
        let decline = || TopUpCommand::Decline(DeclineTopUp { reason: "card_declined".into() });
        let declined = vec![TopUpEvent::Declined { reason: "card_declined".into() }];
        assert_eq!(given::decided(given::started(), decline()), Ok(declined));
        assert_eq!(given::decided(given::declined(), decline()), Ok(Vec::new()));
        assert_eq!(given::decided(given::captured(), decline()), Err(TopUpError::Contradiction));
        assert_eq!(given::decided(Vec::new(), decline()), Err(TopUpError::Unknown));
    }
}
