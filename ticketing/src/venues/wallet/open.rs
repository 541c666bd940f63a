//! Opening a wallet: one an account. Only an administrator puts a sum in it.

use shared_events::{AccountId, Cause, Currency, LedgerAccount, TransactionId, WalletEvent};

use super::{MOST_MONEY, Wallet, WalletError};

/// Open a wallet.
#[derive(Clone, Copy, Debug)]
pub struct OpenWallet {
    /// Whose.
    pub owner: AccountId,
    /// Of which currency.
    pub currency: Currency,
    /// The opening sum.
    pub sum: Option<OpeningSum>,
}

/// What an administrator gives.
#[derive(Clone, Copy, Debug)]
pub struct OpeningSum {
    /// Who gives it.
    pub by: AccountId,
    /// The posting.
    pub transaction: TransactionId,
    /// How much, in hundredths.
    pub amount_minor: i64,
}

impl OpenWallet {
    pub(super) fn decide(self, wallet: &Wallet) -> Result<Vec<WalletEvent>, WalletError> {
        let Self { owner, currency, sum } = self;
        if *wallet != Wallet::Absent {
            return Err(WalletError::AlreadyOpen);
        }
        let mut events = vec![WalletEvent::Opened { owner, currency }];
        if let Some(OpeningSum { by, transaction, amount_minor }) = sum
            && amount_minor > 0
        {
            if amount_minor > MOST_MONEY {
                return Err(WalletError::TooMuch);
            }
            events.push(WalletEvent::Posted {
                transaction,
                cause: Cause::Opening { by },
                from: LedgerAccount::Grants,
                to: LedgerAccount::Wallet,
                amount_minor,
                tickets: Vec::new(),
            });
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{WalletCommand, given};
    use super::*;

    fn open(amount_minor: Option<i64>) -> WalletCommand {
        let sum = amount_minor.map(|amount_minor| OpeningSum {
            by: given::OWNER,
            transaction: given::TRANSACTION,
            amount_minor,
        });
        WalletCommand::Open(OpenWallet { owner: given::OWNER, currency: Currency::Usd, sum })
    }

    #[test]
    fn an_account_has_one_wallet_which_is_empty() {
        assert_eq!(given::decided(Vec::new(), open(None)), Ok(given::empty()));
        assert_eq!(given::decided(Vec::new(), open(Some(0))), Ok(given::empty()));
        assert_eq!(given::decided(given::full(), open(None)), Err(WalletError::AlreadyOpen));
    }

    #[test]
    fn an_opening_sum_is_posted_like_any_other() {
        let opened = given::decided(Vec::new(), open(Some(100))).unwrap();
        assert!(matches!(opened[..], [_, WalletEvent::Posted { amount_minor: 100, .. }]));
        let too_much = given::decided(Vec::new(), open(Some(MOST_MONEY + 1)));
        assert_eq!(too_much, Err(WalletError::TooMuch));
    }
}
