//! Says which members of a body do not fit its schema, all of them at once. Runs only after a body
//! was refused, so it may be slow; what is accepted is decided by the types themselves. Not here:
//! rules beyond what a schema says.

use std::ops::Not;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{Email, ParseFromJSON, Type};
use serde_json::Value;

use crate::api_error::FieldError;

/// The members of `value` that are not what the schema of `T` asks for; never empty.
pub(super) fn field_errors<T: Type>(value: Option<&Value>) -> Vec<FieldError> {
    let mut registry = Registry::new();
    T::register(&mut registry);
    let mut found = Vec::new();
    let empty = Value::Null;
    check(&registry, "", &T::schema_ref(), value.unwrap_or(&empty), &mut found);
    if found.is_empty() {
        found.push(FieldError::new("", "the body does not fit the schema of this call"));
    }
    found
}

fn check(
    registry: &Registry,
    path: &str,
    schema: &MetaSchemaRef,
    value: &Value,
    found: &mut Vec<FieldError>,
) {
    let schema = match schema {
        MetaSchemaRef::Inline(schema) => Some(schema.as_ref()),
        MetaSchemaRef::Reference(name) => registry.schemas.get(name),
    };
    let Some(schema) = schema else { return };
    for part in &schema.all_of {
        check(registry, path, part, value, found);
    }
    if let Some(message) = mismatch(schema, value) {
        found.push(FieldError::new(path, message));
        return;
    }
    match value {
        Value::Object(members) => {
            let join = |name: &str| match path {
                "" => name.to_owned(),
                _ => format!("{path}.{name}"),
            };
            for (name, property) in &schema.properties {
                match members.get(*name) {
                    Some(member) => check(registry, &join(name), property, member, found),
                    None if schema.required.contains(name) => {
                        found.push(FieldError::new(join(name), "is required"));
                    }
                    None => {}
                }
            }
        }
        Value::Array(items) => {
            let Some(item_schema) = &schema.items else { return };
            for (index, item) in items.iter().enumerate() {
                check(registry, &format!("{path}[{index}]"), item_schema, item, found);
            }
        }
        _ => {}
    }
}

/// What is wrong with the type or the form of a value.
fn mismatch(schema: &MetaSchema, value: &Value) -> Option<String> {
    if !schema.enum_items.is_empty() && !schema.enum_items.contains(value) {
        let names: Vec<_> = schema
            .enum_items
            .iter()
            .map(|v| v.as_str().map_or(v.to_string(), str::to_owned))
            .collect();
        return Some(format!("must be one of {}", names.join(", ")));
    }
    let (fits, expected) = match schema.ty {
        "string" => (value.is_string(), "must be a string"),
        "integer" => (value.is_i64() || value.is_u64(), "must be an integer"),
        "number" => (value.is_number(), "must be a number"),
        "boolean" => (value.is_boolean(), "must be true or false"),
        "array" => (value.is_array(), "must be an array"),
        "object" => (value.is_object(), "must be an object"),
        _ => (true, ""),
    };
    if !fits {
        return Some(expected.to_owned());
    }
    let format = schema.format?;
    match value {
        Value::String(text) => malformed_string(format, text).map(str::to_owned),
        Value::Number(number) => {
            let range = integer_range(format)?;
            let number = number.as_i64().map(i128::from).or(number.as_u64().map(i128::from))?;
            (!range.contains(&number)).then(|| "is out of range".to_owned())
        }
        _ => None,
    }
}

fn malformed_string(format: &str, text: &str) -> Option<&'static str> {
    match format {
        "uuid" => uuid::Uuid::parse_str(text).is_err().then_some("must be a UUID"),
        "date-time" => chrono::DateTime::parse_from_rfc3339(text)
            .is_err()
            .then_some("must be a time such as 2027-01-31T12:00:00Z"),
        "date" | "naive-date" => text
            .parse::<chrono::NaiveDate>()
            .is_err()
            .then_some("must be a date such as 2027-01-31"),
        "email" => Email::parse_from_json(Some(text.into()))
            .is_err()
            .then_some("must be an e-mail address"),
        "url" | "uri" => text
            .parse::<http::Uri>()
            .is_ok_and(|uri| uri.scheme().is_some())
            .not()
            .then_some("must be a URL"),
        _ => None,
    }
}

fn integer_range(format: &str) -> Option<std::ops::RangeInclusive<i128>> {
    Some(match format {
        "int8" => i8::MIN.into()..=i8::MAX.into(),
        "int16" => i16::MIN.into()..=i16::MAX.into(),
        "int32" => i32::MIN.into()..=i32::MAX.into(),
        "int64" => i64::MIN.into()..=i64::MAX.into(),
        "uint8" => 0..=u8::MAX.into(),
        "uint16" => 0..=u16::MAX.into(),
        "uint32" => 0..=u32::MAX.into(),
        "uint64" => 0..=u64::MAX.into(),
        _ => return None,
    })
}
