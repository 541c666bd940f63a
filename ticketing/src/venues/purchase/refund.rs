//! Refunding a purchase: an administrator at any time, its buyer until some hours before the first
//! of its matches.

use chrono::{DateTime, Utc};
use shared_events::{AccountId, PurchaseEvent};

use super::{Purchase, PurchaseError};

/// Refund a purchase.
#[derive(Clone, Copy, Debug)]
pub struct RefundPurchase {
    /// Who wants it.
    pub by: AccountId,
    /// Whether that is an administrator.
    pub is_administrator: bool,
    /// The first instant at which its buyer may not any more; `None` for never.
    pub closes_at: Option<DateTime<Utc>>,
    /// When.
    pub now: DateTime<Utc>,
}

impl RefundPurchase {
    pub(super) fn decide(self, purchase: &Purchase) -> Result<Vec<PurchaseEvent>, PurchaseError> {
        let Self { by, is_administrator, closes_at, now } = self;
        let Purchase::Made { bought, refunded } = purchase else {
            return Err(PurchaseError::Unknown);
        };
        if bought.buyer != by && !is_administrator {
            return Err(PurchaseError::Unknown);
        }
        if *refunded {
            return Err(PurchaseError::AlreadyRefunded);
        }
        if !is_administrator && closes_at.is_some_and(|closes_at| now >= closes_at) {
            return Err(PurchaseError::TooLate);
        }
        Ok(vec![PurchaseEvent::Refunded { by }])
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::{PurchaseCommand, given};
    use super::*;

    const OTHER: AccountId = AccountId(Uuid::from_u128(9));

    fn refund(by: AccountId, is_administrator: bool, second: i64) -> PurchaseCommand {
        let at = |second| DateTime::from_timestamp(1_795_262_400 + second, 0).unwrap();
        let (closes_at, now) = (Some(at(10)), at(second));
        PurchaseCommand::Refund(RefundPurchase { by, is_administrator, closes_at, now })
    }

    #[test]
    fn the_buyer_has_it_refunded_in_time_and_once() {
        let by = given::BUYER;
        let refunded = Ok(vec![PurchaseEvent::Refunded { by }]);
        assert_eq!(given::decided(given::made(), refund(by, false, 9)), refunded);
        let late = given::decided(given::made(), refund(by, false, 10));
        assert_eq!(late, Err(PurchaseError::TooLate));
        let again = given::decided(given::refunded(by), refund(by, false, 9));
        assert_eq!(again, Err(PurchaseError::AlreadyRefunded));
    }

    #[test]
    fn an_administrator_refunds_at_any_time_and_nobody_else_does() {
        let refunded = Ok(vec![PurchaseEvent::Refunded { by: OTHER }]);
        assert_eq!(given::decided(given::made(), refund(OTHER, true, 99)), refunded);
        let other = given::decided(given::made(), refund(OTHER, false, 0));
        assert_eq!(other, Err(PurchaseError::Unknown));
        let none = given::decided(Vec::new(), refund(OTHER, true, 0));
        assert_eq!(none, Err(PurchaseError::Unknown));
    }
}
