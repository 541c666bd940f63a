//! Putting money into a wallet that came from a payment provider, or that goes back.

use shared_events::{Cause, LedgerAccount, TicketId, TransactionId, WalletEvent};

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
    /// How much, in hundredths; more than nothing.
    pub amount_minor: i64,
    /// The tickets that are given back.
    pub tickets: Vec<TicketId>,
}

impl Receive {
    /// What was taken or paid is never refused for being much: it is limited where it is asked for.
    pub(super) fn decide(self, wallet: &Wallet) -> Result<Vec<WalletEvent>, WalletError> {
        let balance = wallet.open()?;
        let Self { transaction, cause, from, amount_minor, tickets } = self;
        if balance.checked_add(amount_minor).is_none_or(|sum| sum > 2 * MOST_MONEY) {
            return Err(WalletError::TooMuch);
        }
        let to = LedgerAccount::Wallet;
        Ok(vec![WalletEvent::Posted { transaction, cause, from, to, amount_minor, tickets }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{WalletCommand, given};
    use super::*;

    fn receive(amount_minor: i64) -> WalletCommand {
        WalletCommand::Receive(Receive {
            transaction: given::TRANSACTION,
            cause: Cause::TopUp { top_up: given::TOP_UP },
            from: LedgerAccount::Provider,
            amount_minor,
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
    fn a_balance_never_overflows() {
        let refused = given::decided(given::full(), receive(i64::MAX));
        assert_eq!(refused, Err(WalletError::TooMuch));
    }
}
