//! Money on the wire: a decimal number with at most two places, as people write prices; inside it
//! is integer minor units. Read from the number's digits, never calculated with as a float. Not
//! here: how much something may cost.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// An amount of money in hundredths; as it was sent it may be none (three places, too large).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub Option<i64>);

impl Money {
    /// This many hundredths.
    pub fn minor(minor: i64) -> Self {
        Self(Some(minor))
    }
}

/// Reads digits with at most two places; `None` if there are more, or it is beyond 64 bits.
fn hundredths(digits: &str) -> Option<i64> {
    let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
    let places = places.trim_end_matches('0');
    if places.len() > 2 || !places.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    format!("{whole}{places:0<2}").parse().ok()
}

impl Type for Money {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "number".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let multiple_of = Some(0.01);
        MetaSchemaRef::Inline(Box::new(MetaSchema { multiple_of, ..MetaSchema::new("number") }))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromJSON for Money {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value.unwrap_or_default() {
            Value::Number(number) => Ok(Self(hundredths(&number.to_string()))),
            other => Err(ParseError::expected_type(other)),
        }
    }
}

impl ToJSON for Money {
    fn to_json(&self) -> Option<Value> {
        let minor = self.0?;
        if minor % 100 == 0 {
            return Some(Value::from(minor / 100));
        }
        // The nearest float is written with the same two places for every amount below 10^13.
        Number::from_f64(minor as f64 / 100.0).map(Value::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<i64> {
        let value = serde_json::from_str(json).unwrap();
        Money::parse_from_json(Some(value)).map(|money| money.0).unwrap()
    }

    #[test]
    fn an_amount_is_read_exactly() {
        for (json, minor) in [
            ("19.99", 1_999),
            ("0.1", 10),
            ("1", 100),
            ("1.10", 110),
            ("20.00", 2_000),
            ("-0.5", -50),
            ("1e3", 100_000),
            ("999999.99", 99_999_999),
        ] {
            assert_eq!(read(json), Some(minor), "{json}");
        }
    }

    #[test]
    fn what_has_more_places_or_is_endless_is_no_amount() {
        for json in ["19.999", "0.001", "1e300", "1e-7", "0.30000000000000004"] {
            assert_eq!(read(json), None, "{json}");
        }
        assert!(Money::parse_from_json(Some(Value::from("19.99"))).is_err());
    }

    #[test]
    fn an_amount_is_written_with_its_places_and_reads_back() {
        for minor in (0..3_000).chain([99_999_999, 123_456_789_012]) {
            let json = Money::minor(minor).to_json().unwrap();
            assert_eq!(read(&json.to_string()), Some(minor), "{json}");
        }
        assert_eq!(Money::minor(1_999).to_json().unwrap().to_string(), "19.99");
        assert_eq!(Money::minor(2_000).to_json().unwrap().to_string(), "20");
    }
}
