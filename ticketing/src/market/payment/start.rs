//! Starting a payment: recorded before the provider hears of it, so that whatever happens then can
//! be found out.

use shared_events::PaymentEvent;

use super::{Demand, Payment, PaymentError};

/// Start a payment.
#[derive(Clone, Debug)]
pub struct BeginPayment(pub Demand);

impl BeginPayment {
    pub(super) fn decide(self, payment: &Payment) -> Result<Vec<PaymentEvent>, PaymentError> {
        let Demand { order, buyer, price, provider } = self.0;
        match payment {
            Payment::Absent => Ok(vec![PaymentEvent::Started { order, buyer, price, provider }]),
            Payment::Started { .. } => Err(PaymentError::AlreadyStarted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PaymentCommand, given};
    use super::*;

    #[test]
    fn a_payment_is_started_once() {
        let begin = PaymentCommand::Begin(BeginPayment(given::demand()));
        assert_eq!(given::decided(Vec::new(), begin.clone()), Ok(given::started()));
        assert_eq!(given::decided(given::started(), begin), Err(PaymentError::AlreadyStarted));
    }
}
