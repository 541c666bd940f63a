//! Selling a ticket to the order that was paid, also to one whose hold was over, if nobody else has
//! it by now.

use chrono::{DateTime, Utc};
use shared_events::{ListingEvent, OrderId};

use super::{Availability, Listing, ListingError};

/// Sell a ticket.
#[derive(Clone, Copy, Debug)]
pub struct SellListing {
    /// To which order.
    pub order: OrderId,
    /// When.
    pub now: DateTime<Utc>,
}

impl SellListing {
    pub(super) fn decide(self, listing: &Listing) -> Result<Vec<ListingEvent>, ListingError> {
        let Self { order, now } = self;
        let sold = ListingEvent::Sold { order };
        // Its own hold counts as long as nobody else has taken the ticket.
        if let Listing::Listed { availability: Availability::Held { order: holder, .. }, .. } =
            listing
            && *holder == order
        {
            return Ok(vec![sold]);
        }
        let listing = listing.at(now)?;
        match listing.availability {
            Availability::Sold { order: owner } if owner == order => Ok(Vec::new()),
            Availability::Free => {
                let taken_back = ListingEvent::Reserved { order, until: now };
                Ok(listing.released().chain([taken_back, sold]).collect())
            }
            Availability::Held { .. } | Availability::Sold { .. } => Err(ListingError::Reserved),
            Availability::Withdrawn => Err(ListingError::Withdrawn),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ListingCommand, given};
    use super::*;

    fn sell(order: OrderId, now: DateTime<Utc>) -> ListingCommand {
        ListingCommand::Sell(SellListing { order, now })
    }

    fn sold(order: OrderId) -> ListingEvent {
        ListingEvent::Sold { order }
    }

    #[test]
    fn the_holder_gets_the_ticket_also_when_the_hold_was_over_and_nobody_came() {
        let late = given::quarter_past() + chrono::TimeDelta::hours(1);
        for now in [given::noon(), given::quarter_past(), late] {
            for held in [given::held(), given::left(given::held())] {
                let events = given::decided(held, sell(given::ORDER, now));
                assert_eq!(events, Ok(vec![sold(given::ORDER)]));
            }
        }
    }

    #[test]
    fn a_free_ticket_is_taken_back_by_an_order_that_was_paid_late() {
        let (order, until) = (given::OTHER_ORDER, given::quarter_past());
        let back = [ListingEvent::Reserved { order, until }, sold(order)];
        let from_free = given::decided(given::free(), sell(order, until));
        assert_eq!(from_free, Ok(back.to_vec()));
        let lapsed = [&[ListingEvent::Released { order: given::ORDER }][..], &back].concat();
        assert_eq!(given::decided(given::held(), sell(order, until)), Ok(lapsed));
    }

    #[test]
    fn a_ticket_is_sold_once() {
        let now = given::just_before(given::quarter_past());
        for taken in [given::held(), given::sold()] {
            let events = given::decided(taken, sell(given::OTHER_ORDER, now));
            assert_eq!(events, Err(ListingError::Reserved));
        }
        assert_eq!(given::decided(given::sold(), sell(given::ORDER, now)), Ok(Vec::new()));
    }

    #[test]
    fn what_is_not_offered_is_not_sold() {
        let sell = sell(given::ORDER, given::noon());
        assert_eq!(given::decided(given::withdrawn(), sell), Err(ListingError::Withdrawn));
        assert_eq!(given::decided(Vec::new(), sell), Err(ListingError::Unknown));
    }
}
