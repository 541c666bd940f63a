//! Every refusal is a problem (RFC 9457), whoever makes it: routes, methods, bodies and what the
//! library refuses. And what every answer carries.

use std::net::Ipv4Addr;

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::registration;

/// The largest body that is read, bytes.
const BODY_LIMIT: usize = 64 * 1024;

async fn post(path: &str, body: impl Into<reqwest::Body>) -> Answer {
    World::shared().post(path).body(body).ask().await
}

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    let gate = World::shared();
    for path in
        ["/nowhere", "/register/more", "/buy_ticket", "/buy_ticket/a/b", "/test/clock", "/.env"]
    {
        gate.get(path).ask().await.problem(404, "unknown_route");
    }
    let now = json!({ "now": "2030-01-01T00:00:00Z" });
    let clock = gate.request(Method::PUT, "/test/clock").json(&now).ask().await;
    clock.problem(404, "unknown_route");
}

#[tokio::test]
async fn another_method_is_told_which_ones_there_are() {
    let gate = World::shared();
    for (method, path, allowed) in [
        (Method::GET, "/register", "OPTIONS, POST"),
        (Method::PUT, "/login", "OPTIONS, POST"),
        (Method::DELETE, "/request_for_ticketing_link", "GET, HEAD, OPTIONS, POST"),
        (Method::POST, "/check_ticketing_link", "GET, HEAD, OPTIONS"),
        (Method::PATCH, "/buy_ticket/token", "GET, HEAD, OPTIONS, POST"),
    ] {
        let refused = gate.request(method, path).ask().await.problem(405, "method_not_allowed");
        let mut allow: Vec<_> = refused.header("allow").split(", ").collect();
        allow.sort_unstable();
        assert_eq!(allow.join(", "), allowed, "{path}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_is_malformed() {
    for body in
        ["", "{", "[]", "null", "\"text\"", "{\"username\":\"a\\u0000b\",\"password\":\"x\"}"]
    {
        for path in ["/register", "/login"] {
            post(path, body).await.problem(400, "malformed_body");
        }
    }
    post("/login", b"{\"username\":\"\xff\"}".to_vec()).await.problem(400, "malformed_body");
    post("/login", "[".repeat(10_000)).await.problem(400, "malformed_body");
}

#[tokio::test]
async fn every_missing_or_mistyped_member_is_named() {
    let refused = post("/register", "{}").await.problem(422, "invalid_fields");
    let required =
        ["email", "username", "password", "role"].map(|name| format!("{name}: is required"));
    assert_eq!(refused.field_errors(), required);
    let body = r#"{"email":1,"username":["a"],"password":null,"role":{}}"#;
    let refused = post("/register", body).await.problem(422, "invalid_fields");
    let rules = [
        "email: must be a string",
        "username: must be a string",
        "password: is required",
        "role: must be one of premium, standard, default",
    ];
    assert_eq!(refused.field_errors(), rules);
}

#[tokio::test]
async fn a_body_of_another_type_is_refused_and_one_of_none_is_json() {
    let gate = World::shared();
    let body = registration("standard").to_string();
    let typed = |content_type: &'static str| {
        gate.post("/register").header("content-type", content_type).body(body.clone()).ask()
    };
    for other in ["text/plain", "application/x-www-form-urlencoded", "application/xml"] {
        typed(other).await.problem(415, "unsupported_media_type");
    }
    post("/register", body.clone()).await.is(201);
    typed("application/json; charset=utf-8").await.problem(409, "account_exists");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let large = format!("{{\"username\":\"{}\"}}", "x".repeat(BODY_LIMIT));
    post("/login", large.clone()).await.problem(413, "body_too_large");
    let status = status_of_chunks(&large).await;
    assert!(status.starts_with("HTTP/1.1 413 "), "{status}");
    let fits = format!("{{\"username\":\"{}\",\"password\":\"x\"}}", "x".repeat(BODY_LIMIT / 2));
    post("/login", fits).await.problem(401, "wrong_credentials");
}

/// The first line of the answer to a login whose body comes in chunks, of a length nobody
/// announced.
async fn status_of_chunks(body: &str) -> String {
    let port = World::shared().system.wiring.port;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let head = "POST /login HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    let request = format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.unwrap();
    line
}

#[tokio::test]
async fn members_nobody_asked_for_are_ignored() {
    let gate = World::shared();
    let mut more = registration("standard");
    more["tier"] = json!("premium");
    more["admin"] = json!(true);
    gate.register(&more).await.is(201);
    let request = gate.get("/request_for_ticketing_link").header("content-type", "text/xml");
    request.body("<a body nobody asked for>").ask().await.is(201);
}

#[tokio::test]
async fn one_trailing_slash_is_the_same_route_and_no_redirect() {
    let gate = World::shared();
    let user = gate.given_user("premium").await;
    gate.register(&json!({})).await.is(422);
    gate.post("/register/").json(&json!({})).ask().await.is(422);
    let request = gate.get("/request_for_ticketing_link/").bearer_auth(&user.token);
    let id = request.ask().await.is(201).member("request_id").parse().unwrap();
    let link = gate.issued(id, Some(user.clone())).await;
    let check = gate.get(&format!("/check_ticketing_link/?request_id={id}"));
    check.bearer_auth(&user.token).ask().await.is(200);
    gate.get(&format!("/buy_ticket/{}/?request_id={id}", link.token)).ask().await.is(200);
    gate.get("/request_for_ticketing_link//").ask().await.problem(404, "unknown_route");
}

#[tokio::test]
async fn no_problem_tells_of_databases_or_libraries() {
    let gate = World::shared();
    let quote = "'; drop table accounts; --";
    let answers = [
        gate.login(quote, quote).await.is(401),
        gate.register(
            &json!({ "email": quote, "username": quote, "password": quote, "role": quote }),
        )
        .await
        .is(400),
        gate.get("/check_ticketing_link?request_id=%27%3B--").ask().await.is(400),
        gate.get("/buy_ticket/%27%3B--?request_id=%27").ask().await.is(400),
        gate.get("/buy_ticket/%00").ask().await.is(400),
        gate.get("/link_requests/%FF/events").ask().await.is(400),
    ];
    for answer in answers {
        let text = answer.text.to_lowercase();
        for word in
            ["sql", "select", "postgres", "tokio", "serde", "poem", "panicked", "line 1 column"]
        {
            assert!(!text.contains(word), "{word}: {text}");
        }
    }
}

#[tokio::test]
async fn every_answer_is_named_and_neither_sniffed_nor_referred() {
    let gate = World::shared();
    for path in ["/livez", "/nowhere", "/request_for_ticketing_link", "/check_ticketing_link"] {
        let answer = gate.get(path).header("x-request-id", "my-call-7").ask().await;
        assert_eq!(answer.header("x-request-id"), "my-call-7", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-store");
        let made = gate.get(path).ask().await;
        assert!(made.header("x-request-id").parse::<uuid::Uuid>().is_ok(), "{path}");
        let unfit = gate.get(path).header("x-request-id", "two words").ask().await;
        assert!(unfit.header("x-request-id").parse::<uuid::Uuid>().is_ok(), "{path}");
    }
}

#[tokio::test]
async fn other_origins_may_not_read_answers() {
    let gate = World::shared();
    let from = gate.get("/livez").header("origin", "https://evil.example").ask().await.is(200);
    assert_eq!(from.header("access-control-allow-origin"), "");
}
