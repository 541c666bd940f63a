//! Offering a ticket.

use shared_events::{AccountId, ListingEvent, Price, TitleId};

use super::{Listing, ListingError};

/// Offer a ticket.
#[derive(Clone, Copy, Debug)]
pub struct ListTicket {
    /// Who offers it.
    pub seller: AccountId,
    /// Its title, in the vault.
    pub title: TitleId,
    /// Its price.
    pub price: Price,
}

impl ListTicket {
    pub(super) fn decide(self, listing: &Listing) -> Result<Vec<ListingEvent>, ListingError> {
        let Self { seller, title, price } = self;
        match listing {
            Listing::Absent => Ok(vec![ListingEvent::Listed { seller, title, price }]),
            Listing::Listed { .. } => Err(ListingError::AlreadyListed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ListingCommand, given};
    use super::*;

    const LIST: ListingCommand = ListingCommand::List(ListTicket {
        seller: given::SELLER,
        title: given::TITLE,
        price: given::PRICE,
    });

    #[test]
    fn a_ticket_can_be_offered() {
        assert_eq!(given::decided(Vec::new(), LIST), Ok(given::free()));
    }

    #[test]
    fn a_listing_is_made_once() {
        for listed in [given::free(), given::sold(), given::withdrawn()] {
            assert_eq!(given::decided(listed, LIST), Err(ListingError::AlreadyListed));
        }
    }
}
