//! The body of a request, for all routes alike: JSON of at most [`BODY_LIMIT`] bytes. A missing
//! `Content-Type` is read as JSON, another type is 415, bad syntax 400, a missing or mistyped
//! member 422 naming each such member. Members that are null count as absent; unknown ones are
//! ignored. Not here: the rules of a field, they are the context's.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use poem::error::ReadBodyError;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::ParseFromJSON;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::Value;

use super::field_errors::field_errors;
use crate::api_error::{ApiError, Code};

/// The largest body that is read, in bytes.
pub const BODY_LIMIT: usize = 64 * 1024;

const JSON: &str = "application/json";

/// A JSON body that could be read as a `T`.
#[derive(Debug)]
pub struct Body<T> {
    /// What it says.
    pub value: T,
    /// As it was sent.
    pub bytes: Bytes,
}

/// The answer to a body over [`BODY_LIMIT`].
pub(super) fn too_large() -> ApiError {
    ApiError::new(Code::BodyTooLarge, "The body is larger than 64 KiB")
}

impl<'a, T: ParseFromJSON> ApiExtractor<'a> for Body<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let schema = if T::IS_REQUIRED { T::schema_ref() } else { or_null(T::schema_ref()) };
        let content = vec![MetaMediaType { content_type: JSON, schema }];
        Some(MetaRequest { description: None, content, required: T::IS_REQUIRED })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        check_content_type(request)?;
        let bytes =
            body.take()?.into_bytes_limit(BODY_LIMIT).await.map_err(|error| match error {
                ReadBodyError::PayloadTooLarge => too_large(),
                _ => ApiError::new(Code::MalformedBody, "The body ended before it was complete"),
            })?;
        let value = parse(&bytes)?;
        Ok(Self { value, bytes })
    }
}

/// What may be absent may be null.
fn or_null(schema: MetaSchemaRef) -> MetaSchemaRef {
    let nullable = MetaSchema { nullable: true, all_of: vec![schema], ..MetaSchema::new("object") };
    MetaSchemaRef::Inline(Box::new(nullable))
}

fn check_content_type(request: &Request) -> Result<(), ApiError> {
    let Some(value) = request.headers().get(CONTENT_TYPE) else { return Ok(()) };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    let json = essence.is_empty()
        || essence == JSON
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    if json {
        return Ok(());
    }
    Err(ApiError::new(Code::UnsupportedMediaType, "The body must be application/json"))
}

/// Reads a body.
///
/// # Errors
/// 400 if it is not JSON, 422 if members are missing or of another type.
fn parse<T: ParseFromJSON>(bytes: &[u8]) -> Result<T, ApiError> {
    let malformed = |detail| ApiError::new(Code::MalformedBody, detail);
    let value = if bytes.trim_ascii().is_empty() {
        if T::IS_REQUIRED {
            return Err(malformed("A JSON body is expected"));
        }
        None
    } else {
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("The body is not UTF-8"))?;
        let mut value: Value =
            serde_json::from_str(text).map_err(|_| malformed("The body is not JSON"))?;
        if !tidy(&mut value) {
            return Err(malformed("The body holds a NUL character, which can not be stored"));
        }
        let is_absent = value.is_null() && !T::IS_REQUIRED;
        if !is_absent && !value.is_object() && describes_object::<T>() {
            return Err(malformed("The body must be a JSON object"));
        }
        (!is_absent).then_some(value)
    };
    // The message of the library is for developers of the service; the schema tells the client
    // more.
    let kept = value.clone();
    T::parse_from_json(value)
        .map_err(|_| ApiError::invalid_fields(field_errors::<T>(kept.as_ref())))
}

fn describes_object<T: ParseFromJSON>() -> bool {
    match T::schema_ref() {
        MetaSchemaRef::Reference(_) => true,
        MetaSchemaRef::Inline(schema) => schema.ty == "object",
    }
}

/// Drops members that are null; false if there is a NUL in any string.
fn tidy(value: &mut Value) -> bool {
    match value {
        Value::String(text) => !text.contains('\0'),
        Value::Array(items) => items.iter_mut().all(tidy),
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.iter_mut().all(|(name, member)| !name.contains('\0') && tidy(member))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poem::IntoResponse;
    use poem_openapi::Object;

    #[derive(Debug, Object)]
    struct Seat {
        row: u16,
        number: Option<u16>,
    }

    #[derive(Debug, Object)]
    struct Order {
        name: String,
        seats: Vec<Seat>,
        note: Option<String>,
    }

    async fn refusal(body: &[u8]) -> (u16, String) {
        let response = parse::<Order>(body).unwrap_err().into_response();
        let status = response.status().as_u16();
        let problem: Value = response.into_body().into_json().await.unwrap();
        let field = |e: &Value| {
            format!("{}: {}", e["field"].as_str().unwrap(), e["message"].as_str().unwrap())
        };
        let fields = problem["errors"].as_array().map(|errors| errors.iter().map(field).collect());
        (status, fields.map_or_else(String::new, |fields: Vec<_>| fields.join("; ")))
    }

    #[test]
    fn null_is_absent_and_unknown_members_are_ignored() {
        let body =
            br#"{"name":"a","seats":[{"row":1,"number":null,"x":1}],"note":null,"more":[1]}"#;
        let order: Order = parse(body).unwrap();
        assert_eq!((order.name.as_str(), order.seats[0].row, order.note), ("a", 1, None));
        assert_eq!(order.seats[0].number, None);
    }

    #[test]
    fn a_body_that_may_be_absent_may_be_null() {
        for body in [&b""[..], b"null", b" null\n"] {
            assert!(parse::<Option<Order>>(body).unwrap().is_none());
        }
        assert!(parse::<Order>(b"null").is_err());
        assert!(parse::<Option<Order>>(b"[]").is_err());
    }

    #[tokio::test]
    async fn every_missing_or_mistyped_member_is_named() {
        assert_eq!(refusal(b"{}").await, (422, "name: is required; seats: is required".into()));
        let body = br#"{"name":5,"seats":[{"row":1},{"row":"x"},{"number":70000}]}"#;
        let fields = "name: must be a string; seats[1].row: must be an integer; \
                      seats[2].row: is required; seats[2].number: is out of range";
        assert_eq!(refusal(body).await, (422, fields.into()));
        assert_eq!(
            refusal(br#"{"name":null,"seats":[]}"#).await,
            (422, "name: is required".into())
        );
    }

    #[tokio::test]
    async fn what_is_not_json_is_malformed() {
        for body in [
            &b""[..],
            b"  ",
            b"{",
            b"{\"name\":\"a\"} trailing",
            b"[]",
            b"\"text\"",
            b"{\"name\":\"\xff\",\"seats\":[]}",
            b"{\"name\":\"a\\u0000b\",\"seats\":[]}",
            b"{\"name\":\"a\",\"seats\":[],\"x\\u0000\":1}",
        ] {
            assert_eq!(refusal(body).await.0, 400, "{}", String::from_utf8_lossy(body));
        }
        let deep = "[".repeat(10_000);
        assert_eq!(refusal(deep.as_bytes()).await.0, 400);
    }
}
