//! The aggregate `Wallet`: the money of one account, in whole hundredths, never less than nothing.
//! Each posting says where the money comes from and where it goes.

mod open;
mod pay;
mod receive;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use shared_events::{AccountId, Currency, LedgerAccount, Price, WalletEvent};

pub use open::{OpenWallet, OpeningSum};
pub use pay::Pay;
pub use receive::Receive;

/// The most that a wallet holds, in hundredths: ten billion.
pub const MOST_MONEY: i64 = 1_000_000_000_000;

/// A wallet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wallet {
    /// Nobody has opened it.
    #[default]
    Absent,
    /// It was opened.
    Open {
        /// Whose it is.
        owner: AccountId,
        /// Of which currency.
        currency: Currency,
        /// What is in it, in hundredths.
        balance_minor: i64,
    },
}

/// What can be asked of a wallet.
#[derive(Clone, Debug)]
pub enum WalletCommand {
    /// Open it.
    Open(OpenWallet),
    /// Put money in.
    Receive(Receive),
    /// Pay with it.
    Pay(Pay),
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalletError {
    /// There is no such wallet.
    #[error("there is no such wallet")]
    Unknown,
    /// An account has one.
    #[error("the account has a wallet")]
    AlreadyOpen,
    /// There is less in it.
    #[error("there is not enough money in the wallet")]
    InsufficientFunds,
    /// It holds money of another currency.
    #[error("the wallet holds money of another currency")]
    OtherCurrency,
    /// There would be more in it than any wallet holds.
    #[error("there would be too much money in the wallet")]
    TooMuch,
}

impl Wallet {
    /// Whose it is and what is in it, in hundredths, if it was opened.
    pub fn balance(&self) -> Option<(AccountId, i64)> {
        match self {
            Self::Absent => None,
            Self::Open { owner, balance_minor, .. } => Some((*owner, *balance_minor)),
        }
    }

    /// What is in it, if it is of this currency.
    fn open_for(&self, wanted: Currency) -> Result<i64, WalletError> {
        match self {
            Self::Absent => Err(WalletError::Unknown),
            Self::Open { currency, .. } if *currency != wanted => Err(WalletError::OtherCurrency),
            Self::Open { balance_minor, .. } => Ok(*balance_minor),
        }
    }

    /// Whether so much may be put in. Asked before money is taken elsewhere: what was taken is not
    /// refused for being much.
    ///
    /// # Errors
    /// [`WalletError`] if it may not.
    pub fn has_room_for(&self, price: Price) -> Result<(), WalletError> {
        let sum = self.open_for(price.currency)?.checked_add(price.price_minor);
        let fits = sum.is_some_and(|sum| sum <= MOST_MONEY);
        fits.then_some(()).ok_or(WalletError::TooMuch)
    }
}

impl Aggregate for Wallet {
    const TYPE: &'static str = "wallet";
    type Command = WalletCommand;
    type Event = WalletEvent;
    type Error = WalletError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let events = match command {
            WalletCommand::Open(command) => command.decide(self),
            WalletCommand::Receive(command) => command.decide(self),
            WalletCommand::Pay(command) => command.decide(self),
        }?;
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        match (event, self) {
            (WalletEvent::Opened { owner, currency }, wallet) => {
                *wallet = Self::Open { owner, currency, balance_minor: 0 };
            }
            (
                WalletEvent::Posted { from, to, amount_minor, .. },
                Self::Open { balance_minor, .. },
            ) => {
                if to == LedgerAccount::Wallet {
                    *balance_minor += amount_minor;
                }
                if from == LedgerAccount::Wallet {
                    *balance_minor -= amount_minor;
                }
            }
            (WalletEvent::Posted { .. }, Self::Absent) => {}
        }
    }
}

#[cfg(test)]
mod given {
    //! States of a wallet, as the events that lead to them.

    use super::*;
    use shared_events::{Cause, PurchaseId, TicketId, TopUpId, TransactionId};
    use uuid::Uuid;

    pub(super) const OWNER: AccountId = AccountId(Uuid::from_u128(1));
    pub(super) const TRANSACTION: TransactionId = TransactionId(Uuid::from_u128(2));
    pub(super) const TOP_UP: TopUpId = TopUpId(Uuid::from_u128(3));
    pub(super) const PURCHASE: PurchaseId = PurchaseId(Uuid::from_u128(4));
    pub(super) const TICKET: TicketId = TicketId(Uuid::from_u128(5));

    pub(super) fn price(price_minor: i64) -> Price {
        Price { price_minor, currency: Currency::Usd }
    }

    pub(super) fn empty() -> Vec<WalletEvent> {
        vec![WalletEvent::Opened { owner: OWNER, currency: Currency::Usd }]
    }

    pub(super) fn topped_up(amount_minor: i64) -> WalletEvent {
        WalletEvent::Posted {
            transaction: TRANSACTION,
            cause: Cause::TopUp { top_up: TOP_UP },
            from: LedgerAccount::Provider,
            to: LedgerAccount::Wallet,
            amount_minor,
            tickets: Vec::new(),
        }
    }

    pub(super) fn paid(amount_minor: i64) -> WalletEvent {
        WalletEvent::Posted {
            transaction: TRANSACTION,
            cause: Cause::Purchase { purchase: PURCHASE },
            from: LedgerAccount::Wallet,
            to: LedgerAccount::Sales,
            amount_minor,
            tickets: vec![TICKET],
        }
    }

    /// With 50.00 in it.
    pub(super) fn full() -> Vec<WalletEvent> {
        [empty(), vec![topped_up(5_000)]].concat()
    }

    /// What a command comes to, in a given state.
    pub(super) fn decided(
        given: Vec<WalletEvent>,
        command: WalletCommand,
    ) -> Result<Vec<WalletEvent>, WalletError> {
        let framework = cqrs_es::test::TestFramework::<Wallet>::with(());
        framework.given(given).when(command).inspect_result()
    }
}
