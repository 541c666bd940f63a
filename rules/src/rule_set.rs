//! The rules of all tiers, typed when they are loaded, and the version that names their meaning.
//! Not here: watching the file (`rules_file.rs`) and applying a rule (`evaluate.rs`).

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use sha2::{Digest, Sha256};
use shared_events::Tier;

use crate::phrase::Phrase;
use crate::span::Span;

/// The rules that hold if no file is named; the same as `rules/rules.json`.
pub const DEFAULT_RULES: &str = include_str!("../rules.json");
/// What [`DEFAULT_RULES`] are called in messages.
pub const DEFAULT_RULES_NAME: &str = "the built-in rules.json";

/// A version is so many bytes of the SHA-256 of the meaning, in hexadecimal: no two sets of rules
/// will ever share one.
const VERSION_BYTES: usize = 8;

/// One tier's rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// When the link opens.
    pub opens: Phrase,
    /// How long it then stays open; never nothing.
    pub stays_open: Span,
}

/// One rule for each tier, and the version of their meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSet {
    premium: Rule,
    standard: Rule,
    default: Rule,
    version: String,
}

/// Rules that can not be used. Says which file, which tier and what was expected.
#[derive(Debug, thiserror::Error)]
pub enum RuleSetError {
    /// The text is not a JSON object with exactly one member for each tier.
    #[error(
        "{file}: {problem}; expected an object with the members `premium`, `standard` and `default`"
    )]
    Shape {
        /// Which file.
        file: String,
        /// What is wrong with it, and where.
        problem: String,
    },
    /// A tier's value is no rule.
    #[error("{file}: tier `{tier}`: {problem}")]
    Rule {
        /// Which file.
        file: String,
        /// Which tier.
        tier: Tier,
        /// What is wrong with its rule, and what was expected.
        problem: String,
    },
}

/// The file's shape before the single rules are looked at, so that an error in one can name its
/// tier.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tiers {
    premium: Value,
    standard: Value,
    default: Value,
}

impl RuleSet {
    /// Reads rules from JSON; `file` is the name that errors give.
    ///
    /// # Errors
    /// [`RuleSetError`] if a tier is missing, a member is unknown, or a rule is none.
    pub fn parse(file: &str, json: &str) -> Result<Self, RuleSetError> {
        let tiers: Tiers = serde_json::from_str(json).map_err(|error| RuleSetError::Shape {
            file: file.to_owned(),
            problem: error.to_string(),
        })?;
        let read = |tier: Tier, value: Value| {
            let written: Written = serde_json::from_value(value).map_err(|error| {
                let file = file.to_owned();
                RuleSetError::Rule { file, tier, problem: error.to_string() }
            })?;
            let stays_open = written.stays_open.unwrap_or(usual_opening(tier));
            Ok(Rule { opens: written.opens, stays_open })
        };
        let premium = read(Tier::Premium, tiers.premium)?;
        let standard = read(Tier::Standard, tiers.standard)?;
        let default = read(Tier::Default, tiers.default)?;
        let rules = Self { premium, standard, default, version: String::new() };
        Ok(Self { version: version_of(&rules), ..rules })
    }

    /// The rule of a tier.
    pub fn rule(&self, tier: Tier) -> &Rule {
        match tier {
            Tier::Premium => &self.premium,
            Tier::Standard => &self.standard,
            Tier::Default => &self.default,
        }
    }

    /// The version: a hash of what the rules mean, however they are spelled or ordered.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// How long a tier's link stays open unless its rule says otherwise.
fn usual_opening(tier: Tier) -> Span {
    match tier {
        Tier::Premium | Tier::Standard => Span::of_hours(1),
        Tier::Default => Span::of_hours(2),
    }
}

fn version_of(rules: &RuleSet) -> String {
    let mut hash = Sha256::new();
    for tier in Tier::ALL {
        hash.update(format!("{tier}: {}\n", rules.rule(tier)));
    }
    hash.finalize().iter().take(VERSION_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

/// The meaning in canonical words. How long a link stays open that never opens means nothing, so it
/// is left out.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.opens {
            Phrase::Never => write!(f, "{}", self.opens),
            opens => write!(f, "{opens}, then open for {}", self.stays_open),
        }
    }
}

/// A rule as it is written: a phrase, or an object with a phrase.
struct Written {
    opens: Phrase,
    stays_open: Option<Span>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenInFull {
    #[serde(deserialize_with = "phrase")]
    opens: Phrase,
    #[serde(deserialize_with = "opening")]
    stays_open: Span,
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a phrase, or an object {\"opens\": phrase, \"stays_open\": duration}")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Written, E> {
                let opens = text.parse().map_err(E::custom)?;
                Ok(Written { opens, stays_open: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Written, A::Error> {
                let full = WrittenInFull::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Written { opens: full.opens, stays_open: Some(full.stays_open) })
            }
        }

        deserializer.deserialize_any(Either)
    }
}

fn phrase<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Phrase, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn opening<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    let span: Span = String::deserialize(deserializer)?.parse().map_err(D::Error::custom)?;
    if span == Span::NONE {
        return Err(D::Error::custom("`stays_open` is nothing; expected at least `1 second`"));
    }
    Ok(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<RuleSet, RuleSetError> {
        RuleSet::parse("rules.json", json)
    }

    fn version(json: &str) -> String {
        parse(json).expect("rules").version().to_owned()
    }

    #[test]
    fn the_default_rules_are_exactly_those_of_the_contract() {
        let file: Value = serde_json::from_str(DEFAULT_RULES).expect("JSON");
        let contract = serde_json::json!({
            "premium": "instant", "standard": "10 minutes", "default": "start of the next day"
        });
        assert_eq!(file, contract);
        let rules = parse(DEFAULT_RULES).expect("rules");
        let words = Tier::ALL.map(|tier| rules.rule(tier).to_string());
        assert_eq!(words[0], "instant, then open for 1 hour");
        assert_eq!(words[1], "10 minutes, then open for 1 hour");
        assert_eq!(words[2], "start of the next day, then open for 2 hours");
    }

    #[test]
    fn the_version_names_the_meaning_not_the_spelling() {
        let one = r#"{"premium": "60 minutes", "standard": "never", "default": "0s"}"#;
        let other = r#"{
            "default": {"stays_open": "120m", "opens": "instant"},
            "standard": {"opens": "never", "stays_open": "3 days"},
            "premium": {"opens": "1h", "stays_open": "1 hour"}
        }"#;
        assert_eq!(version(one), version(other));
        assert_eq!(version(one).len(), 2 * VERSION_BYTES);
    }

    #[test]
    fn another_meaning_has_another_version() {
        let same = r#"{"premium": "instant", "standard": "10 minutes", "default": "never"}"#;
        for other in [
            r#"{"premium": "instant", "standard": "11 minutes", "default": "never"}"#,
            r#"{"premium": "10 minutes", "standard": "instant", "default": "never"}"#,
            r#"{"premium": {"opens": "instant", "stays_open": "2h"},
                "standard": "10 minutes", "default": "never"}"#,
        ] {
            assert_ne!(version(same), version(other), "{other}");
        }
    }

    #[test]
    fn a_bad_rule_names_file_tier_and_what_was_expected() {
        for (rule, expected) in [
            (r#""soon""#, "`10 minutes`"),
            ("7", "a phrase, or an object"),
            ("null", "a phrase, or an object"),
            (r#"{"opens": "instant"}"#, "`stays_open`"),
            (r#"{"opens": "soon", "stays_open": "1h"}"#, "`10 minutes`"),
            (r#"{"opens": "instant", "stays_open": "0s"}"#, "`1 second`"),
            (r#"{"opens": "instant", "stays_open": "long"}"#, "`1h 30m`"),
            (r#"{"opens": "instant", "stays_open": "1h", "closes": "2h"}"#, "`closes`"),
        ] {
            let json =
                format!(r#"{{"premium": "instant", "standard": {rule}, "default": "never"}}"#);
            let error = parse(&json).expect_err(rule).to_string();
            for part in ["rules.json", "`standard`", expected] {
                assert!(error.contains(part), "{rule}: {part} is not in {error}");
            }
        }
    }

    #[test]
    fn every_tier_is_required_and_nothing_else_is_known() {
        for (json, part) in [
            (r#"{"premium": "instant", "standard": "instant"}"#, "`default`"),
            (r#"{"premium": "1h", "standard": "1h", "default": "never", "vip": "1h"}"#, "`vip`"),
            (r#"{"premium": "instant", "premium": "never"}"#, "duplicate"),
            ("[]", "expected"),
            ("{", "line 1"),
        ] {
            let error = parse(json).expect_err(json).to_string();
            assert!(error.contains("rules.json") && error.contains(part), "{json}: {error}");
        }
    }
}
