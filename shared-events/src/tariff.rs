//! The events of a named price, such as "grandstand, adults". What was put on sale under it keeps
//! the price it had then.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::id::id;
use crate::price::Price;

id! {
    /// Which named price.
    TariffId
}

/// What happens to a named price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum TariffEvent {
    /// There is a named price.
    Defined {
        /// Its name.
        name: String,
        /// How much.
        #[serde(flatten)]
        price: Price,
    },
    /// It has another name or is another price; both are told as they are now.
    Changed {
        /// Its name.
        name: String,
        /// How much.
        #[serde(flatten)]
        price: Price,
    },
    /// Nothing is put on sale under it any more.
    Removed,
}

impl DomainEvent for TariffEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Defined { .. } => "Defined",
            Self::Changed { .. } => "Changed",
            Self::Removed => "Removed",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
