//! The problems of each operation, with an example of each. An operation names its own in the last
//! paragraph of its docstring, ``Errors: `account_exists`, `invalid_role`.``; those that follow
//! from its parameters, body, limits and credentials are added here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::DateTime;
use http::StatusCode;
use serde_json::map::Entry;
use serde_json::{Map, Value, json};

use super::parameters;
use crate::api_error::{ApiError, Code, FieldError, PROBLEM_JSON};

const ERRORS: &str = "Errors:";

/// Adds to an operation the answers to its problems, and whether it needs a login. Returns the
/// problems.
pub(super) fn complete(operation: &mut Map<String, Value>) -> BTreeSet<Code> {
    let mut codes = named_codes(operation);
    codes.extend(implied_codes(operation));
    operation.entry("security").or_insert_with(|| json!([]));

    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in &codes {
        by_status.entry(code.status().as_u16()).or_default().push(*code);
    }
    if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        responses.remove("default");
        for (status, codes) in by_status {
            let problems = response(&codes);
            match responses.entry(status.to_string()) {
                Entry::Vacant(entry) => drop(entry.insert(problems)),
                Entry::Occupied(mut entry) => join(entry.get_mut(), problems),
            }
        }
    }
    codes
}

/// Takes the last paragraph out of the description, if it names problems.
fn named_codes(operation: &mut Map<String, Value>) -> BTreeSet<Code> {
    let Some(Value::String(description)) = operation.get_mut("description") else {
        return BTreeSet::new();
    };
    let Some((text, errors)) = description.rsplit_once(ERRORS) else { return BTreeSet::new() };
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
    let mut codes = vec![Code::InternalError, Code::Overloaded, Code::TimedOut, Code::BodyTooLarge];
    if operation.contains_key("parameters") {
        codes.push(Code::MalformedParameter);
    }
    if operation.contains_key("requestBody") {
        codes.extend([Code::MalformedBody, Code::UnsupportedMediaType, Code::InvalidFields]);
    }
    if parameters::takes_key(operation) {
        codes.extend([Code::InvalidIdempotencyKey, Code::RequestInFlight]);
        codes.push(Code::IdempotencyKeyReused);
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

/// Adds problems to an answer of the operation's own that has the same status.
fn join(own: &mut Value, problems: Value) {
    let Value::Object(mut problems) = problems else { return };
    for part in ["content", "headers"] {
        let (Some(own), Some(Value::Object(more))) = (own.get_mut(part), problems.remove(part))
        else {
            continue;
        };
        let Some(own) = own.as_object_mut() else { continue };
        for (name, value) in more {
            // A header in both is the same one, whatever its case.
            if !own.keys().any(|known| known.eq_ignore_ascii_case(&name)) {
                own.insert(name, value);
            }
        }
    }
}

fn response(codes: &[Code]) -> Value {
    let titles: Vec<_> = codes.iter().map(|code| code.title()).collect();
    let example = |code: &Code| {
        let name = code.as_str();
        (name.to_owned(), json!({"$ref": format!("#/components/examples/{name}")}))
    };
    let examples: Map<String, Value> = codes.iter().map(example).collect();
    let content = json!({"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples});
    let mut response =
        json!({"description": titles.join("; "), "content": {PROBLEM_JSON: content}});
    let headers = headers(codes);
    if let Some(response) = response.as_object_mut().filter(|_| !headers.is_empty()) {
        response.insert("headers".to_owned(), headers.into());
    }
    response
}

/// An example of each of these problems, for all operations together.
pub(super) fn examples(codes: &BTreeSet<Code>) -> Value {
    let example = |code: &Code| {
        let example = json!({"summary": code.title(), "value": example(*code)});
        (code.as_str().to_owned(), example)
    };
    codes.iter().map(example).collect::<Map<_, _>>().into()
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
    if codes.contains(&Code::RateLimited) {
        add("RateLimit-Policy", "The limits that apply", "string");
        add("RateLimit", "What is left of them", "string");
    }
    if codes.iter().any(|code| code.status() == StatusCode::UNAUTHORIZED) {
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
