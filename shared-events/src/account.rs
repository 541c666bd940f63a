//! Accounts as histories know them: an id, and the tier that was granted. Who is behind an id
//! stands in no event.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::id;

id! {
    /// Which account.
    AccountId
}

/// What an account is entitled to; a guest has [`Tier::Default`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// The link opens at once.
    Premium,
    /// The link opens after a while.
    Standard,
    /// Without an account: the link opens with the next day.
    Default,
}

impl Tier {
    /// All tiers, best first.
    pub const ALL: [Self; 3] = [Self::Premium, Self::Standard, Self::Default];

    /// The name on the wire: `premium`, `standard` or `default`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Premium => "premium",
            Self::Standard => "standard",
            Self::Default => "default",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names none of the three tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownTier;

impl fmt::Display for UnknownTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tier is one of premium, standard, default")
    }
}

impl std::error::Error for UnknownTier {}

impl FromStr for Tier {
    type Err = UnknownTier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|tier| tier.as_str() == text).ok_or(UnknownTier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_reads_back_from_its_name() {
        for tier in Tier::ALL {
            assert_eq!(tier.to_string().parse::<Tier>(), Ok(tier));
        }
        assert_eq!("Premium".parse::<Tier>(), Err(UnknownTier));
    }
}
