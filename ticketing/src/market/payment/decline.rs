//! Recording that the provider has taken no money and will not.

use shared_events::PaymentEvent;

use super::{Payment, PaymentError, Progress};

/// Record that a payment was declined.
#[derive(Clone, Debug)]
pub struct RecordDecline {
    /// The provider's reason.
    pub reason: String,
}

impl RecordDecline {
    pub(super) fn decide(self, payment: &Payment) -> Result<Vec<PaymentEvent>, PaymentError> {
        let Payment::Started { progress, .. } = payment else { return Err(PaymentError::Unknown) };
        match progress {
            Progress::Capturing => Ok(vec![PaymentEvent::Declined { reason: self.reason }]),
            Progress::Declined { .. } => Ok(Vec::new()),
            Progress::Captured { .. } | Progress::Refunding { .. } | Progress::Refunded { .. } => {
                Err(PaymentError::Contradiction)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PaymentCommand, given};
    use super::*;

    #[test]
    fn a_declined_payment_is_recorded_once_and_never_after_its_capture() {
        let decline = PaymentCommand::Decline(RecordDecline { reason: "card_declined".into() });
        let declined = given::declined().split_off(1);
        assert_eq!(given::decided(given::started(), decline.clone()), Ok(declined));
        assert_eq!(given::decided(given::declined(), decline.clone()), Ok(Vec::new()));
        for captured in [given::captured(), given::refunding(), given::refunded()] {
            let refused = given::decided(captured, decline.clone());
            assert_eq!(refused, Err(PaymentError::Contradiction));
        }
        assert_eq!(given::decided(Vec::new(), decline), Err(PaymentError::Unknown));
    }
}
