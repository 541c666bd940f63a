//! Holding a ticket for longer, or no longer than before, while its order's payment comes and goes.

use chrono::{DateTime, Utc};
use shared_events::{ListingEvent, OrderId};

use super::{Availability, Listing, ListingError};

/// Move the end of a hold.
#[derive(Clone, Copy, Debug)]
pub struct ExtendHold {
    /// Whose hold.
    pub order: OrderId,
    /// Its new end: the first instant at which somebody else may have the ticket.
    pub until: DateTime<Utc>,
}

impl ExtendHold {
    /// Whether the hold is over is no question here: nobody else has taken the ticket yet.
    pub(super) fn decide(self, listing: &Listing) -> Result<Vec<ListingEvent>, ListingError> {
        let Self { order, until } = self;
        match listing {
            Listing::Listed {
                availability: Availability::Held { order: holder, until: end },
                ..
            } if *holder == order => {
                let moved = *end != until;
                Ok(moved.then_some(ListingEvent::Reserved { order, until }).into_iter().collect())
            }
            _ => Err(ListingError::Reserved),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ListingCommand, given};
    use super::*;

    fn extend(order: OrderId, until: DateTime<Utc>) -> ListingCommand {
        ListingCommand::Extend(ExtendHold { order, until })
    }

    #[test]
    fn the_end_of_a_hold_can_be_moved_by_its_order() {
        let until = given::quarter_past() + chrono::TimeDelta::minutes(10);
        let events = vec![ListingEvent::Reserved { order: given::ORDER, until }];
        let later = extend(given::ORDER, until);
        assert_eq!(given::decided(given::held(), later), Ok(events));
        let same = extend(given::ORDER, given::quarter_past());
        assert_eq!(given::decided(given::held(), same), Ok(Vec::new()));
    }

    #[test]
    fn who_does_not_hold_the_ticket_moves_nothing() {
        for (listed, order) in [
            (given::held(), given::OTHER_ORDER),
            (given::free(), given::ORDER),
            (given::sold(), given::ORDER),
            (given::withdrawn(), given::ORDER),
        ] {
            let extend = extend(order, given::quarter_past());
            assert_eq!(given::decided(listed, extend), Err(ListingError::Reserved));
        }
    }
}
