//! Members whose rules stand in the document, and are judged by `Judge`, which names the member and
//! the rule: the library's own validators refuse a whole body without saying why.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde_json::Value;

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

impl<const LEAST: u32, const MOST: u32> Type for Count<LEAST, MOST> {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        u32::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        let (minimum, maximum) = (Some(LEAST.into()), Some(MOST.into()));
        u32::schema_ref().merge(MetaSchema { minimum, maximum, ..MetaSchema::ANY })
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

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
