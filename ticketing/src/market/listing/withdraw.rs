//! Offering a ticket no longer, while nobody holds it.

use chrono::{DateTime, Utc};
use shared_events::{AccountId, ListingEvent};

use super::{Availability, Listing, ListingError};

/// Offer a ticket no longer.
#[derive(Clone, Copy, Debug)]
pub struct WithdrawListing {
    /// Who wants it withdrawn.
    pub by: AccountId,
    /// When.
    pub now: DateTime<Utc>,
}

impl WithdrawListing {
    pub(super) fn decide(self, listing: &Listing) -> Result<Vec<ListingEvent>, ListingError> {
        let listing = listing.at(self.now)?;
        if listing.offer.seller != self.by {
            return Err(ListingError::Unknown);
        }
        match listing.availability {
            Availability::Free => Ok(listing.released().chain([ListingEvent::Withdrawn]).collect()),
            Availability::Held { .. } | Availability::Sold { .. } => Err(ListingError::Reserved),
            Availability::Withdrawn => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ListingCommand, given};
    use super::*;

    fn withdraw(by: AccountId, now: DateTime<Utc>) -> ListingCommand {
        ListingCommand::Withdraw(WithdrawListing { by, now })
    }

    #[test]
    fn the_seller_withdraws_what_is_free_and_once_is_enough() {
        let withdraw = withdraw(given::SELLER, given::noon());
        let withdrawn = vec![ListingEvent::Withdrawn];
        assert_eq!(given::decided(given::free(), withdraw), Ok(withdrawn));
        assert_eq!(given::decided(given::withdrawn(), withdraw), Ok(Vec::new()));
    }

    #[test]
    fn to_anybody_else_the_listing_is_unknown() {
        let withdraw = withdraw(given::BUYER, given::noon());
        for listed in [Vec::new(), given::free(), given::sold(), given::withdrawn()] {
            assert_eq!(given::decided(listed, withdraw), Err(ListingError::Unknown));
        }
    }

    #[test]
    fn what_is_held_or_sold_is_not_withdrawn() {
        let withdraw = withdraw(given::SELLER, given::just_before(given::quarter_past()));
        for reserved in [given::held(), given::sold()] {
            assert_eq!(given::decided(reserved, withdraw), Err(ListingError::Reserved));
        }
    }

    #[test]
    fn a_hold_whose_time_is_over_is_none() {
        let withdraw = withdraw(given::SELLER, given::quarter_past());
        let events = vec![ListingEvent::Released { order: given::ORDER }, ListingEvent::Withdrawn];
        assert_eq!(given::decided(given::held(), withdraw), Ok(events));
    }
}
