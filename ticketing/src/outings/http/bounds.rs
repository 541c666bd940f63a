//! Members whose rules stand in the document, and are judged by `Judge`, which names the member and
//! the rule: the library's own validators refuse a whole body without saying why. And an answer
//! that may be missing yet.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A [`Type`] that is read and written as another, and described with more.
macro_rules! described {
    ([$($generics:tt)*] $name:ty, $inner:ty, $more:expr) => {
        impl<$($generics)*> Type for $name {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                <$inner>::name()
            }

            fn schema_ref() -> MetaSchemaRef {
                <$inner>::schema_ref().merge($more)
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }
    };
}

/// A whole number from `LEAST` to `MOST`, unjudged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count<const LEAST: u32, const MOST: u32>(pub(super) u32);

impl<const LEAST: u32, const MOST: u32> Count<LEAST, MOST> {
    pub(super) fn fits(self) -> bool {
        (LEAST..=MOST).contains(&self.0)
    }

    /// What a number that does not fit is refused with.
    pub(super) fn rule() -> String {
        format!("must be {LEAST} to {MOST}")
    }
}

described!(
    [const LEAST: u32, const MOST: u32] Count<LEAST, MOST>,
    u32,
    MetaSchema {
        minimum: Some(LEAST.into()),
        maximum: Some(MOST.into()),
        ..MetaSchema::ANY
    }
);

impl<const LEAST: u32, const MOST: u32> ParseFromJSON for Count<LEAST, MOST> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        u32::parse_from_json(value).map(Self).map_err(ParseError::propagate)
    }
}

impl<const LEAST: u32, const MOST: u32> ToJSON for Count<LEAST, MOST> {
    fn to_json(&self) -> Option<Value> {
        self.0.to_json()
    }
}

/// Yes, no, or not said yet, which is null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct YesNoOrNull(pub(super) Option<bool>);

described!([] YesNoOrNull, bool, MetaSchema { nullable: true, ..MetaSchema::ANY });

impl ParseFromJSON for YesNoOrNull {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Option::<bool>::parse_from_json(value).map(Self).map_err(ParseError::propagate)
    }
}

impl ToJSON for YesNoOrNull {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.map_or(Value::Null, Value::Bool))
    }
}
