//! `openapi.yaml` is what the program says of itself.

use std::fs;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi.yaml");

#[test]
fn the_document_is_the_one_that_the_program_prints() {
    let file = fs::read_to_string(FILE).expect("openapi.yaml");
    let printed = ticketing::app::document().yaml;
    for (number, (file, printed)) in file.lines().zip(printed.lines()).enumerate() {
        assert_eq!(file, printed, "line {}: run `make openapi`", number + 1);
    }
    assert_eq!(file.len(), printed.len(), "run `make openapi`");
}

#[test]
fn every_operation_has_a_name_a_summary_a_tag_and_its_problems() {
    let document: serde_json::Value =
        serde_json::from_str(&ticketing::app::document().json).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().expect("methods") {
            for member in ["operationId", "summary", "tags", "responses", "security"] {
                assert!(!operation[member].is_null(), "{method} {path} has no {member}");
            }
            let responses = operation["responses"].as_object().expect("responses");
            assert!(responses.contains_key("500"), "{method} {path} never fails");
        }
    }
}

/// Swagger UI fills in what stands as an example: two calls of two people would have one key.
#[test]
fn no_idempotency_key_is_suggested() {
    let document: serde_json::Value =
        serde_json::from_str(&ticketing::app::document().json).expect("JSON");
    let methods = document["paths"].as_object().expect("paths").values();
    let operations = methods.flat_map(|methods| methods.as_object().expect("methods").values());
    let parameters = operations.filter_map(|operation| operation["parameters"].as_array());
    let keys: Vec<_> =
        parameters.flatten().filter(|parameter| parameter["name"] == "Idempotency-Key").collect();
    assert!(!keys.is_empty());
    assert!(keys.iter().all(|key| key.get("example").is_none()), "{keys:?}");
}
