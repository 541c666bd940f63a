//! Giving up a hold or a sale: the ticket is free again, or no longer offered, as always if its
//! seller has left meanwhile.

use shared_events::{ListingEvent, OrderId};

use super::{Availability, Listing, ListingError};

/// Give up what an order has of a ticket.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseListing {
    /// Which order.
    pub order: OrderId,
    /// Whether the ticket is no longer offered afterwards.
    pub withdraw: bool,
}

impl ReleaseListing {
    /// An order that has nothing of the ticket (any more) changes nothing.
    pub(super) fn decide(self, listing: &Listing) -> Result<Vec<ListingEvent>, ListingError> {
        let Listing::Listed { availability, seller_left, .. } = listing else {
            return Err(ListingError::Unknown);
        };
        let (Availability::Held { order, .. } | Availability::Sold { order }) = *availability
        else {
            return Ok(Vec::new());
        };
        if order != self.order {
            return Ok(Vec::new());
        }
        let withdrawn = (self.withdraw || *seller_left).then_some(ListingEvent::Withdrawn);
        Ok(std::iter::once(ListingEvent::Released { order }).chain(withdrawn).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ListingCommand, given};
    use super::*;

    fn release(order: OrderId, withdraw: bool) -> ListingCommand {
        ListingCommand::Release(ReleaseListing { order, withdraw })
    }

    #[test]
    fn a_hold_or_a_sale_is_given_up_by_its_order() {
        let released = ListingEvent::Released { order: given::ORDER };
        for listed in [given::held(), given::sold()] {
            let free = given::decided(listed.clone(), release(given::ORDER, false));
            assert_eq!(free, Ok(vec![released.clone()]));
            let withdrawn = given::decided(listed, release(given::ORDER, true));
            assert_eq!(withdrawn, Ok(vec![released.clone(), ListingEvent::Withdrawn]));
        }
    }

    #[test]
    fn what_its_seller_has_left_behind_is_withdrawn_unasked() {
        let released = ListingEvent::Released { order: given::ORDER };
        for listed in [given::held(), given::sold()] {
            let events = given::decided(given::left(listed), release(given::ORDER, false));
            assert_eq!(events, Ok(vec![released.clone(), ListingEvent::Withdrawn]));
        }
    }

    #[test]
    fn an_order_that_has_nothing_of_the_ticket_changes_nothing() {
        for (listed, order) in [
            (given::held(), given::OTHER_ORDER),
            (given::sold(), given::OTHER_ORDER),
            (given::free(), given::ORDER),
            (given::withdrawn(), given::ORDER),
        ] {
            assert_eq!(given::decided(listed, release(order, true)), Ok(Vec::new()));
        }
    }
}
