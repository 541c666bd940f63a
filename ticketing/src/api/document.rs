//! The OpenAPI document, made from the operations themselves; the same at every start. What the
//! library generates is completed: every operation says all the problems it can be answered with
//! ([`problems`]), and what requests may leave out may be null ([`optional`]). Not here: the
//! operations.

mod optional;
mod parameters;
mod problems;

use std::collections::{BTreeSet, HashMap};
use std::marker::PhantomData;

use poem::endpoint::BoxEndpoint;
use poem_openapi::registry::{MetaApi, Registry};
use poem_openapi::{ContactObject, LicenseObject, OpenApi, OpenApiService};
use serde::Serialize;
use serde_json::Value;

const TITLE: &str = "Turnstile";
const DESCRIPTION: &str = "A ticket-sales backend whose source of truth is a history of events.\n\n\
    Errors are RFC 9457 problems; times are RFC 3339 in UTC; ids are UUIDs; lists are arrays, with \
    the next page in the header `Link`. A path with or without a trailing slash is the same. \
    Members that are null count as absent, and members that are not known are ignored.";
const OPENAPI_VERSION: &str = "3.0.3";

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
    let mut codes = BTreeSet::new();
    for operation in operations {
        parameters::complete(operation);
        codes.extend(problems::complete(operation));
    }
    if let Some(components) = spec.get_mut("components").and_then(Value::as_object_mut) {
        components.insert("examples".to_owned(), problems::examples(&codes));
    }
    optional::complete(&mut spec);
    tidy(&mut spec);
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

/// The description of `A` without an `A`: to describe operations, nothing of what they work with is
/// needed.
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

/// Drops what says nothing (things are not deprecated unless said), and joins lines that are apart
/// only because source has a width.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, member| name != "deprecated" || *member != Value::Bool(false));
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "description" => *text = joined(text),
                    _ => tidy(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn joined(text: &str) -> String {
    let paragraphs: Vec<_> = text.split("\n\n").map(|text| text.replace('\n', " ")).collect();
    paragraphs.join("\n\n")
}
