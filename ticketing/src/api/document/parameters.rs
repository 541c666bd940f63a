//! What the parameters that many operations share may hold, told once and as precisely as a schema
//! can. Not here: the parameters of a single operation, those say it themselves.

use serde_json::{Map, Value, json};

use crate::api::paging::{DEFAULT_LIMIT, MAX_LIMIT};

/// The header that makes repeating a call safe.
pub(super) const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// A key: 1 to 255 printable characters, quoted or bare (the IETF draft `Idempotency-Key`; RFC
/// 8941, section 3.3.3). A bare one has no space at its ends, which HTTP would take away (RFC 9110,
/// section 5.5), and does not begin with a quote.
const QUOTED_KEY: &str = r#"^"[ -~]{1,255}"$"#;
const BARE_KEY: &str = "^[!#-~]([ -~]{0,253}[!-~])?$";
/// A guest's key, which nobody may guess, when it is quoted: a UUID (RFC 9562).
const QUOTED_UUID: &str =
    r#"^"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"$"#;
/// A cursor is base64url (RFC 4648, section 5).
const CURSOR: &str = "^[A-Za-z0-9_-]+$";

const ANY_KEY_MEANS: &str = "Makes repeating safe: the same key replays the first answer, for 24 \
    hours. 1 to 255 printable characters, quoted or bare; without a login it has to be a UUID.";
const GUEST_KEY_MEANS: &str = "Makes repeating safe: the same key replays the first answer, for 24 \
    hours. A UUID, quoted or bare.";

/// Completes the shared parameters of an operation.
pub(super) fn complete(operation: &mut Map<String, Value>) {
    let schemes = operation.get("security").and_then(Value::as_array);
    let takes_logins = schemes.is_some_and(|schemes| !schemes.is_empty());
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten().filter_map(Value::as_object_mut) {
        match parameter.get("name").and_then(Value::as_str).unwrap_or_default() {
            IDEMPOTENCY_KEY => idempotency_key(parameter, takes_logins),
            "limit" => {
                let limits = json!({"minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT});
                extend_schema(parameter, limits);
            }
            "after" => extend_schema(parameter, json!({"pattern": CURSOR})),
            _ => {}
        }
    }
}

/// Whether the operation takes an idempotency key.
pub(super) fn takes_key(operation: &Map<String, Value>) -> bool {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    parameters
        .into_iter()
        .flatten()
        .any(|parameter| parameter.get("name").and_then(Value::as_str) == Some(IDEMPOTENCY_KEY))
}

fn idempotency_key(parameter: &mut Map<String, Value>, takes_logins: bool) {
    let string = |rule: &str, value: &str| json!({"type": "string", rule: value});
    let (forms, means) = if takes_logins {
        ([string("pattern", BARE_KEY), string("pattern", QUOTED_KEY)], ANY_KEY_MEANS)
    } else {
        ([string("format", "uuid"), string("pattern", QUOTED_UUID)], GUEST_KEY_MEANS)
    };
    parameter.insert("schema".to_owned(), json!({"anyOf": forms}));
    // No example: Swagger UI would send it with every call, as the key of them all.
    parameter.insert("description".to_owned(), means.into());
}

fn extend_schema(parameter: &mut Map<String, Value>, more: Value) {
    if let (Some(Value::Object(schema)), Value::Object(more)) = (parameter.get_mut("schema"), more)
    {
        schema.extend(more);
    }
}
