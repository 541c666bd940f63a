//! What the operations on notifications take, and the judgement of each.

use poem_openapi::registry::MetaSchema;
use poem_openapi::types::Example;
use poem_openapi::{Enum, Object};

use super::super::kind::{Channel, Kind};
use super::super::reading::Sort;
use super::super::settings::Switch;
use crate::api::text::{Rule, Text};
use crate::api_error::{ApiError, FieldError};

/// Kinds that can be set in one call: more than there are.
const MOST: usize = 100;

/// In which order a list is.
#[derive(Clone, Copy, Enum)]
#[oai(rename = "NotificationSort")]
pub(super) enum SortAsked {
    /// Oldest first.
    #[oai(rename = "created")]
    Oldest,
    /// Newest first.
    #[oai(rename = "-created")]
    Newest,
}

impl SortAsked {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Oldest => "created",
            Self::Newest => "-created",
        }
    }
}

impl From<SortAsked> for Sort {
    fn from(asked: SortAsked) -> Self {
        match asked {
            SortAsked::Oldest => Self::Oldest,
            SortAsked::Newest => Self::Newest,
        }
    }
}

/// Which notifications one wants.
#[derive(Object)]
#[oai(rename = "NotificationSettingsChange", example)]
pub(super) struct SettingsChange {
    /// What changes, at most 100; of a kind that is named twice the last counts.
    #[oai(validator(max_items = 100))]
    settings: Vec<SettingChange>,
}

/// How one is told of a kind; what is left out stays.
#[derive(Object)]
#[oai(rename = "NotificationSettingChange", example)]
struct SettingChange {
    /// Of what.
    kind: Text<KindName>,
    /// Whether it is listed in the product.
    product: Option<bool>,
    /// Whether it is sent by e-mail.
    email: Option<bool>,
}

impl Example for SettingsChange {
    fn example() -> Self {
        Self { settings: vec![SettingChange::example()] }
    }
}

impl Example for SettingChange {
    fn example() -> Self {
        let kind = Text::new(Kind::AnnouncementChanged.as_str());
        Self { kind, product: None, email: Some(false) }
    }
}

/// The name of a kind.
struct KindName;

impl Rule for KindName {
    fn schema() -> MetaSchema {
        let names = Kind::NAMES.iter().map(|name| (*name).into()).collect();
        MetaSchema { enum_items: names, ..MetaSchema::new("string") }
    }
}

impl SettingsChange {
    /// # Errors
    /// 422 with each broken rule.
    pub(super) fn switches(&self) -> Result<Vec<Switch>, ApiError> {
        if self.settings.len() > MOST {
            let broken = FieldError::new("settings", "must have at most 100 items");
            return Err(ApiError::invalid_fields(vec![broken]));
        }
        let mut switches: Vec<Switch> = Vec::new();
        let mut broken = Vec::new();
        for (index, SettingChange { kind, product, email }) in self.settings.iter().enumerate() {
            let Ok(kind) = kind.0.parse::<Kind>() else {
                let field = format!("settings[{index}].kind");
                broken.push(FieldError::new(field, "must be a kind of notification"));
                continue;
            };
            for (channel, on) in [(Channel::Product, product), (Channel::Email, email)] {
                if let Some(on) = *on {
                    switches.retain(|switch| (switch.kind, switch.channel) != (kind, channel));
                    switches.push(Switch { kind, channel, on });
                }
            }
        }
        if broken.is_empty() { Ok(switches) } else { Err(ApiError::invalid_fields(broken)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: &str, product: Option<bool>, email: Option<bool>) -> SettingChange {
        SettingChange { kind: Text::new(kind), product, email }
    }

    #[test]
    fn what_is_said_last_of_a_kind_counts() {
        let settings = vec![
            change("link_ready", Some(false), Some(true)),
            change("link_ready", None, Some(false)),
        ];
        let kind = Kind::LinkReady;
        let expected = [
            Switch { kind, channel: Channel::Product, on: false },
            Switch { kind, channel: Channel::Email, on: false },
        ];
        assert_eq!(SettingsChange { settings }.switches().unwrap(), expected);
    }

    #[test]
    fn an_unknown_kind_is_named() {
        let settings = vec![change("link_ready", None, None), change("spam", Some(true), None)];
        assert!(SettingsChange { settings }.switches().is_err());
        let settings = (0..=MOST).map(|_| change("link_ready", None, None)).collect();
        assert!(SettingsChange { settings }.switches().is_err());
    }
}
