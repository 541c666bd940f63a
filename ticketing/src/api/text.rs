//! Strings whose rules stand in the document. The type itself refuses only what is no string (the
//! library's own `String` takes numbers and truth values too); whether a rule is broken is judged
//! by the context, which can name the rule. Not here: the rules.

use std::borrow::Cow;
use std::marker::PhantomData;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{
    ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type,
};
use serde_json::Value;

/// What the document says of a string.
pub trait Rule: 'static {
    /// A schema of type `string`.
    fn schema() -> MetaSchema;
}

/// Any string.
pub struct Any;

impl Rule for Any {
    fn schema() -> MetaSchema {
        MetaSchema::new("string")
    }
}

/// A UUID, in any case; read by the context, because what a malformed one is answered depends.
pub struct UuidText;

impl Rule for UuidText {
    fn schema() -> MetaSchema {
        MetaSchema::new_with_format("string", "uuid")
    }
}

/// A string that the document describes by `R`.
pub struct Text<R>(pub String, PhantomData<fn() -> R>);

impl<R> Text<R> {
    /// This text, unjudged.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into(), PhantomData)
    }
}

impl<R: Rule> Type for Text<R> {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "string".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(R::schema()))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl<R: Rule> ParseFromJSON for Text<R> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value.unwrap_or_default() {
            Value::String(text) => Ok(Self::new(text)),
            other => Err(ParseError::expected_type(other)),
        }
    }
}

impl<R: Rule> ToJSON for Text<R> {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.0.clone()))
    }
}

impl<R: Rule> ParseFromParameter for Text<R> {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        Ok(Self::new(text))
    }

    /// A parameter that is required but missing is empty, so that the context can say what it
    /// misses.
    fn parse_from_parameters<I: IntoIterator<Item = A>, A: AsRef<str>>(
        texts: I,
    ) -> ParseResult<Self> {
        Ok(Self::new(texts.into_iter().next().map_or(String::new(), |text| text.as_ref().into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_string_is_a_string() {
        let read = |value: Value| Text::<Any>::parse_from_json(Some(value)).map(|text| text.0);
        assert_eq!(read("123".into()).ok().as_deref(), Some("123"));
        for other in [Value::from(123), Value::Bool(true), Value::Null, Value::Array(Vec::new())] {
            assert!(read(other).is_err());
        }
    }

    #[test]
    fn a_missing_parameter_is_empty() {
        let read = |texts: &[&str]| Text::<Any>::parse_from_parameters(texts).map(|text| text.0);
        assert_eq!(read(&[]).ok().as_deref(), Some(""));
        assert_eq!(read(&["a", "b"]).ok().as_deref(), Some("a"));
    }
}
