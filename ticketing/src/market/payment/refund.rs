//! Recording that the provider has given the money back.

use shared_events::PaymentEvent;

use super::{Payment, PaymentError, Progress};

/// Record that the money was given back.
#[derive(Clone, Debug)]
pub struct RecordRefund {
    /// What the provider calls that.
    pub refund: String,
}

impl RecordRefund {
    pub(super) fn decide(self, payment: &Payment) -> Result<Vec<PaymentEvent>, PaymentError> {
        let Payment::Started { progress, .. } = payment else { return Err(PaymentError::Unknown) };
        match progress {
            Progress::Refunding { .. } => Ok(vec![PaymentEvent::Refunded { refund: self.refund }]),
            Progress::Refunded { .. } => Ok(Vec::new()),
            Progress::Capturing | Progress::Captured { .. } | Progress::Declined { .. } => {
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
    fn a_refund_is_recorded_once_and_only_if_it_was_started() {
        let refund = PaymentCommand::Refund(RecordRefund { refund: given::REFUND.into() });
        let refunded = given::refunded().split_off(3);
        assert_eq!(given::decided(given::refunding(), refund.clone()), Ok(refunded));
        assert_eq!(given::decided(given::refunded(), refund.clone()), Ok(Vec::new()));
        for early in [given::started(), given::captured(), given::declined()] {
            let refused = given::decided(early, refund.clone());
            assert_eq!(refused, Err(PaymentError::Contradiction));
        }
    }
}
