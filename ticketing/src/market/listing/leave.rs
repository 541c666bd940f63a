//! A seller leaves for good: what nobody holds is withdrawn at once, what somebody holds or has
//! when they do not any more.

use chrono::{DateTime, Utc};
use shared_events::{AccountId, ListingEvent};

use super::{Listing, ListingError, WithdrawListing};

/// Leave.
#[derive(Clone, Copy, Debug)]
pub struct LeaveListing {
    /// Who leaves.
    pub by: AccountId,
    /// When.
    pub now: DateTime<Utc>,
}

impl LeaveListing {
    pub(super) fn decide(self, listing: &Listing) -> Result<Vec<ListingEvent>, ListingError> {
        let Self { by, now } = self;
        match (WithdrawListing { by, now }).decide(listing) {
            Err(ListingError::Reserved) if listing.at(now)?.seller_left => Ok(Vec::new()),
            Err(ListingError::Reserved) => Ok(vec![ListingEvent::SellerLeft]),
            decided => decided,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ListingCommand, given};
    use super::*;

    fn leave(by: AccountId, now: DateTime<Utc>) -> ListingCommand {
        ListingCommand::Leave(LeaveListing { by, now })
    }

    #[test]
    fn what_is_held_or_sold_remembers_that_its_seller_left_and_once_is_enough() {
        let leave = leave(given::SELLER, given::just_before(given::quarter_past()));
        for reserved in [given::held(), given::sold()] {
            let left = vec![ListingEvent::SellerLeft];
            assert_eq!(given::decided(reserved.clone(), leave), Ok(left));
            assert_eq!(given::decided(given::left(reserved), leave), Ok(Vec::new()));
        }
    }

    #[test]
    fn what_nobody_holds_is_withdrawn() {
        let free = given::decided(given::free(), leave(given::SELLER, given::noon()));
        assert_eq!(free, Ok(vec![ListingEvent::Withdrawn]));
        let lapsed = given::decided(given::held(), leave(given::SELLER, given::quarter_past()));
        let released = ListingEvent::Released { order: given::ORDER };
        assert_eq!(lapsed, Ok(vec![released, ListingEvent::Withdrawn]));
        let withdrawn = given::decided(given::withdrawn(), leave(given::SELLER, given::noon()));
        assert_eq!(withdrawn, Ok(Vec::new()));
    }

    #[test]
    fn nobody_leaves_for_somebody_else() {
        let leave = leave(given::BUYER, given::noon());
        for listed in [Vec::new(), given::free(), given::held(), given::sold()] {
            assert_eq!(given::decided(listed, leave), Err(ListingError::Unknown));
        }
    }
}
