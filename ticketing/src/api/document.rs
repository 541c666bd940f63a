//! The OpenAPI document. What the library generates is completed here: every operation says all the problems it can be
//! answered with, each with an example, and whether it needs a login. An operation names its own problems in the last
//! paragraph of its docstring, ``Errors: `account_exists`, `invalid_role`.``; those that follow from its parameters, body,
//! limits and credentials are added. Not here: the operations.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::time::Duration;

use chrono::DateTime;
use poem::endpoint::BoxEndpoint;
use poem_openapi::registry::{MetaApi, Registry};
use poem_openapi::{ContactObject, LicenseObject, OpenApi, OpenApiService};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::api_error::{ApiError, Code, FieldError, PROBLEM_JSON};

const TITLE: &str = "Turnstile";
const DESCRIPTION: &str = "A ticket-sales backend whose source of truth is a history of events.\n\n\
    Errors are RFC 9457 problems; times are RFC 3339 in UTC; ids are UUIDs; lists are arrays, with the next page in \
    the header `Link`. A path with or without a trailing slash is the same. Members that are null count as absent, \
    and members that are not known are ignored.";
const OPENAPI_VERSION: &str = "3.0.3";
const ERRORS: &str = "Errors:";

/// The document in both forms; the same at every start.
pub struct Document {
    /// As JSON.
    pub json: String,
    /// As YAML.
    pub yaml: String,
}

/// The parts of a document in the order in which people read them.
#[derive(Serialize)]
struct Ordered<'a> {
    openapi: &'a str,
    info: &'a Value,
    servers: &'a Value,
    tags: &'a Value,
    paths: &'a Value,
    components: &'a Value,
}

/// Describes the operations of `A`.
pub(super) fn describe<A: OpenApi>() -> Document {
    let generated = service(Described::<A>(PhantomData)).spec();
    let mut spec: Value = serde_json::from_str(&generated).unwrap_or_default();
    let paths = spec.get_mut("paths").and_then(Value::as_object_mut);
    let operations = paths
        .into_iter()
        .flat_map(|paths| paths.values_mut())
        .filter_map(Value::as_object_mut)
        .flat_map(|methods| methods.values_mut())
        .filter_map(Value::as_object_mut);
    for operation in operations {
        complete(operation);
    }
    let part = |name: &str| spec.get(name).unwrap_or(&Value::Null);
    let ordered = Ordered {
        openapi: OPENAPI_VERSION,
        info: part("info"),
        servers: part("servers"),
        tags: part("tags"),
        paths: part("paths"),
        components: part("components"),
    };
    Document {
        json: serde_json::to_string_pretty(&ordered).unwrap_or_default(),
        yaml: serde_yaml_ng::to_string(&ordered).unwrap_or_default(),
    }
}

/// The service around these operations, with everything the document says of it as a whole.
pub(super) fn service<A: OpenApi>(apis: A) -> OpenApiService<A, ()> {
    let license =
        LicenseObject::new("Apache-2.0").url("https://www.apache.org/licenses/LICENSE-2.0");
    OpenApiService::new(apis, TITLE, env!("CARGO_PKG_VERSION"))
        .description(DESCRIPTION)
        .license(license)
        .contact(ContactObject::new().name("The operators of this installation"))
        .server("/")
}

/// The description of `A` without an `A`: to describe operations, nothing of what they work with is needed.
struct Described<A>(PhantomData<A>);

impl<A: OpenApi> OpenApi for Described<A> {
    fn meta() -> Vec<MetaApi> {
        A::meta()
    }

    fn register(registry: &mut Registry) {
        A::register(registry);
    }

    fn add_routes(self, _: &mut HashMap<String, HashMap<http::Method, BoxEndpoint<'static>>>) {}
}

fn complete(operation: &mut Map<String, Value>) {
    let mut codes = named_codes(operation);
    codes.extend(implied_codes(operation));
    operation.entry("security").or_insert_with(|| json!([]));

    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes {
        let same = by_status.entry(code.status().as_u16()).or_default();
        if !same.contains(&code) {
            same.push(code);
        }
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else {
        return;
    };
    responses.remove("default");
    for (status, codes) in by_status {
        responses.entry(status.to_string()).or_insert_with(|| response(&codes));
    }
}

/// Takes the last paragraph out of the description, if it names problems.
fn named_codes(operation: &mut Map<String, Value>) -> Vec<Code> {
    let Some(Value::String(description)) = operation.get_mut("description") else {
        return Vec::new();
    };
    let Some((text, errors)) = description.rsplit_once(ERRORS) else { return Vec::new() };
    let names = errors.split('`').skip(1).step_by(2);
    let codes = names.filter_map(|name| {
        let code = Code::find(name);
        debug_assert!(code.is_some(), "{name} is not a problem code");
        code
    });
    let codes = codes.collect();
    let text = text.trim().to_owned();
    if text.is_empty() {
        operation.remove("description");
    } else {
        *description = text;
    }
    codes
}

/// The problems that follow from what the operation takes.
fn implied_codes(operation: &Map<String, Value>) -> Vec<Code> {
    let mut codes = vec![Code::InternalError, Code::Overloaded, Code::TimedOut];
    if operation.contains_key("parameters") {
        codes.push(Code::MalformedParameter);
    }
    if operation.contains_key("requestBody") {
        codes.extend([Code::MalformedBody, Code::BodyTooLarge]);
        codes.extend([Code::UnsupportedMediaType, Code::InvalidFields]);
    }
    let schemes = operation.get("security").and_then(Value::as_array);
    if let Some(schemes) = schemes.filter(|schemes| !schemes.is_empty()) {
        codes.push(Code::InvalidToken);
        if !schemes.contains(&json!({})) {
            codes.push(Code::Unauthenticated);
        }
    }
    let limited = |response: &Value| {
        let headers = response.get("headers").and_then(Value::as_object);
        headers.is_some_and(|h| h.keys().any(|name| name.eq_ignore_ascii_case("ratelimit")))
    };
    let responses = operation.get("responses").and_then(Value::as_object);
    if responses.is_some_and(|responses| responses.values().any(limited)) {
        codes.push(Code::RateLimited);
    }
    codes
}

fn response(codes: &[Code]) -> Value {
    let titles: Vec<_> = codes.iter().map(|code| code.title()).collect();
    let examples: Map<String, Value> = codes
        .iter()
        .map(|code| {
            (code.as_str().to_owned(), json!({"summary": code.title(), "value": example(*code)}))
        })
        .collect();
    let content = json!({"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples});
    let mut response =
        json!({"description": titles.join("; "), "content": {PROBLEM_JSON: content}});
    let headers = headers(codes);
    if let Some(response) = response.as_object_mut().filter(|_| !headers.is_empty()) {
        response.insert("headers".to_owned(), headers.into());
    }
    response
}

/// The headers that come with such problems.
fn headers(codes: &[Code]) -> Map<String, Value> {
    let mut headers = Map::new();
    let mut add = |name: &str, description: &str, ty: &str| {
        let header = json!({"description": description, "schema": {"type": ty}});
        headers.insert(name.to_owned(), header);
    };
    if codes.iter().any(|code| waits(*code)) {
        add("Retry-After", "After how many seconds trying again can help", "integer");
    }
    if codes.iter().any(|code| code.status() == http::StatusCode::UNAUTHORIZED) {
        add("WWW-Authenticate", "How to authenticate (RFC 6750)", "string");
    }
    headers
}

fn waits(code: Code) -> bool {
    matches!(
        code,
        Code::RateLimited
            | Code::Overloaded
            | Code::TimedOut
            | Code::Unavailable
            | Code::LinkNotYetOpen
            | Code::RequestInFlight
    )
}

fn example(code: Code) -> Value {
    let mut error = match code {
        Code::InvalidFields => {
            ApiError::invalid_fields(vec![FieldError::new("name", "is required")])
        }
        _ => ApiError::new(code, code.meaning()),
    };
    if waits(code) {
        error = error.retry_after(Duration::from_secs(30));
    }
    if code == Code::LinkNotYetOpen {
        error = error.opens_at(DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default());
    }
    serde_json::to_value(error.problem()).unwrap_or_default()
}
