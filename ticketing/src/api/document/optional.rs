//! What requests may leave out may be null as well: told by the schema of each such member, as
//! [`Body`] reads it. Not here: what answers may hold as null, their types say that.
//!
//! [`Body`]: crate::api::body::Body

use std::collections::BTreeSet;

use serde_json::{Map, Value};

const SCHEMAS: &str = "#/components/schemas/";

/// Makes the members that may be absent nullable, in all schemas that only requests use.
pub(super) fn complete(spec: &mut Value) {
    let operations = || {
        let paths = spec.get("paths").and_then(Value::as_object).into_iter().flat_map(Map::values);
        paths.filter_map(Value::as_object).flat_map(Map::values)
    };
    let schemas = spec.pointer("/components/schemas").unwrap_or(&Value::Null);
    let used_by = |part: &str| {
        let mut names = BTreeSet::new();
        for value in operations().filter_map(|operation| operation.get(part)) {
            collect(value, schemas, &mut names);
        }
        names
    };
    let of_requests = used_by("requestBody");
    let of_answers = used_by("responses");

    let schemas = spec.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for (name, schema) in schemas.into_iter().flatten() {
        if of_requests.contains(name) && !of_answers.contains(name) {
            allow_null(schema);
        }
    }
}

/// The names of all schemas that a value refers to, directly or through others.
fn collect(value: &Value, schemas: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str().and_then(|target| target.strip_prefix(SCHEMAS)) {
                    Some(target) if name == "$ref" => {
                        if names.insert(target.to_owned()) {
                            collect(schemas.get(target).unwrap_or(&Value::Null), schemas, names);
                        }
                    }
                    _ => collect(member, schemas, names),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, schemas, names)),
        _ => {}
    }
}

fn allow_null(schema: &mut Value) {
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let members = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, member) in members.into_iter().flatten() {
        let Some(member) = member.as_object_mut() else { continue };
        if required.iter().any(|required| required == name) {
            continue;
        }
        member.insert("nullable".to_owned(), true.into());
        // Null has to be among the values as well (OpenAPI 3.0.3, clarification of `nullable`).
        if let Some(values) = member.get_mut("enum").and_then(Value::as_array_mut) {
            values.push(Value::Null);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A document in which `Change` is asked, through a list, and `Seat` is answered.
    fn spec() -> Value {
        let refers = |name: &str| json!({"$ref": format!("{SCHEMAS}{name}")});
        let members = json!({
            "row": {"type": "integer"},
            "side": {"type": "string", "enum": ["left", "right"]},
        });
        let schema = json!({"type": "object", "required": ["row"], "properties": members});
        json!({
            "paths": {"/seats": {"put": {
                "requestBody": {"schema": refers("Changes")},
                "responses": {"200": {"schema": refers("Seat")}},
            }}},
            "components": {"schemas": {
                "Changes": {"type": "array", "items": refers("Change")},
                "Change": schema,
                "Seat": schema,
            }},
        })
    }

    #[test]
    fn what_a_request_may_leave_out_may_be_null() {
        let mut spec = spec();
        complete(&mut spec);
        let schemas = spec.pointer("/components/schemas").unwrap();
        let asked = schemas.pointer("/Change/properties").unwrap();
        let side = json!({"type": "string", "enum": ["left", "right", null], "nullable": true});
        assert_eq!(asked, &json!({"row": {"type": "integer"}, "side": side}));
        assert_eq!(schemas.pointer("/Seat/properties/side/nullable"), None);
    }

    #[test]
    fn what_is_also_answered_stays_as_it_is() {
        let mut spec = spec();
        let answer = spec.pointer_mut("/paths/~1seats/put/responses/200/schema/$ref").unwrap();
        *answer = format!("{SCHEMAS}Change").into();
        let before = spec.clone();
        complete(&mut spec);
        assert_eq!(spec, before);
    }
}
