//! Paying with a wallet for tickets; only with what is in it.

use shared_events::{
    Cause, LedgerAccount, Price, PurchaseId, TicketId, TransactionId, WalletEvent,
};

use super::{Wallet, WalletError};

/// Pay.
#[derive(Clone, Debug)]
pub struct Pay {
    /// The posting.
    pub transaction: TransactionId,
    /// For which purchase.
    pub purchase: PurchaseId,
    /// How much; more than nothing.
    pub price: Price,
    /// For which tickets.
    pub tickets: Vec<TicketId>,
}

impl Pay {
    pub(super) fn decide(self, wallet: &Wallet) -> Result<Vec<WalletEvent>, WalletError> {
        let Self { transaction, purchase, price, tickets } = self;
        let amount_minor = price.price_minor;
        if wallet.open_for(price.currency)? < amount_minor {
            return Err(WalletError::InsufficientFunds);
        }
        Ok(vec![WalletEvent::Posted {
            transaction,
            cause: Cause::Purchase { purchase },
            from: LedgerAccount::Wallet,
            to: LedgerAccount::Sales,
            amount_minor,
            tickets,
        }])
    }
}

#[cfg(test)]
mod tests {
    use shared_events::Currency;

    use super::super::{WalletCommand, given};
    use super::*;

    fn pay(amount_minor: i64) -> WalletCommand {
        WalletCommand::Pay(Pay {
            transaction: given::TRANSACTION,
            purchase: given::PURCHASE,
            price: given::price(amount_minor),
            tickets: vec![given::TICKET],
        })
    }

    #[test]
    fn all_that_is_in_it_can_be_spent_and_not_a_cent_more() {
        assert_eq!(given::decided(given::full(), pay(5_000)), Ok(vec![given::paid(5_000)]));
        let refused = given::decided(given::full(), pay(5_001));
        assert_eq!(refused, Err(WalletError::InsufficientFunds));
        let spent = [given::full(), vec![given::paid(5_000)]].concat();
        assert_eq!(given::decided(spent, pay(1)), Err(WalletError::InsufficientFunds));
        assert_eq!(given::decided(Vec::new(), pay(1)), Err(WalletError::Unknown));
    }

    #[test]
    fn money_of_another_currency_pays_nothing() {
        let WalletCommand::Pay(mut pay) = pay(1) else { panic!("a payment") };
        pay.price.currency = Currency::Eur;
        let refused = given::decided(given::full(), WalletCommand::Pay(pay));
        assert_eq!(refused, Err(WalletError::OtherCurrency));
    }
}
