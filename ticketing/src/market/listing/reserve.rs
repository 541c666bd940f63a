//! Holding a ticket for an order: one order at a time.

use chrono::{DateTime, Utc};
use shared_events::{AccountId, ListingEvent, OrderId};

use super::{Availability, Listing, ListingError};

/// Hold a ticket.
#[derive(Clone, Copy, Debug)]
pub struct ReserveListing {
    /// For which order.
    pub order: OrderId,
    /// Whose order it is.
    pub buyer: AccountId,
    /// The first instant at which somebody else may have it.
    pub until: DateTime<Utc>,
    /// When.
    pub now: DateTime<Utc>,
}

impl ReserveListing {
    pub(super) fn decide(self, listing: &Listing) -> Result<Vec<ListingEvent>, ListingError> {
        let Self { order, buyer, until, now } = self;
        let listing = listing.at(now)?;
        match listing.availability {
            // To a buyer it is not there any more.
            Availability::Withdrawn => Err(ListingError::Unknown),
            _ if listing.offer.seller == buyer => Err(ListingError::Own),
            Availability::Held { .. } | Availability::Sold { .. } => Err(ListingError::Reserved),
            Availability::Free => {
                Ok(listing.released().chain([ListingEvent::Reserved { order, until }]).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::super::{ListingCommand, given};
    use super::*;

    fn reserve(buyer: AccountId, now: DateTime<Utc>) -> ListingCommand {
        let until = now + TimeDelta::minutes(15);
        ListingCommand::Reserve(ReserveListing { order: given::OTHER_ORDER, buyer, until, now })
    }

    #[test]
    fn what_is_free_can_be_held() {
        let until = given::quarter_past();
        let held = vec![ListingEvent::Reserved { order: given::OTHER_ORDER, until }];
        let reserve = reserve(given::BUYER, given::noon());
        assert_eq!(given::decided(given::free(), reserve), Ok(held));
    }

    #[test]
    fn a_ticket_has_one_holder_until_the_last_moment_of_its_hold() {
        let reserve = reserve(given::BUYER, given::just_before(given::quarter_past()));
        for reserved in [given::held(), given::sold()] {
            assert_eq!(given::decided(reserved, reserve), Err(ListingError::Reserved));
        }
    }

    #[test]
    fn from_the_end_of_a_hold_on_the_next_may_have_it_although_nobody_recorded_the_end() {
        let events = vec![
            ListingEvent::Released { order: given::ORDER },
            ListingEvent::Reserved {
                order: given::OTHER_ORDER,
                until: given::quarter_past() + TimeDelta::minutes(15),
            },
        ];
        let reserve = reserve(given::BUYER, given::quarter_past());
        assert_eq!(given::decided(given::held(), reserve), Ok(events));
    }

    #[test]
    fn after_the_hold_of_what_its_seller_has_left_behind_nobody_may_have_it() {
        let reserve = reserve(given::BUYER, given::quarter_past());
        let events = given::decided(given::left(given::held()), reserve);
        assert_eq!(events, Err(ListingError::Unknown));
    }

    #[test]
    fn nobody_buys_their_own_ticket() {
        let reserve = reserve(given::SELLER, given::noon());
        for listed in [given::free(), given::held(), given::sold()] {
            assert_eq!(given::decided(listed, reserve), Err(ListingError::Own));
        }
    }

    #[test]
    fn what_is_not_offered_can_not_be_held() {
        let reserve = reserve(given::BUYER, given::noon());
        for listed in [Vec::new(), given::withdrawn()] {
            assert_eq!(given::decided(listed, reserve), Err(ListingError::Unknown));
        }
    }
}
