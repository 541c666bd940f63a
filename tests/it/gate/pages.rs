//! What stands beside the API: its document, Swagger UI, health, metrics and the meaning of
//! problems.

use serde_json::Value;

use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::Ask;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi.yaml");

#[tokio::test]
async fn the_document_in_the_repository_is_the_one_that_is_served() {
    let kept = std::fs::read_to_string(DOCUMENT).unwrap();
    let gate = World::shared();
    let yaml = gate.get("/openapi.yaml").ask().await.is(200);
    assert_eq!(yaml.header("content-type"), "application/yaml");
    assert!(yaml.text == kept, "another document is served than is kept");
    let json = gate.get("/openapi.json").ask().await.is(200);
    assert_eq!(json.json, serde_yaml_ng::from_str::<Value>(&kept).unwrap());
}

#[tokio::test]
async fn every_call_of_the_gate_is_in_the_document() {
    let document: Value =
        serde_yaml_ng::from_str(&std::fs::read_to_string(DOCUMENT).unwrap()).unwrap();
    for (path, method, statuses) in [
        ("/register", "post", vec!["201", "400", "409", "422", "429"]),
        ("/login", "post", vec!["200", "401", "422", "429"]),
        ("/request_for_ticketing_link", "get", vec!["201", "401", "429"]),
        ("/request_for_ticketing_link", "post", vec!["201", "401", "429"]),
        ("/check_ticketing_link", "get", vec!["200", "400", "401", "404", "410"]),
        ("/buy_ticket/{token}", "get", vec!["200", "400", "401", "404", "425"]),
        ("/buy_ticket/{token}", "post", vec!["200", "400", "401", "404", "425"]),
        ("/link_requests/{id}/events", "get", vec!["200", "401", "404"]),
    ] {
        let operation = &document["paths"][path][method];
        assert!(operation["summary"].is_string(), "{method} {path} has no summary");
        for status in statuses {
            let response = &operation["responses"][status];
            assert!(response.is_object(), "{method} {path} does not tell of {status}");
        }
    }
}

#[tokio::test]
async fn swagger_ui_comes_from_the_service_itself() {
    let gate = World::shared();
    for path in ["/docs", "/docs/"] {
        let page = gate.get(path).ask().await.is(200);
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(page.header("content-security-policy").contains("script-src 'self'"));
        assert!(!page.text.contains("https://"), "the page loads something from elsewhere");
    }
    let script = gate.get("/docs/swagger-ui.js").ask().await.is(200);
    assert!(script.header("content-type").starts_with("text/javascript"));
    assert!(script.text.contains("SwaggerUIBundle"));
    gate.get("/docs/swagger-ui.css").ask().await.is(200);
}

#[tokio::test]
async fn where_earlier_systems_had_their_documents_leads_to_this_one() {
    let gate = World::shared();
    let earlier = ["/api/openapi", "/auth/api/openapi", "/ugc/api/openapi", "/movie/api/openapi"];
    for path in earlier {
        for path in [path.to_owned(), format!("{path}/")] {
            let redirect = gate.get(&path).ask().await.is(308);
            assert_eq!(redirect.header("location"), "/docs", "{path}");
        }
    }
}

#[tokio::test]
async fn a_well_system_is_alive_and_ready() {
    let gate = World::shared();
    assert_eq!(gate.get("/livez").ask().await.is(200).text, "ok");
    let ready = gate.get("/readyz").ask().await.is(200);
    for part in ["service", "postgres", "clock"] {
        assert_eq!(ready.json["parts"][part], "ok", "{}", ready.text);
    }
    let filled =
        async || gate.get("/readyz").ask().await.is(200).json["parts"]["seat maps"] == "ok";
    eventually("the seat maps are filled", filled).await;
}

#[tokio::test]
async fn metrics_count_requests_by_route_and_never_by_path() {
    let gate = World::shared();
    let link = gate.given_used_link().await;
    let metrics = gate.get("/metrics").ask().await.is(200);
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    let counted =
        metrics.text.lines().any(|line| line.contains("/buy_ticket/") && line.contains("200"));
    assert!(counted, "the use of a link is not counted");
    assert!(!metrics.text.contains(&link.token), "a token in a label");
    assert!(!metrics.text.contains(&link.id.to_string()), "an id in a label");
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_its_meaning() {
    let gate = World::shared();
    let problem = gate.get("/nowhere").ask().await.problem(404, "unknown_route");
    let meaning = gate.get(&problem.member("type")).ask().await.is(200);
    assert!(meaning.text.contains("404"), "{}", meaning.text);
    gate.get("/problems/none-of-ours").ask().await.problem(404, "not_found");
}
