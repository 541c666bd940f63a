//! Buying up to the payment: an order is placed with a hold on its ticket, given up, or runs out of
//! time. Each is one append over the order and its listing: no order is without its hold, and of
//! two buyers one is refused.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use shared_events::{AccountId, ListingId, OrderId};

use super::error::MarketError;
use super::listing::{Listing, ListingCommand, ReleaseListing, ReserveListing};
use super::order::{CancelOrder, ExpireOrder, Order, OrderCommand, PlaceOrder, Terms};
use crate::platform::append::{Attached, NewDeadline, Origin};
use crate::platform::causes::causes;
use crate::platform::clock::Clock;
use crate::platform::commands::{CommandError, Commands, Done, Execution, Unit, jointly};
use crate::platform::deadlines::{DeadlineHandler, Due, Handled};
use crate::platform::event_store::EventStore;

/// The deadline at which an order's time may be over.
pub(super) const ORDER_EXPIRES: &str = "market.order_expires";

/// Places orders and ends them; cheap to clone.
#[derive(Clone)]
pub struct Buying {
    listings: Commands<Listing>,
    orders: Commands<Order>,
    hold: TimeDelta,
}

/// An order that somebody wants to place.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// The new order's id.
    pub order: OrderId,
    /// Who wants the ticket.
    pub buyer: AccountId,
    /// Which ticket.
    pub listing: ListingId,
}

/// An order that was placed.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    /// Which order.
    pub order: OrderId,
    /// What was ordered.
    pub terms: Terms,
}

pub(super) type Refused = CommandError<MarketError>;

impl Buying {
    /// An order holds its ticket for `hold`.
    pub fn new(listings: Commands<Listing>, orders: Commands<Order>, hold: TimeDelta) -> Self {
        Self { listings, orders, hold }
    }

    fn store(&self) -> &EventStore {
        self.orders.store()
    }

    /// Places an order: the ticket is held for it.
    ///
    /// # Errors
    /// [`CommandError`], with the listing's refusal.
    pub async fn place(
        &self,
        wish: Wish,
        execution: Execution,
        attach: impl Fn(&Placed) -> Attached,
    ) -> Result<Placed, Refused> {
        let now = execution.now;
        let attach = |placed: &Placed| {
            let mut attached = attach(placed);
            attached.deadlines.push(expiry(placed.order, placed.terms.expires_at));
            attached
        };
        jointly(self.store(), execution, attach, |unit| self.hold(unit, wish, now)).await
    }

    async fn hold(
        &self,
        unit: Unit<MarketError>,
        wish: Wish,
        now: DateTime<Utc>,
    ) -> Result<Placed, Refused> {
        let Wish { order, buyer, listing } = wish;
        let until = now + self.hold;
        let reserve = ListingCommand::Reserve(ReserveListing { order, buyer, until, now });
        let reserved = unit.decide(&self.listings, listing.0, reserve).await?;
        let offer = reserved.state.offer().ok_or(super::listing::ListingError::Unknown);
        let offer = offer.map_err(|error| CommandError::Refused(error.into()))?;
        let terms = Terms {
            buyer,
            listing,
            seller: offer.seller,
            title: offer.title,
            price: offer.price,
            expires_at: until,
        };
        unit.create(&self.orders, order.0, OrderCommand::Place(PlaceOrder(terms))).await?;
        Ok(Placed { order, terms })
    }

    /// Gives an order up: its ticket is free again.
    ///
    /// # Errors
    /// [`CommandError`], with the order's refusal.
    pub async fn cancel(
        &self,
        order: OrderId,
        by: AccountId,
        execution: Execution,
        attach: impl Fn(&Done<Order>) -> Attached,
    ) -> Result<Done<Order>, Refused> {
        let cancel = OrderCommand::Cancel(CancelOrder { by, now: execution.now });
        jointly(self.store(), execution, attach, |unit| self.end(unit, order, cancel)).await
    }

    /// Records that an order's time is over, if it is: its ticket is free again.
    ///
    /// # Errors
    /// [`CommandError`]; an order that is not there is refused.
    pub async fn expire(&self, order: OrderId, execution: Execution) -> Result<(), Refused> {
        let expire = OrderCommand::Expire(ExpireOrder { now: execution.now });
        let nothing = |_: &Done<Order>| Attached::default();
        jointly(self.store(), execution, nothing, |unit| self.end(unit, order, expire)).await?;
        Ok(())
    }

    /// What ends an order releases its ticket.
    async fn end(
        &self,
        unit: Unit<MarketError>,
        order: OrderId,
        command: OrderCommand,
    ) -> Result<Done<Order>, Refused> {
        let done = unit.decide(&self.orders, order.0, command).await?;
        if let (Some(terms), false) = (done.state.terms(), done.events.is_empty()) {
            let release = ListingCommand::Release(ReleaseListing { order, withdraw: false });
            unit.decide(&self.listings, terms.listing.0, release).await?;
        }
        Ok(done)
    }
}

/// The deadline of an order whose time is over at `due_at`.
pub(super) fn expiry(order: OrderId, due_at: DateTime<Utc>) -> NewDeadline {
    NewDeadline { kind: ORDER_EXPIRES, subject: order.0, due_at }
}

/// Records that orders have expired. It changes no answer: that is a comparison of times.
pub struct OrderExpiry {
    /// Ends orders.
    pub buying: Buying,
    /// The time.
    pub clock: Clock,
}

#[async_trait]
impl DeadlineHandler for OrderExpiry {
    fn kind(&self) -> &'static str {
        ORDER_EXPIRES
    }

    async fn handle(&self, due: Due) -> Handled {
        let execution = Execution::new(Origin::new(), self.clock.now());
        match self.buying.expire(OrderId(due.subject), execution).await {
            Ok(()) => Handled::Recorded,
            Err(error) => {
                tracing::debug!(error = causes(&error), "an order's end was not recorded");
                Handled::Failed
            }
        }
    }
}
