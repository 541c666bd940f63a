//! A tier as it stands in queries and documents.

use poem_openapi::Enum;
use shared_events::Tier;

/// A tier.
#[derive(Clone, Copy, Enum)]
#[oai(rename = "Tier", rename_all = "snake_case")]
pub enum TierName {
    /// Links open at once.
    Premium,
    /// Links open after a while.
    Standard,
    /// What guests have.
    Default,
}

impl From<TierName> for Tier {
    fn from(name: TierName) -> Self {
        match name {
            TierName::Premium => Self::Premium,
            TierName::Standard => Self::Standard,
            TierName::Default => Self::Default,
        }
    }
}
