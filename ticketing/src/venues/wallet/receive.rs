//! Putting money into a wallet that came from a payment provider, or that goes back.

use shared_events::{Cause, LedgerAccount, Price, TicketId, TransactionId, WalletEvent};

use super::{MOST_MONEY, Wallet, WalletError};

/// Put money in.
#[derive(Clone, Debug)]
pub struct Receive {
    /// The posting.
    pub transaction: TransactionId,
    /// Why.
    pub cause: Cause,
    /// Where it comes from.
    pub from: LedgerAccount,
    /// How much; more than nothing.
    pub price: Price,
    /// The tickets that are given back.
    pub tickets: Vec<TicketId>,
}

impl Receive {
    /// What was taken or paid is never refused for being much: it is limited where it is asked for.
    pub(super) fn decide(self, wallet: &Wallet) -> Result<Vec<WalletEvent>, WalletError> {
        let Self { transaction, cause, from, price, tickets } = self;
        let balance = wallet.open_for(price.currency)?;
        let amount_minor = price.price_minor;
        if balance.checked_add(amount_minor).is_none_or(|sum| sum > 2 * MOST_MONEY) {
            return Err(WalletError::TooMuch);
        }
        let to = LedgerAccount::Wallet;
        Ok(vec![WalletEvent::Posted { transaction, cause, from, to, amount_minor, tickets }])
    }
}

#[cfg(test)]
mod tests {
    use shared_events::Currency;

    use super::super::{WalletCommand, given};
    use super::*;

    fn receive(amount_minor: i64) -> WalletCommand {
        WalletCommand::Receive(Receive {
            transaction: given::TRANSACTION,
            cause: Cause::TopUp { top_up: given::TOP_UP },
            from: LedgerAccount::Provider,
            price: given::price(amount_minor),
            tickets: Vec::new(),
        })
    }

    #[test]
    fn what_comes_in_is_posted() {
        let decided = given::decided(given::empty(), receive(5_000));
        assert_eq!(decided, Ok(vec![given::topped_up(5_000)]));
        assert_eq!(given::decided(Vec::new(), receive(1)), Err(WalletError::Unknown));
    }

    #[test]
    fn there_is_room_up_to_the_most_that_a_wallet_holds() {
        let currency = Currency::Usd;
        let wallet = Wallet::Open { owner: given::OWNER, currency, balance_minor: 5_000 };
        assert_eq!(wallet.has_room_for(given::price(MOST_MONEY - 5_000)), Ok(()));
        let more = wallet.has_room_for(given::price(MOST_MONEY - 4_999));
        assert_eq!(more, Err(WalletError::TooMuch));
        let other = Price { currency: Currency::Eur, ..given::price(1) };
        assert_eq!(wallet.has_room_for(other), Err(WalletError::OtherCurrency));
    }

    #[test]
    fn a_balance_never_overflows() {
        let refused = given::decided(given::full(), receive(i64::MAX));
        assert_eq!(refused, Err(WalletError::TooMuch));
    }
}
