//! Prices: integer minor units with their currency, never a float.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What something costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Price {
    /// In hundredths of the currency: cents.
    pub price_minor: i64,
    /// Of which currency.
    pub currency: Currency,
}

/// A currency that has hundredths (ISO 4217, in lower case).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Currency {
    /// Euro.
    Eur,
    /// Pound sterling.
    Gbp,
    /// US dollar.
    Usd,
}

impl Currency {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Eur, Self::Gbp, Self::Usd];

    /// Its code in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eur => "eur",
            Self::Gbp => "gbp",
            Self::Usd => "usd",
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_written_as_its_code() {
        for currency in Currency::ALL {
            assert_eq!(serde_json::to_value(currency).unwrap(), currency.as_str());
        }
    }
}
