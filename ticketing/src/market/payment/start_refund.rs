//! Starting to give the money back: recorded before the provider hears of it.

use shared_events::{PaymentEvent, RefundReason};

use super::{Payment, PaymentError, Progress};

/// Start to give the money back.
#[derive(Clone, Copy, Debug)]
pub struct StartRefund {
    /// Why.
    pub reason: RefundReason,
    /// Whether the ticket is no longer offered afterwards.
    pub withdraw: bool,
}

impl StartRefund {
    pub(super) fn decide(self, payment: &Payment) -> Result<Vec<PaymentEvent>, PaymentError> {
        let Self { reason, withdraw } = self;
        let Payment::Started { progress, .. } = payment else { return Err(PaymentError::Unknown) };
        match progress {
            Progress::Captured { .. } => Ok(vec![PaymentEvent::RefundStarted { reason, withdraw }]),
            Progress::Refunding { .. } | Progress::Refunded { .. } => Ok(Vec::new()),
            Progress::Capturing | Progress::Declined { .. } => Err(PaymentError::NotCaptured),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PaymentCommand, given};
    use super::*;

    const REFUND: PaymentCommand = PaymentCommand::StartRefund(StartRefund {
        reason: RefundReason::Requested,
        withdraw: false,
    });

    #[test]
    fn what_was_paid_can_go_back_once() {
        assert_eq!(given::decided(given::captured(), REFUND), Ok(given::refunding().split_off(2)));
        for back in [given::refunding(), given::refunded()] {
            assert_eq!(given::decided(back, REFUND), Ok(Vec::new()));
        }
    }

    #[test]
    fn what_was_not_paid_does_not_go_back() {
        for unpaid in [given::started(), given::declined()] {
            assert_eq!(given::decided(unpaid, REFUND), Err(PaymentError::NotCaptured));
        }
        assert_eq!(given::decided(Vec::new(), REFUND), Err(PaymentError::Unknown));
    }
}
