//! Recording what was bought together.

use shared_events::PurchaseEvent;

use super::{Bought, Purchase, PurchaseError};

/// Make a purchase.
#[derive(Clone, Debug)]
pub struct MakePurchase(pub Bought);

impl MakePurchase {
    pub(super) fn decide(self, purchase: &Purchase) -> Result<Vec<PurchaseEvent>, PurchaseError> {
        let Bought { buyer, wallet, total, tickets } = self.0;
        match purchase {
            Purchase::Absent => Ok(vec![PurchaseEvent::Made { buyer, wallet, total, tickets }]),
            Purchase::Made { .. } => Err(PurchaseError::AlreadyMade),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PurchaseCommand, given};
    use super::*;

    #[test]
    fn a_purchase_is_made_once() {
        let make = || PurchaseCommand::Make(MakePurchase(given::bought()));
        assert_eq!(given::decided(Vec::new(), make()), Ok(given::made()));
        assert_eq!(given::decided(given::made(), make()), Err(PurchaseError::AlreadyMade));
    }
}
