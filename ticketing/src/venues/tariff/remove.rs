//! Removing a named price: nothing is put on sale under it any more.

use shared_events::TariffEvent;

use super::{Tariff, TariffError};

/// Remove a named price.
#[derive(Clone, Copy, Debug)]
pub struct RemoveTariff;

impl RemoveTariff {
    pub(super) fn decide(self, tariff: &Tariff) -> Result<Vec<TariffEvent>, TariffError> {
        match tariff {
            Tariff::Defined { .. } => Ok(vec![TariffEvent::Removed]),
            Tariff::Absent | Tariff::Removed => Err(TariffError::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TariffCommand, given};
    use super::*;

    #[test]
    fn a_price_is_removed_once() {
        let remove = || TariffCommand::Remove(RemoveTariff);
        let removed = Ok(vec![TariffEvent::Removed]);
        assert_eq!(given::decided(given::defined(), remove()), removed);
        for given in [Vec::new(), given::removed()] {
            assert_eq!(given::decided(given, remove()), Err(TariffError::Unknown));
        }
    }
}
