//! Starting a top-up, before the provider is asked.

use shared_events::TopUpEvent;

use super::{Demand, TopUp, TopUpError};

/// Start a top-up.
#[derive(Clone, Debug)]
pub struct BeginTopUp(pub Demand);

impl BeginTopUp {
    pub(super) fn decide(self, top_up: &TopUp) -> Result<Vec<TopUpEvent>, TopUpError> {
        let Demand { wallet, by, price, provider } = self.0;
        match top_up {
            TopUp::Absent => Ok(vec![TopUpEvent::Started { wallet, by, price, provider }]),
            TopUp::Started { .. } => Err(TopUpError::AlreadyStarted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TopUpCommand, given};
    use super::*;

    #[test]
    fn a_top_up_is_started_once() {
        let begin = || TopUpCommand::Begin(BeginTopUp(given::demand()));
        assert_eq!(given::decided(Vec::new(), begin()), Ok(given::started()));
        assert_eq!(given::decided(given::captured(), begin()), Err(TopUpError::AlreadyStarted));
    }
}
