//! Changing title or price, while nobody holds the ticket.

use chrono::{DateTime, Utc};
use shared_events::{AccountId, ListingEvent, Price, TitleId};

use super::{Availability, Listing, ListingError};

/// Change title or price; what is `None` stays.
#[derive(Clone, Copy, Debug)]
pub struct EditListing {
    /// Who wants it changed.
    pub by: AccountId,
    /// The new title, in the vault.
    pub title: Option<TitleId>,
    /// The new price.
    pub price: Option<Price>,
    /// When.
    pub now: DateTime<Utc>,
}

impl EditListing {
    pub(super) fn decide(self, listing: &Listing) -> Result<Vec<ListingEvent>, ListingError> {
        let listing = listing.at(self.now)?;
        if listing.offer.seller != self.by {
            return Err(ListingError::Unknown);
        }
        match listing.availability {
            Availability::Free => {}
            Availability::Held { .. } | Availability::Sold { .. } => {
                return Err(ListingError::Reserved);
            }
            Availability::Withdrawn => return Err(ListingError::Withdrawn),
        }
        let title = self.title.unwrap_or(listing.offer.title);
        let price = self.price.unwrap_or(listing.offer.price);
        if (title, price) == (listing.offer.title, listing.offer.price) {
            return Ok(Vec::new());
        }
        Ok(listing.released().chain([ListingEvent::Edited { title, price }]).collect())
    }
}

#[cfg(test)]
mod tests {
    use shared_events::Currency;

    use super::super::{ListingCommand, given};
    use super::*;

    const DEARER: Price = Price { price_minor: 2_500, currency: Currency::Usd };

    fn edit(by: AccountId, now: DateTime<Utc>) -> ListingCommand {
        ListingCommand::Edit(EditListing { by, title: None, price: Some(DEARER), now })
    }

    #[test]
    fn the_seller_changes_what_is_free_and_the_rest_stays() {
        let edited = vec![ListingEvent::Edited { title: given::TITLE, price: DEARER }];
        let edit = edit(given::SELLER, given::noon());
        assert_eq!(given::decided(given::free(), edit), Ok(edited));
    }

    #[test]
    fn to_anybody_else_the_listing_is_unknown() {
        let edit = edit(given::BUYER, given::noon());
        for listed in [Vec::new(), given::free(), given::held(), given::sold()] {
            assert_eq!(given::decided(listed, edit), Err(ListingError::Unknown));
        }
    }

    #[test]
    fn what_is_reserved_or_withdrawn_does_not_change() {
        let edit = edit(given::SELLER, given::just_before(given::quarter_past()));
        for reserved in [given::held(), given::sold()] {
            assert_eq!(given::decided(reserved, edit), Err(ListingError::Reserved));
        }
        assert_eq!(given::decided(given::withdrawn(), edit), Err(ListingError::Withdrawn));
    }

    #[test]
    fn a_hold_whose_time_is_over_is_none() {
        let edit = edit(given::SELLER, given::quarter_past());
        let events = vec![
            ListingEvent::Released { order: given::ORDER },
            ListingEvent::Edited { title: given::TITLE, price: DEARER },
        ];
        assert_eq!(given::decided(given::held(), edit), Ok(events));
    }

    #[test]
    fn the_same_again_is_no_change() {
        let edit = EditListing {
            by: given::SELLER,
            title: Some(given::TITLE),
            price: Some(given::PRICE),
            now: given::noon(),
        };
        assert_eq!(given::decided(given::free(), ListingCommand::Edit(edit)), Ok(Vec::new()));
    }
}
