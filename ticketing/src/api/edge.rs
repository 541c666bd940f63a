//! What is done for every request before and after its operation, in this order: an id and a trace,
//! a trailing slash trimmed, HEAD, OPTIONS and prefetches answered, overload refused, the size
//! checked, the caller found; then the operation under a deadline; then library errors and panics
//! turned into problems, headers, metrics and one line in the log. One endpoint instead of a dozen
//! layers: this is the hot path. Not here: what any operation does.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use http::{Method, StatusCode, Uri, header};
use poem::{Endpoint, IntoResponse, Request, Response};

use super::authentication::Authenticator;
use super::body::{BODY_LIMIT, too_large};
use super::client_address::TrustedProxies;
use super::context::Context;
use super::cookies::Cookies;
use super::cross_origin::CrossOrigin;
use super::http_metrics::RouteMetrics;
use super::library_errors;
use super::pages::Pages;
use super::response_headers;
use super::routes::{Route, Routes};
use crate::api_error::{ApiError, Cause, Code};

/// More requests in flight than this are refused with 503: as many as can wait for an append.
const MAX_IN_FLIGHT: usize = 16_384;
/// The headers by which browsers say that they fetch ahead, with the value that says so.
const PREFETCH: [&str; 3] = ["sec-purpose", "purpose", "x-moz"];
/// The name under which requests for no route are counted and logged. Their paths may hold secrets.
const UNMATCHED: &str = "unmatched";

/// The edge around the operations of `E`.
pub(super) struct Edge<E> {
    pub(super) operations: E,
    pub(super) routes: Routes,
    pub(super) pages: Pages,
    pub(super) authenticator: Authenticator,
    pub(super) proxies: TrustedProxies,
    pub(super) cross_origin: CrossOrigin,
    pub(super) deadline: Duration,
    pub(super) in_flight: AtomicUsize,
    pub(super) unmatched: RouteMetrics,
}

impl<E: Endpoint<Output = Response>> Endpoint for Edge<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let started = Instant::now();
        trim_trailing_slash(&mut request);
        let peer = request.remote_addr().as_socket_addr().map(std::net::SocketAddr::ip);
        let client = self.proxies.client(peer, request.headers());
        let context = Context::read(request.headers(), client);
        let route = self.routes.find(request.uri().path());
        let method = request.method().clone();
        let origin = request.headers().get(header::ORIGIN).cloned();

        let answered = self.answer(route, &method, context.clone(), request).await;
        let mut response = answered.unwrap_or_else(IntoResponse::into_response);

        if response.status() == StatusCode::UNAUTHORIZED && route.is_some_and(|r| r.signs_out) {
            for cookie in Cookies::ended() {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
        response_headers::complete(response.headers_mut(), &context);
        self.cross_origin.complete(origin.as_ref(), response.headers_mut());
        let pattern = route.map_or(UNMATCHED, |route| route.pattern.as_str());
        let metrics = route.map_or(&self.unmatched, |route| &route.metrics);
        let took = started.elapsed();
        metrics.record(pattern, &method, response.status(), took);
        log(&context, &method, pattern, &response, took);
        Ok(response)
    }
}

impl<E: Endpoint<Output = Response>> Edge<E> {
    async fn answer(
        &self,
        route: Option<&Route>,
        method: &Method,
        mut context: Context,
        mut request: Request,
    ) -> Result<Response, ApiError> {
        let route =
            route.ok_or_else(|| ApiError::new(Code::UnknownRoute, "There is nothing here"))?;
        if method == Method::HEAD && route.operation(&Method::GET).is_some() {
            return Ok(Response::default());
        }
        let operation = match route.operation(method) {
            Some(operation) => operation,
            None if method == Method::OPTIONS => {
                return Ok(self.cross_origin.preflight(route, request.headers()));
            }
            None => {
                return Err(ApiError::new(Code::MethodNotAllowed, "Not with this method")
                    .header(header::ALLOW, route.allow.clone()));
            }
        };
        if route.acting && method == Method::GET && is_prefetch(&request) {
            return Err(ApiError::new(Code::PrefetchRefused, "This is not done ahead of its use"));
        }
        if self.cross_origin.forges(method, operation.sets_cookies, request.headers()) {
            let detail = "A page of another origin can not do this with your cookies, nor set them";
            return Err(ApiError::new(Code::ForeignOrigin, detail));
        }
        let _in_flight = match route.always {
            true => None,
            false => Some(InFlight::enter(&self.in_flight)?),
        };
        if announces_too_much(&request) {
            return Err(too_large());
        }
        if operation.takes_credentials {
            context.caller = self.authenticator.authenticate(request.headers())?;
        }
        if let Some(page) = self.pages.find(&route.pattern) {
            return Ok(page);
        }
        request.extensions_mut().insert(context);
        let operation = AssertUnwindSafe(self.operations.call(request)).catch_unwind();
        match tokio::time::timeout(self.deadline, operation).await {
            Ok(Ok(Ok(response))) => Ok(response),
            Ok(Ok(Err(error))) => library_errors::answer(error, route),
            Ok(Err(_panic)) => Err(ApiError::internal(&Panicked)),
            Err(_elapsed) => Err(ApiError::new(
                Code::TimedOut,
                "This took too long; whether it was done is not known",
            )
            .retry_after(Duration::from_secs(1))),
        }
    }
}

/// The operation panicked; the panic itself was reported where it happened.
#[derive(Debug, thiserror::Error)]
#[error("the operation panicked")]
struct Panicked;

/// Counts a request as in flight until dropped.
struct InFlight<'a>(&'a AtomicUsize);

impl<'a> InFlight<'a> {
    fn enter(count: &'a AtomicUsize) -> Result<Self, ApiError> {
        // Entered before it is judged, so that dropping always leaves.
        let entered = Self(count);
        if count.fetch_add(1, Ordering::Relaxed) < MAX_IN_FLIGHT {
            return Ok(entered);
        }
        Err(ApiError::overloaded())
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// With or without one trailing slash is the same route.
fn trim_trailing_slash(request: &mut Request) {
    let uri = request.uri();
    let path = uri.path();
    let Some(trimmed) = path.strip_suffix('/').filter(|path| !path.is_empty()) else { return };
    let trimmed = match uri.query() {
        Some(query) => format!("{trimmed}?{query}"),
        None => trimmed.to_owned(),
    };
    // `//` and the like do not make a URI; they stay as they are, and are no route.
    if let Ok(uri) = trimmed.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
}

fn is_prefetch(request: &Request) -> bool {
    PREFETCH.iter().any(|name| {
        let value = request.headers().get(*name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| {
            value.split([';', ',']).any(|part| part.trim().eq_ignore_ascii_case("prefetch"))
        })
    })
}

fn announces_too_much(request: &Request) -> bool {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    length.is_some_and(|length| usize::try_from(length).is_ok_and(|l| l > BODY_LIMIT))
}

/// One line for each request. Never its path or query: they may hold tokens.
fn log(context: &Context, method: &Method, route: &str, response: &Response, took: Duration) {
    let status = response.status();
    let duration_ms = took.as_micros() as f64 / 1_000.0;
    let trace = format_args!("{:032x}", context.trace.trace);
    let cause = response.extensions().get::<Cause>().map(|cause| cause.0.as_ref());
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(
            target: "access", %method, route, status = status.as_u16(), duration_ms,
            request_id = %context.request_id, trace_id = trace, cause, "request failed"
        );
    } else {
        tracing::info!(
            target: "access", %method, route, status = status.as_u16(), duration_ms,
            request_id = %context.request_id, trace_id = trace, cause, "request"
        );
    }
}

#[cfg(test)]
mod tests;
