//! Changing a named price: its name, or how much it is for what is put on sale from now on.

use shared_events::{Price, TariffEvent};

use super::{Tariff, TariffError};

/// Change a named price; what is `None` stays.
#[derive(Clone, Debug)]
pub struct ChangeTariff {
    /// Its new name.
    pub name: Option<String>,
    /// How much it is now.
    pub price: Option<Price>,
}

impl ChangeTariff {
    pub(super) fn decide(self, tariff: &Tariff) -> Result<Vec<TariffEvent>, TariffError> {
        let (known_name, known_price) = tariff.defined().ok_or(TariffError::Unknown)?;
        let name = self.name.unwrap_or_else(|| known_name.to_owned());
        let price = self.price.unwrap_or(known_price);
        if (name.as_str(), price) == (known_name, known_price) {
            return Ok(Vec::new());
        }
        Ok(vec![TariffEvent::Changed { name, price }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TariffCommand, given};
    use super::*;

    #[test]
    fn what_is_not_said_stays_and_the_same_again_is_no_change() {
        let change = |price_minor| {
            let price = Some(given::price(price_minor));
            TariffCommand::Change(ChangeTariff { name: None, price })
        };
        let changed = TariffEvent::Changed { name: "adults".into(), price: given::price(2_500) };
        assert_eq!(given::decided(given::defined(), change(2_500)), Ok(vec![changed]));
        assert_eq!(given::decided(given::defined(), change(2_000)), Ok(Vec::new()));
        for given in [Vec::new(), given::removed()] {
            assert_eq!(given::decided(given, change(1)), Err(TariffError::Unknown));
        }
    }
}
