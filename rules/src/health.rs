//! Health and metrics over HTTP, for probes and Prometheus: `/livez`, `/readyz`, `/metrics`. Meant
//! for loopback or a closed network; there is no API here and nothing that changes anything.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::rule_set::RuleSet;

/// More at once are left waiting: a probe needs one, a scraper one.
const MOST_CONNECTIONS: usize = 64;
/// How long a client may take to say what it wants.
const HEADER_LIMIT: Duration = Duration::from_secs(5);
/// How long one connection may be kept.
const CONNECTION_LIMIT: Duration = Duration::from_secs(60);
/// A pause after a failed accept: it fails at once when there are no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";

/// Whether this service does its work.
#[derive(Debug, Default)]
pub struct Status {
    connected: AtomicBool,
    stopping: AtomicBool,
}

impl Status {
    /// Says whether requests are being taken from the broker; sets the gauge
    /// `rules_broker_connected`.
    pub fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Relaxed);
        metrics::gauge!("rules_broker_connected").set(if connected { 1.0 } else { 0.0 });
    }

    /// Says that the service is being stopped: it finishes what it has and takes nothing more.
    pub fn set_stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    fn is_ready(&self) -> bool {
        self.connected.load(Ordering::Relaxed) && !self.stopping.load(Ordering::Relaxed)
    }
}

/// What the answers are made of.
pub struct Health {
    /// Whether requests are taken.
    pub status: Arc<Status>,
    /// The rules in force.
    pub rules: watch::Receiver<Arc<RuleSet>>,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
}

/// Serves until `stop`. A failing connection concerns nobody else.
pub async fn serve(listener: TcpListener, health: Arc<Health>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let Some((place, accepted)) = stop.run_until_cancelled(next).await else { return };
        match accepted {
            Ok((stream, peer)) => {
                let health = health.clone();
                tokio::spawn(async move {
                    serve_connection(stream, peer, health).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a health connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, peer: SocketAddr, health: Arc<Health>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = respond(&health, request.method(), request.uri().path());
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT)
        .serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = tokio::time::timeout(CONNECTION_LIMIT, connection).await {
        tracing::debug!(%error, %peer, "a health connection ended badly");
    }
}

fn respond(health: &Health, method: &Method, path: &str) -> Response<Full<Bytes>> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut refused = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET\n".to_owned());
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match path {
        "/livez" => response(StatusCode::OK, TEXT, "alive\n".to_owned()),
        "/readyz" => ready(health),
        "/metrics" => response(StatusCode::OK, METRICS, health.metrics.render()),
        _ => response(StatusCode::NOT_FOUND, TEXT, "nothing here\n".to_owned()),
    }
}

fn ready(health: &Health) -> Response<Full<Bytes>> {
    let is_ready = health.status.is_ready();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let connected = health.status.connected.load(Ordering::Relaxed);
    let body = serde_json::json!({
        "ready": is_ready,
        "broker": if connected { "connected" } else { "away" },
        "stopping": health.status.stopping.load(Ordering::Relaxed),
        "rule_set_version": health.rules.borrow().version(),
    });
    response(status, JSON, format!("{body}\n"))
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::PrometheusBuilder;

    fn health() -> Health {
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let rules = crate::rules_file::built_in().expect("rules");
        Health { status: Arc::default(), rules, metrics }
    }

    fn status_of(health: &Health, path: &str) -> u16 {
        respond(health, &Method::GET, path).status().as_u16()
    }

    #[test]
    fn it_is_alive_without_a_broker_but_ready_only_with_one() {
        let health = health();
        assert_eq!((status_of(&health, "/livez"), status_of(&health, "/readyz")), (200, 503));
        health.status.set_connected(true);
        assert_eq!((status_of(&health, "/livez"), status_of(&health, "/readyz")), (200, 200));
        health.status.set_connected(false);
        assert_eq!((status_of(&health, "/livez"), status_of(&health, "/readyz")), (200, 503));
    }

    #[test]
    fn it_is_not_ready_while_it_stops() {
        let health = health();
        health.status.set_connected(true);
        health.status.set_stopping();
        assert_eq!((status_of(&health, "/livez"), status_of(&health, "/readyz")), (200, 503));
    }

    #[test]
    fn nothing_else_is_served_and_nothing_can_be_changed() {
        let health = health();
        assert_eq!(status_of(&health, "/"), 404);
        let refused = respond(&health, &Method::POST, "/livez");
        assert_eq!(refused.status(), 405);
        assert_eq!(refused.headers()[ALLOW], "GET, HEAD");
    }
}
