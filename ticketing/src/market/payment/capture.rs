//! Recording that the provider has taken the money.

use shared_events::PaymentEvent;

use super::{Payment, PaymentError, Progress};

/// Record a capture.
#[derive(Clone, Debug)]
pub struct RecordCapture {
    /// What the provider calls it.
    pub charge: String,
}

impl RecordCapture {
    pub(super) fn decide(self, payment: &Payment) -> Result<Vec<PaymentEvent>, PaymentError> {
        let Payment::Started { progress, .. } = payment else { return Err(PaymentError::Unknown) };
        match progress {
            Progress::Capturing => Ok(vec![PaymentEvent::Captured { charge: self.charge }]),
            Progress::Declined { .. } => Err(PaymentError::Contradiction),
            Progress::Captured { .. } | Progress::Refunding { .. } | Progress::Refunded { .. } => {
                Ok(Vec::new())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PaymentCommand, given};
    use super::*;

    #[test]
    fn a_capture_is_recorded_once() {
        let capture = PaymentCommand::Capture(RecordCapture { charge: given::CHARGE.into() });
        let captured = given::captured().split_off(1);
        assert_eq!(given::decided(given::started(), capture.clone()), Ok(captured));
        for known in [given::captured(), given::refunding(), given::refunded()] {
            assert_eq!(given::decided(known, capture.clone()), Ok(Vec::new()));
        }
        let declined = given::decided(given::declined(), capture.clone());
        assert_eq!(declined, Err(PaymentError::Contradiction));
        assert_eq!(given::decided(Vec::new(), capture), Err(PaymentError::Unknown));
    }
}
