//! What a provider's answers mean.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use poem::endpoint::make_sync;
use poem::http::StatusCode;
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{Response, Server};

use super::*;

/// An earlier system read ids as numbers and lost digits.
#[test]
fn an_id_keeps_all_of_its_digits() {
    for (json, id) in [
        (r#"{"id":"10223456789012345678901"}"#, "10223456789012345678901"),
        (r#"{"id":10223456789012345678901}"#, "10223456789012345678901"),
        (r#"{"sub":"a-b","given_name":"John"}"#, "a-b"),
    ] {
        assert_eq!(serde_json::from_str::<OAuthUser>(json).unwrap().id, id);
    }
}

/// Where nobody listens.
const NOBODY: &str = "http://127.0.0.1:1";

fn provider(protocol: Protocol) -> IdentityProvider {
    let registration = Registration {
        client_id: "x".to_owned(),
        client_secret: "y".into(),
        redirect_url: "http://localhost/redirect".to_owned(),
    };
    IdentityProvider::new("test", registration, protocol).unwrap()
}

/// A server that answers everything alike, until the test ends; and how often it was asked.
async fn answering(status: u16, body: &'static str) -> (String, Arc<AtomicUsize>) {
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
    let address = *acceptor.local_addr()[0].as_socket_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let (counted, status) = (Arc::clone(&asked), StatusCode::from_u16(status).unwrap());
    let answer = make_sync(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Response::builder().status(status).content_type("application/json").body(body)
    });
    tokio::spawn(Server::new_with_acceptor(acceptor).run(answer));
    (format!("http://{address}"), asked)
}

/// What comes of a code at this address.
async fn exchange(token_url: String) -> ProviderError {
    let nobody = || NOBODY.to_owned();
    let protocol = Protocol::OAuth { authorize_url: nobody(), token_url, user_url: nobody() };
    let proof = Proof {
        code: "x".to_owned(),
        issuer: None,
        nonce: String::new(),
        verifier: "x".repeat(43),
    };
    provider(protocol).finish(proof, DateTime::UNIX_EPOCH).await.unwrap_err()
}

#[tokio::test]
async fn a_code_is_refused_by_the_provider_itself_only() {
    // Facebook's errors are not those of OAuth 2.
    let facebooks = r#"{"error":{"message":"Invalid code","type":"OAuthException","code":100}}"#;
    for (status, body) in [(400, r#"{"error":"invalid_grant"}"#), (400, facebooks)] {
        let refused = exchange(answering(status, body).await.0).await;
        assert!(matches!(refused, ProviderError::Refused(_)), "{body}: {refused:?}");
    }
    for (status, body) in [
        (500, "{}"),
        (503, r#"{"error":"temporarily_unavailable"}"#),
        (429, r#"{"error":"slow_down"}"#),
        (200, "<html>"),
        (400, "<html>"),
        (302, ""),
    ] {
        let away = exchange(answering(status, body).await.0).await;
        assert!(matches!(away, ProviderError::Away(_)), "{status} {body}: {away:?}");
    }
    let away = exchange(NOBODY.to_owned()).await;
    assert!(matches!(away, ProviderError::Away(_)), "{away:?}");
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_not_asked_by_everybody() {
    let (issuer, asked) = answering(503, "").await;
    let provider = provider(Protocol::OpenId { issuer });
    for _ in 0..3 {
        assert!(matches!(provider.begin().await, Err(ProviderError::Away(_))));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}
