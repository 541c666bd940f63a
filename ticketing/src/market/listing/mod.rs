//! The aggregate `Listing`: what its events made of it, and which commands it takes. Who may have
//! the ticket is decided here and nowhere else.

mod edit;
mod extend;
mod leave;
mod list;
mod release;
mod reserve;
mod sell;
mod withdraw;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use shared_events::{AccountId, ListingEvent, OrderId, Price, TitleId};

pub use edit::EditListing;
pub use extend::ExtendHold;
pub use leave::LeaveListing;
pub use list::ListTicket;
pub use release::ReleaseListing;
pub use reserve::ReserveListing;
pub use sell::SellListing;
pub use withdraw::WithdrawListing;

/// A ticket that somebody offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Listing {
    /// Nobody has offered it.
    #[default]
    Absent,
    /// It was offered.
    Listed {
        /// What is offered.
        offer: Offer,
        /// Whose it is to be.
        availability: Availability,
        /// Whether the seller has left: nobody comes after who holds or has it.
        seller_left: bool,
    },
}

/// What is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// By whom.
    pub seller: AccountId,
    /// Under which title.
    pub title: TitleId,
    /// For how much.
    pub price: Price,
}

/// Whose the ticket is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Availability {
    /// Whoever comes first.
    Free,
    /// An order's, for a while. After that as good as free.
    Held {
        /// Which order.
        order: OrderId,
        /// The first instant at which somebody else may have it.
        until: DateTime<Utc>,
    },
    /// An order's, for good.
    Sold {
        /// Which order.
        order: OrderId,
    },
    /// Nobody's: it is no longer offered.
    Withdrawn,
}

/// What can be asked of a listing.
#[derive(Clone, Copy, Debug)]
pub enum ListingCommand {
    /// Offer a ticket.
    List(ListTicket),
    /// Change title or price.
    Edit(EditListing),
    /// Offer it no longer.
    Withdraw(WithdrawListing),
    /// Offer it no longer, or not again once whoever holds or has it does not any more.
    Leave(LeaveListing),
    /// Hold it for an order.
    Reserve(ReserveListing),
    /// Hold it for longer.
    Extend(ExtendHold),
    /// Give up a hold or a sale.
    Release(ReleaseListing),
    /// Sell it to an order.
    Sell(SellListing),
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// There is no such listing, or it is not the caller's.
    #[error("there is no such listing")]
    Unknown,
    /// The id was used before.
    #[error("the listing exists already")]
    AlreadyListed,
    /// An order holds or has the ticket.
    #[error("the ticket is reserved")]
    Reserved,
    /// It is no longer offered.
    #[error("the ticket was withdrawn")]
    Withdrawn,
    /// Nobody buys their own ticket.
    #[error("the ticket is the buyer's own")]
    Own,
}

impl Listing {
    /// What is offered, if anything was.
    pub fn offer(&self) -> Option<Offer> {
        match self {
            Self::Absent => None,
            Self::Listed { offer, .. } => Some(*offer),
        }
    }

    /// The offer and whose the ticket is at this moment: a hold whose time is over is none.
    fn at(&self, now: DateTime<Utc>) -> Result<Now, ListingError> {
        match self {
            Self::Absent => Err(ListingError::Unknown),
            Self::Listed { offer, availability, seller_left } => {
                let seller_left = *seller_left;
                let (availability, lapsed) = match *availability {
                    Availability::Held { order, until } if now >= until => {
                        let after =
                            if seller_left { Availability::Withdrawn } else { Availability::Free };
                        (after, Some(order))
                    }
                    availability => (availability, None),
                };
                Ok(Now { offer: *offer, availability, lapsed, seller_left })
            }
        }
    }
}

/// A listing at a moment.
struct Now {
    offer: Offer,
    /// Never [`Availability::Held`] by an order whose time is over.
    availability: Availability,
    /// The order whose hold is over but was not released yet.
    lapsed: Option<OrderId>,
    seller_left: bool,
}

impl Now {
    /// What has to be said before anything else happens to the ticket: that the last hold is over.
    fn released(&self) -> impl Iterator<Item = ListingEvent> {
        self.lapsed.map(|order| ListingEvent::Released { order }).into_iter()
    }
}

impl Aggregate for Listing {
    const TYPE: &'static str = "listing";
    type Command = ListingCommand;
    type Event = ListingEvent;
    type Error = ListingError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let events = match command {
            ListingCommand::List(command) => command.decide(self),
            ListingCommand::Edit(command) => command.decide(self),
            ListingCommand::Withdraw(command) => command.decide(self),
            ListingCommand::Leave(command) => command.decide(self),
            ListingCommand::Reserve(command) => command.decide(self),
            ListingCommand::Extend(command) => command.decide(self),
            ListingCommand::Release(command) => command.decide(self),
            ListingCommand::Sell(command) => command.decide(self),
        }?;
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        if let ListingEvent::Listed { seller, title, price } = event {
            let offer = Offer { seller, title, price };
            let availability = Availability::Free;
            *self = Self::Listed { offer, availability, seller_left: false };
            return;
        }
        let Self::Listed { offer, availability, seller_left } = self else { return };
        match event {
            ListingEvent::Listed { .. } => {}
            ListingEvent::Edited { title, price } => {
                offer.title = title;
                offer.price = price;
            }
            ListingEvent::Reserved { order, until } => {
                *availability = Availability::Held { order, until };
            }
            ListingEvent::Released { .. } => *availability = Availability::Free,
            ListingEvent::Sold { order } => *availability = Availability::Sold { order },
            ListingEvent::Withdrawn => *availability = Availability::Withdrawn,
            ListingEvent::SellerLeft => *seller_left = true,
        }
    }
}

#[cfg(test)]
mod given {
    //! States of a listing, as the events that lead to them.

    use super::*;
    use chrono::TimeDelta;
    use shared_events::Currency;
    use uuid::Uuid;

    pub(super) const SELLER: AccountId = AccountId(Uuid::from_u128(1));
    pub(super) const BUYER: AccountId = AccountId(Uuid::from_u128(2));
    pub(super) const TITLE: TitleId = TitleId(Uuid::from_u128(3));
    pub(super) const ORDER: OrderId = OrderId(Uuid::from_u128(4));
    pub(super) const OTHER_ORDER: OrderId = OrderId(Uuid::from_u128(5));

    pub(super) const PRICE: Price = Price { price_minor: 1_999, currency: Currency::Usd };

    pub(super) fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_262_400, 0).unwrap()
    }

    /// The end of the hold that began at noon.
    pub(super) fn quarter_past() -> DateTime<Utc> {
        noon() + TimeDelta::minutes(15)
    }

    pub(super) fn just_before(time: DateTime<Utc>) -> DateTime<Utc> {
        time - TimeDelta::microseconds(1)
    }

    pub(super) fn free() -> Vec<ListingEvent> {
        vec![ListingEvent::Listed { seller: SELLER, title: TITLE, price: PRICE }]
    }

    /// Held by [`ORDER`] until a quarter past noon.
    pub(super) fn held() -> Vec<ListingEvent> {
        [free(), vec![ListingEvent::Reserved { order: ORDER, until: quarter_past() }]].concat()
    }

    pub(super) fn sold() -> Vec<ListingEvent> {
        [held(), vec![ListingEvent::Sold { order: ORDER }]].concat()
    }

    pub(super) fn withdrawn() -> Vec<ListingEvent> {
        [free(), vec![ListingEvent::Withdrawn]].concat()
    }

    /// The same, and then the seller has left.
    pub(super) fn left(listed: Vec<ListingEvent>) -> Vec<ListingEvent> {
        [listed, vec![ListingEvent::SellerLeft]].concat()
    }

    /// What a command comes to, in a given state.
    pub(super) fn decided(
        given: Vec<ListingEvent>,
        command: ListingCommand,
    ) -> Result<Vec<ListingEvent>, ListingError> {
        let framework = cqrs_es::test::TestFramework::<Listing>::with(());
        framework.given(given).when(command).inspect_result()
    }
}
