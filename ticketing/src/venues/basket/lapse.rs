//! Recording that the time of tickets in a basket is over.

use chrono::{DateTime, Utc};
use shared_events::BasketEvent;

use super::{Basket, BasketError};

/// Record what is over.
#[derive(Clone, Copy, Debug)]
pub struct LapseTickets {
    /// When.
    pub now: DateTime<Utc>,
}

impl LapseTickets {
    pub(super) fn decide(self, basket: &Basket) -> Result<Vec<BasketEvent>, BasketError> {
        let tickets: Vec<_> = basket.lapsed(self.now).map(|(ticket, _)| ticket).collect();
        let any = !tickets.is_empty();
        Ok(any.then_some(BasketEvent::TicketsReleased { tickets }).into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BasketCommand, given};
    use super::*;

    #[test]
    fn what_is_over_is_recorded_and_the_rest_stays() {
        let lapse = |minutes| BasketCommand::Lapse(LapseTickets { now: given::after(minutes) });
        assert_eq!(given::decided(given::two(), lapse(4)), Ok(Vec::new()));
        let tickets = vec![given::FIRST];
        let released = BasketEvent::TicketsReleased { tickets };
        assert_eq!(given::decided(given::two(), lapse(5)), Ok(vec![released.clone()]));
        let after = [given::two(), vec![released]].concat();
        assert_eq!(given::decided(after, lapse(9)), Ok(Vec::new()));
    }
}
