//! What the edge promises for every request, whatever the operation.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use poem::test::{TestClient, TestResponse};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::PlainText;
use poem_openapi::{Object, OpenApi};
use serde_json::Value;

use super::*;
use crate::accounts::grants::Grants;
use crate::accounts::keys::TokenKeys;
use crate::accounts::keys::tests::Folder;
use crate::accounts::revocations::Revocations;
use crate::accounts::tokens::LoginTokens;
use crate::accounts::{AccountId, Caller, Roles, Tier};
use crate::api::authentication::{AdministratorCaller, OptionalCaller, RequiredCaller};
use crate::api::body::Body;
use crate::api::service::{Probe, Readiness};
use crate::api::{Context, Parts, endpoint};
use crate::config::HttpSettings;
use crate::platform::clock::Clock;

#[derive(Object)]
struct Note {
    text: String,
}

/// Counts what its operations did.
struct Api(Arc<AtomicUsize>);

#[OpenApi]
impl Api {
    #[oai(path = "/act/:token", method = "get", method = "post")]
    async fn act(&self, token: Path<String>) -> PlainText<String> {
        self.0.fetch_add(1, Ordering::Relaxed);
        PlainText(token.0)
    }

    #[oai(path = "/who", method = "get")]
    async fn who(&self, caller: OptionalCaller) -> PlainText<String> {
        PlainText(caller.0.map_or("guest".to_owned(), |caller| caller.username.to_string()))
    }

    #[oai(path = "/notes", method = "post")]
    async fn note(&self, caller: RequiredCaller, body: Body<Note>) -> PlainText<String> {
        PlainText(format!("{}: {}", caller.0.username, body.value.text))
    }

    #[oai(path = "/open/notes", method = "post")]
    async fn open_note(&self, body: Body<Note>) -> PlainText<String> {
        PlainText(body.value.text)
    }

    #[oai(path = "/admin/notes", method = "post")]
    async fn admin_note(
        &self,
        _caller: AdministratorCaller,
        body: Body<Note>,
    ) -> PlainText<String> {
        PlainText(body.value.text)
    }

    #[oai(path = "/things/:id", method = "get")]
    async fn thing(&self, id: Path<uuid::Uuid>, n: Query<Option<u32>>) -> PlainText<String> {
        PlainText(format!("{} {:?}", id.0, n.0))
    }

    #[oai(path = "/correlation", method = "get")]
    async fn correlation(&self, context: Context) -> PlainText<String> {
        PlainText(context.correlation.to_string())
    }

    #[oai(path = "/panic", method = "get")]
    async fn panic(&self) -> PlainText<String> {
        panic!("secret of the library")
    }

    #[oai(path = "/for-ever", method = "get")]
    async fn for_ever(&self) -> PlainText<String> {
        std::future::pending().await
    }

    #[oai(path = "/broken", method = "get")]
    async fn broken(&self) -> Result<PlainText<String>, ApiError> {
        Err(ApiError::internal(&std::io::Error::other("secret of the library")))
    }

    #[oai(path = "/fail", method = "get")]
    async fn fail(&self) -> poem::Result<PlainText<String>> {
        Err(poem::error::InternalServerError(std::io::Error::other("secret of the library")))
    }
}

struct Ready;

#[async_trait]
impl Probe for Ready {
    async fn readiness(&self) -> Readiness {
        let parts = [("broker".to_owned(), "not connected".to_owned())];
        Readiness { ready: true, parts: parts.into() }
    }
}

struct App<E> {
    client: TestClient<E>,
    done: Arc<AtomicUsize>,
    tokens: Arc<LoginTokens>,
    _folder: Folder,
}

impl<E> App<E> {
    fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    fn token(&self, username: &str, roles: &[&str]) -> String {
        let caller = Caller {
            account: AccountId(uuid::Uuid::new_v4()),
            username: username.into(),
            tier: Tier::Standard,
            roles: Roles::from_names(roles),
            session: uuid::Uuid::new_v4(),
        };
        self.tokens.issue(&caller, Clock::default().now()).unwrap()
    }
}

fn app() -> App<impl Endpoint<Output = Response>> {
    let folder = Folder::new();
    folder.add("20200101T000000Z");
    let keys = TokenKeys::open(&folder.0).unwrap();
    let tokens =
        Arc::new(LoginTokens::new(keys.clone(), Grants::default(), Revocations::default()));
    let done = Arc::new(AtomicUsize::new(0));
    let parts = Parts {
        settings: HttpSettings {
            port: 0,
            bind_address: std::net::Ipv4Addr::LOCALHOST.into(),
            public_url: None,
            trusted_proxies: Vec::new(),
            allowed_origins: vec!["https://shop.example".to_owned()],
            allowed_link_hosts: Vec::new(),
            max_connections: 1,
            // What is ready at once is answered; what is not is late.
            request_timeout_seconds: 0,
        },
        authenticator: Authenticator::new(Arc::clone(&tokens), Clock::default()),
        probe: Arc::new(Ready),
        metrics: Box::new(|| "metrics".to_owned()),
        jwks: Arc::new(move || keys.jwks(Clock::default().now())),
        acting_gets: vec!["/act/{token}"],
        sign_outs: vec!["/notes"],
    };
    let endpoint = endpoint(Api(Arc::clone(&done)), parts).unwrap();
    App { client: TestClient::new(endpoint), done, tokens, _folder: folder }
}

async fn problem(response: TestResponse, status: u16, code: &str) -> Value {
    response.assert_status(StatusCode::from_u16(status).unwrap());
    response.assert_content_type("application/problem+json");
    let body: Value =
        serde_json::from_str(&response.0.into_body().into_string().await.unwrap()).unwrap();
    assert_eq!(body["code"], code);
    assert!(!body.to_string().contains("secret"), "{body}");
    body
}

async fn text(response: TestResponse) -> String {
    response.assert_status_is_ok();
    response.0.into_body().into_string().await.unwrap()
}

#[tokio::test]
async fn every_answer_is_named_and_neither_kept_nor_framed() {
    let app = app();
    for path in ["/who", "/nowhere", "/panic", "/act/x", "/livez"] {
        let response = app.client.get(path).header("x-request-id", "mine").send().await;
        response.assert_header("x-request-id", "mine");
        response.assert_header("x-content-type-options", "nosniff");
        response.assert_header("referrer-policy", "no-referrer");
        response.assert_header("cache-control", "no-store");
        assert!(response.0.header("content-security-policy").unwrap().contains("'none'"));
    }
    let made = app.client.get("/correlation").send().await;
    let id = made.0.header("x-request-id").unwrap().to_owned();
    assert_eq!(text(made).await, id, "events would carry another id than the answer");
}

#[tokio::test]
async fn one_trailing_slash_is_the_same_route() {
    let app = app();
    assert_eq!(text(app.client.get("/who/").send().await).await, "guest");
    assert_eq!(text(app.client.get("/act/x/?a=b").send().await).await, "x");
    problem(app.client.get("/who//").send().await, 404, "unknown_route").await;
}

#[tokio::test]
async fn head_and_prefetches_of_acting_routes_do_nothing() {
    let app = app();
    for path in ["/act/x", "/act/x/", "/who", "/docs", "/"] {
        let response = app.client.head(path).send().await;
        response.assert_status_is_ok();
        assert_eq!(text(response).await, "");
    }
    app.client.head("/nowhere").send().await.assert_status(StatusCode::NOT_FOUND);
    let no_get = app.client.head("/notes").send().await;
    no_get.assert_status(StatusCode::METHOD_NOT_ALLOWED);
    no_get.assert_header("allow", "OPTIONS, POST");
    let ahead =
        [("sec-purpose", "prefetch;prerender"), ("purpose", "Prefetch"), ("x-moz", "prefetch")];
    for (name, value) in ahead {
        let response = app.client.get("/act/x").header(name, value).send().await;
        response.assert_header("cache-control", "no-store");
        problem(response, 503, "prefetch_refused").await;
        let harmless = app.client.get("/who").header(name, value).send().await;
        harmless.assert_status_is_ok();
    }
    assert_eq!(app.done(), 0);
    app.client.get("/act/x").header("purpose", "preview").send().await.assert_status_is_ok();
    app.client.post("/act/x").header("purpose", "prefetch").send().await.assert_status_is_ok();
    assert_eq!(app.done(), 2);
}

#[tokio::test]
async fn who_signs_out_without_being_in_is_rid_of_the_cookies() {
    let app = app();
    let cookies = |response: &TestResponse| {
        response.0.headers().get_all("set-cookie").iter().cloned().collect::<Vec<_>>()
    };
    for token in ["", "Authentication=x"] {
        let out = app.client.post("/notes").header("cookie", token).send().await;
        out.assert_status(StatusCode::UNAUTHORIZED);
        assert_eq!(cookies(&out), Cookies::ended());
        let other = app.client.post("/admin/notes").header("cookie", token).send().await;
        other.assert_status(StatusCode::UNAUTHORIZED);
        assert!(cookies(&other).is_empty(), "a refresh would follow");
    }
}

#[tokio::test]
async fn unknown_routes_and_methods_are_problems() {
    let app = app();
    problem(app.client.get("/nowhere").send().await, 404, "unknown_route").await;
    let response = app.client.delete("/act/x").send().await;
    response.assert_header("allow", "GET, HEAD, OPTIONS, POST");
    problem(response, 405, "method_not_allowed").await;
    let options = app.client.options("/act/x").send().await;
    options.assert_status(StatusCode::NO_CONTENT);
    options.assert_header("allow", "GET, HEAD, OPTIONS, POST");
    let bad_id =
        problem(app.client.get("/things/7").send().await, 400, "malformed_parameter").await;
    assert_eq!(bad_id["detail"], "The parameter id is missing or can not be read");
    let id = uuid::Uuid::nil();
    let bad_query = app.client.get(format!("/things/{id}")).query("n", &"x").send().await;
    problem(bad_query, 400, "malformed_parameter").await;
}

#[tokio::test]
async fn a_credential_that_is_not_valid_is_never_a_guest() {
    let app = app();
    let token = app.token("john", &[]);
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("authorization", format!("JWT {token}")),
        ("cookie", format!("Authentication={token}")),
    ] {
        let response = app.client.get("/who").header(name, value).send().await;
        assert_eq!(text(response).await, "john");
    }
    for (name, value) in [
        ("authorization", "Bearer x.y.z".to_owned()),
        ("authorization", "Basic am9objpx".to_owned()),
        ("authorization", format!("Bearer {token}x")),
        ("cookie", "Authentication=x".to_owned()),
    ] {
        let response = app.client.get("/who").header(name, value.clone()).send().await;
        response.assert_header("www-authenticate", "Bearer error=\"invalid_token\"");
        problem(response, 401, "invalid_token").await;
        let elsewhere = app.client.get("/act/x").header(name, value).send().await;
        elsewhere.assert_status_is_ok();
    }
}

#[tokio::test]
async fn who_is_asking_is_known_before_the_body_is_looked_at() {
    let app = app();
    let not_json = || app.client.post("/notes").body("{").content_type("text/plain");
    let anonymous = not_json().send().await;
    anonymous.assert_header("www-authenticate", "Bearer");
    problem(anonymous, 401, "unauthenticated").await;
    problem(not_json().header("authorization", "Bearer x").send().await, 401, "invalid_token")
        .await;

    let (john, admin) = (app.token("john", &[]), app.token("cena", &["admin"]));
    let admin_note = |token: &str| {
        let request = app.client.post("/admin/notes").body("{");
        request.header("authorization", format!("Bearer {token}"))
    };
    problem(admin_note(&john).send().await, 403, "forbidden").await;
    problem(admin_note(&admin).send().await, 400, "malformed_body").await;
}

#[tokio::test]
async fn a_body_is_json_of_a_bounded_size() {
    let app = app();
    let post = |body: &'static str| app.client.post("/open/notes").body(body);
    assert_eq!(text(post("{\"text\":\"a\"}").send().await).await, "a");
    let vendor = post("{\"text\":\"a\"}").content_type("application/vnd.x+json; charset=utf-8");
    assert_eq!(text(vendor.send().await).await, "a");
    let form = post("text=a").content_type("application/x-www-form-urlencoded").send().await;
    problem(form, 415, "unsupported_media_type").await;
    problem(post("{").send().await, 400, "malformed_body").await;
    let missing = problem(post("{\"text\":null}").send().await, 422, "invalid_fields").await;
    assert_eq!(missing["errors"][0]["field"], "text");

    let large = format!("{{\"text\":\"{}\"}}", "x".repeat(BODY_LIMIT));
    let announced = app.client.post("/open/notes").header("content-length", large.len());
    problem(announced.body(large.clone()).send().await, 413, "body_too_large").await;
    let chunked = app.client.post("/open/notes").body(large).send().await;
    problem(chunked, 413, "body_too_large").await;
    let ignored = app.client.post("/act/x").body("<a body nobody asked for>");
    ignored.content_type("text/xml").send().await.assert_status_is_ok();
}

#[tokio::test]
async fn panics_failures_and_delays_tell_nothing() {
    let app = app();
    problem(app.client.get("/panic").send().await, 500, "internal_error").await;
    for path in ["/broken", "/fail"] {
        let response = app.client.get(path).send().await;
        let cause = response.0.data::<Cause>().expect("the log would not tell the cause");
        assert_eq!(cause.0.as_ref(), "secret of the library");
        problem(response, 500, "internal_error").await;
    }
    let late = app.client.get("/for-ever").send().await;
    late.assert_header("retry-after", "1");
    problem(late, 503, "timed_out").await;
}

#[tokio::test]
async fn who_comes_when_too_many_are_there_is_refused_at_once_but_health_is_answered() {
    let count = AtomicUsize::new(MAX_IN_FLIGHT - 1);
    let last = InFlight::enter(&count).unwrap();
    let refused = InFlight::enter(&count).err().unwrap();
    assert_eq!(refused.code(), Code::Overloaded);
    drop(last);
    assert_eq!(count.load(Ordering::Relaxed), MAX_IN_FLIGHT - 1);
}

#[tokio::test]
async fn only_allowed_origins_may_read_answers() {
    let app = app();
    let from = |origin: &'static str| app.client.get("/who").header("origin", origin).send();
    let allowed = from("https://shop.example").await;
    allowed.assert_header("access-control-allow-origin", "https://shop.example");
    allowed.assert_header("vary", "Origin");
    assert!(from("https://evil.example").await.0.header("access-control-allow-origin").is_none());

    let ask = |origin: &'static str| {
        let request = app.client.options("/notes").header("origin", origin);
        request.header("access-control-request-method", "POST").send()
    };
    ask("https://shop.example")
        .await
        .assert_header("access-control-allow-methods", "OPTIONS, POST");
    let refused = ask("https://evil.example").await;
    assert!(refused.0.header("access-control-allow-methods").is_none());
}

#[tokio::test]
async fn the_document_its_page_and_the_keys_are_served() {
    let app = app();
    for path in
        ["/", "/api/openapi", "/auth/api/openapi/", "/ugc/api/openapi", "/movie/api/openapi"]
    {
        let response = app.client.get(path).send().await;
        response.assert_status(StatusCode::PERMANENT_REDIRECT);
        response.assert_header("location", "/docs");
    }
    let page = app.client.get("/docs/").send().await;
    assert!(page.0.header("content-security-policy").unwrap().contains("script-src 'self';"));
    assert!(text(page).await.contains("/docs/swagger-ui.js"));
    let document = text(app.client.get("/openapi.json").send().await).await;
    let document: Value = serde_json::from_str(&document).unwrap();
    let yaml = text(app.client.get("/openapi.yaml").send().await).await;
    assert_eq!(serde_yaml_ng::from_str::<Value>(&yaml).unwrap(), document);
    assert_eq!(text(app.client.get("/metrics").send().await).await, "metrics");
    let keys = text(app.client.get("/.well-known/jwks.json").send().await).await;
    assert!(keys.contains("\"P-256\""), "{keys}");
    let health = text(app.client.get("/readyz").send().await).await;
    assert!(health.contains("\"degraded\"") && health.contains("not connected"));
    let meaning = text(app.client.get("/problems/link_used").send().await).await;
    assert!(meaning.starts_with("Link used"));
    problem(app.client.get("/problems/none").send().await, 404, "not_found").await;
}

#[test]
fn every_operation_tells_its_problems_and_whether_it_needs_a_login() {
    let document: Value = serde_json::from_str(&crate::api::document::<Api>().json).unwrap();
    let statuses = |path: &str, method: &str| -> Vec<String> {
        let responses = document["paths"][path][method]["responses"].as_object().unwrap();
        responses.keys().cloned().collect()
    };
    assert_eq!(statuses("/who", "get"), ["200", "401", "413", "500", "503"]);
    let note = ["200", "400", "401", "413", "415", "422", "500", "503"];
    assert_eq!(statuses("/notes", "post"), note);
    assert_eq!(statuses("/problems/{code}", "get"), ["200", "400", "404", "413", "500", "503"]);
    assert_eq!(document["paths"]["/livez"]["get"]["security"], serde_json::json!([]));
    let invalid = &document["paths"]["/notes"]["post"]["responses"]["422"]["content"];
    let example = &invalid["application/problem+json"]["examples"]["invalid_fields"]["$ref"];
    assert_eq!(*example, "#/components/examples/invalid_fields");
    let example = &document["components"]["examples"]["invalid_fields"]["value"];
    assert_eq!(example["type"], "/problems/invalid_fields");
    assert_eq!(crate::api::document::<Api>().yaml, crate::api::document::<Api>().yaml);
}
