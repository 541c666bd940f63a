//! Buying what is held, and giving it back: basket, seats, matches, wallet and purchase in one
//! append, all or nothing.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use shared_events::{
    AccountId, BasketId, BoughtTicket, Cause, FixtureId, LedgerAccount, Price, PurchaseId,
    TicketId, TransactionId, WalletId,
};

use super::basket::{Basket, BasketCommand, BasketError, BuyHeld, Item};
use super::error::VenuesError;
use super::fixture::{Fixture, FixtureCommand, FixtureError, Sell};
use super::purchase::{
    Bought, MakePurchase, Purchase, PurchaseCommand, PurchaseError, RefundPurchase,
};
use super::scheduling::{Refused, refused};
use super::seat::{GiveBackSeat, Seat, SeatCommand, SellSeat};
use super::seat_maps::SeatMaps;
use super::wallet::{Pay, Receive, Wallet, WalletCommand, WalletError};
use crate::platform::append::Attached;
use crate::platform::commands::{CommandError, Commands, Execution, Unit, jointly};

/// Buys and refunds; cheap to clone.
#[derive(Clone)]
pub struct Purchasing {
    /// Commands on seats of matches.
    pub seats: Commands<Seat>,
    /// Commands on matches.
    pub fixtures: Commands<Fixture>,
    /// Commands on baskets.
    pub baskets: Commands<Basket>,
    /// Commands on wallets.
    pub wallets: Commands<Wallet>,
    /// Commands on purchases.
    pub purchases: Commands<Purchase>,
    /// What matches probably are.
    pub maps: SeatMaps,
    /// How long before a match its tickets can be given back.
    pub refund_until: TimeDelta,
}

/// What somebody wants to buy: all that they hold.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// The new purchase.
    pub purchase: PurchaseId,
    /// The new posting.
    pub transaction: TransactionId,
    /// Who.
    pub buyer: AccountId,
    /// From which wallet; it has to be the buyer's.
    pub wallet: WalletId,
}

/// What was bought.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// In which purchase.
    pub purchase: PurchaseId,
    /// Which tickets.
    pub tickets: Vec<TicketId>,
    /// What all of it cost.
    pub total: Price,
}

/// A refund that somebody wants.
#[derive(Clone, Copy, Debug)]
pub struct RefundWish {
    /// Which purchase.
    pub purchase: PurchaseId,
    /// The new posting.
    pub transaction: TransactionId,
    /// Who.
    pub by: AccountId,
    /// Whether that is an administrator.
    pub is_administrator: bool,
}

impl Purchasing {
    /// Buys all that the buyer holds.
    ///
    /// # Errors
    /// [`Refused`] if nothing is held, a match has begun, or the wallet has too little.
    pub async fn buy(
        &self,
        order: Order,
        execution: Execution,
        attach: impl Fn(&Receipt) -> Attached,
    ) -> Result<Receipt, Refused> {
        let now = execution.now;
        let buy = |unit: Unit<VenuesError>| async move {
            let Order { purchase, transaction, buyer, wallet } = order;
            let basket = BasketId::of(buyer).0;
            let look = BasketCommand::Look;
            let held = unit.decide(&self.baskets, basket, look).await?;
            let mut items: Vec<(TicketId, Item)> = held.state.live(now).collect();
            let fixtures = self.on_sale(&unit, &items, now).await?;
            items.retain(|(_, item)| fixtures.contains(&item.fixture));
            let take = BasketCommand::Buy(BuyHeld { purchase, fixtures, now });
            unit.decide(&self.baskets, basket, take).await?;
            let tickets: Vec<TicketId> = items.iter().map(|(ticket, _)| *ticket).collect();
            let total = total(&items)?;
            let pay = Pay { transaction, purchase, price: total, tickets: tickets.clone() };
            unit.decide(&self.wallets, wallet.0, WalletCommand::Pay(pay)).await?;
            for (ticket, item) in &items {
                let sell = SeatCommand::Sell(SellSeat { hold: item.hold, purchase, now });
                let seen = self.maps.seen(*ticket);
                unit.decide_seen(&self.seats, ticket.0, seen, sell).await?;
            }
            let bought = |(ticket, item): &(TicketId, Item)| BoughtTicket {
                ticket: *ticket,
                fixture: item.fixture,
                price: item.price,
            };
            let made = Bought { buyer, wallet, total, tickets: items.iter().map(bought).collect() };
            let make = PurchaseCommand::Make(MakePurchase(made));
            unit.create(&self.purchases, purchase.0, make).await?;
            Ok(Receipt { purchase, tickets, total })
        };
        jointly(self.purchases.store(), execution, attach, buy).await
    }

    /// The matches of these items that are still to come. What is held for one that was cancelled,
    /// or was moved and has begun, is left to its end, unless nothing else is held.
    async fn on_sale(
        &self,
        unit: &Unit<VenuesError>,
        items: &[(TicketId, Item)],
        now: DateTime<Utc>,
    ) -> Result<Vec<FixtureId>, Refused> {
        let all: BTreeSet<FixtureId> = items.iter().map(|(_, item)| item.fixture).collect();
        let (mut on_sale, mut refusal) = (Vec::new(), None);
        for fixture in all {
            // What was reserved can be bought until the match begins, whatever has become of its
            // sale.
            let sell = Sell { places: Vec::new(), with_link: true, now };
            let (sell, seen) = (FixtureCommand::Sell(sell), self.maps.fixture(fixture));
            match unit.decide_seen(&self.fixtures, fixture.0, seen, sell).await {
                Ok(_) => on_sale.push(fixture),
                Err(CommandError::Refused(refused)) => refusal = Some(refused),
                Err(error) => return Err(error),
            }
        }
        match refusal {
            Some(refusal) if on_sale.is_empty() => Err(CommandError::Refused(refusal)),
            _ => Ok(on_sale),
        }
    }

    /// Gives a purchase back: its seats are free, its money is in the wallet.
    ///
    /// # Errors
    /// [`Refused`] if there is none of the caller's, it was refunded, or it is too late.
    pub async fn refund(
        &self,
        wish: RefundWish,
        execution: Execution,
        attach: impl Fn(&Receipt) -> Attached,
    ) -> Result<Receipt, Refused> {
        let now = execution.now;
        let refund = |unit: Unit<VenuesError>| async move {
            let RefundWish { purchase, transaction, by, is_administrator } = wish;
            let loaded = self.purchases.store().load::<Purchase>(purchase.0).await?;
            let unknown = || refused(PurchaseError::Unknown);
            let bought = loaded.state.bought().cloned().ok_or_else(unknown)?;
            let closes_at = self.closes_at(&unit, &bought).await?;
            let refund = RefundPurchase { by, is_administrator, closes_at, now };
            let refund = PurchaseCommand::Refund(refund);
            unit.decide(&self.purchases, purchase.0, refund).await?;
            let tickets: Vec<_> = bought.tickets.iter().map(|bought| bought.ticket).collect();
            let back = WalletCommand::Receive(Receive {
                transaction,
                cause: Cause::Refund { purchase },
                from: LedgerAccount::Sales,
                price: bought.total,
                tickets: tickets.clone(),
            });
            unit.decide(&self.wallets, bought.wallet.0, back).await?;
            for ticket in &tickets {
                let give_back = SeatCommand::GiveBack(GiveBackSeat { purchase });
                unit.decide(&self.seats, ticket.0, give_back).await?;
            }
            Ok(Receipt { purchase, tickets, total: bought.total })
        };
        jointly(self.purchases.store(), execution, attach, refund).await
    }

    /// When the buyer may not give it back any more: some time before its first match, unless that
    /// was cancelled.
    async fn closes_at(
        &self,
        unit: &Unit<VenuesError>,
        bought: &Bought,
    ) -> Result<Option<DateTime<Utc>>, Refused> {
        let mut fixtures: Vec<_> = bought.tickets.iter().map(|ticket| ticket.fixture).collect();
        fixtures.sort_unstable();
        fixtures.dedup();
        let mut closes_at = None;
        for fixture in fixtures {
            let look = FixtureCommand::Look;
            let looked = unit.decide(&self.fixtures, fixture.0, look).await?;
            let details = looked.state.details().ok_or_else(|| refused(FixtureError::Unknown))?;
            if !looked.state.is_cancelled() {
                let closes = details.starts_at - self.refund_until;
                closes_at = Some(closes_at.map_or(closes, |known| closes.min(known)));
            }
        }
        Ok(closes_at)
    }
}

/// What all of it costs; it has to be of one currency. There is something.
fn total(items: &[(TicketId, Item)]) -> Result<Price, Refused> {
    let mut prices = items.iter().map(|(_, item)| item.price);
    let first = prices.next().ok_or_else(|| refused(BasketError::Empty))?;
    prices.try_fold(first, |sum, price| {
        if price.currency != sum.currency {
            return Err(refused(WalletError::OtherCurrency));
        }
        let price_minor = sum.price_minor.checked_add(price.price_minor);
        let price_minor = price_minor.ok_or_else(|| refused(WalletError::InsufficientFunds))?;
        Ok(Price { price_minor, ..sum })
    })
}
