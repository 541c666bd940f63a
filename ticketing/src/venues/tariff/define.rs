//! Defining a named price.

use shared_events::{Price, TariffEvent};

use super::{Tariff, TariffError};

/// Define a named price.
#[derive(Clone, Debug)]
pub struct DefineTariff {
    /// Its name.
    pub name: String,
    /// How much it is.
    pub price: Price,
}

impl DefineTariff {
    pub(super) fn decide(self, tariff: &Tariff) -> Result<Vec<TariffEvent>, TariffError> {
        let Self { name, price } = self;
        match tariff {
            Tariff::Absent => Ok(vec![TariffEvent::Defined { name, price }]),
            Tariff::Defined { .. } | Tariff::Removed => Err(TariffError::AlreadyDefined),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TariffCommand, given};
    use super::*;

    #[test]
    fn a_price_is_defined_once() {
        let define = || {
            let (name, price) = ("adults".into(), given::price(2_000));
            TariffCommand::Define(DefineTariff { name, price })
        };
        assert_eq!(given::decided(Vec::new(), define()), Ok(given::defined()));
        for given in [given::defined(), given::removed()] {
            assert_eq!(given::decided(given, define()), Err(TariffError::AlreadyDefined));
        }
    }
}
