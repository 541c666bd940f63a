//! Recording that the provider has taken the money; also of a payment that was given up because
//! nobody had asked for the money in time, and then somebody who was long away did.

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
            Progress::Capturing | Progress::Declined { .. } => {
                Ok(vec![PaymentEvent::Captured { charge: self.charge }])
            }
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
        for open in [given::started(), given::declined()] {
            assert_eq!(given::decided(open, capture.clone()), Ok(captured.clone()));
        }
        for known in [given::captured(), given::refunding(), given::refunded()] {
            assert_eq!(given::decided(known, capture.clone()), Ok(Vec::new()));
        }
        assert_eq!(given::decided(Vec::new(), capture), Err(PaymentError::Unknown));
    }
}
