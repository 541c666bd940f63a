//! Members whose bounds stand in the document, and are judged by `Judge`, which names the member
//! and the rule: the library's own validators refuse a whole body without saying why.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde_json::Value;

use crate::api::money::Money;

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

/// From `LEAST` to `MOST` items, unjudged.
#[derive(Clone, Debug)]
pub(super) struct Items<T, const LEAST: usize, const MOST: usize>(pub(super) Vec<T>);

impl<T, const LEAST: usize, const MOST: usize> Items<T, LEAST, MOST> {
    pub(super) fn fits(&self) -> bool {
        (LEAST..=MOST).contains(&self.0.len())
    }

    /// What a list that does not fit is refused with.
    pub(super) fn rule() -> String {
        format!("must have {LEAST} to {MOST} items")
    }
}

/// A price, unjudged.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnitPrice(pub(super) Money);

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

            fn register(registry: &mut Registry) {
                <$inner>::register(registry);
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl<$($generics)*> ParseFromJSON for $name {
            fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
                <$inner>::parse_from_json(value).map(Self).map_err(ParseError::propagate)
            }
        }

        impl<$($generics)*> ToJSON for $name {
            fn to_json(&self) -> Option<Value> {
                self.0.to_json()
            }
        }
    };
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
described!(
    [T: ParseFromJSON + ToJSON, const LEAST: usize, const MOST: usize] Items<T, LEAST, MOST>,
    Vec<T>,
    MetaSchema { min_items: Some(LEAST), max_items: Some(MOST), ..MetaSchema::ANY }
);
described!(
    [] UnitPrice,
    Money,
    MetaSchema { minimum: Some(0.01), maximum: Some(1_000_000.0), ..MetaSchema::ANY }
);
