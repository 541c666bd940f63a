//! The edge of the service: everything between a connection and an operation of a context.
//! [`endpoint`] puts the operations of all contexts behind one edge and describes them in one
//! document; [`server`] serves it. Contexts take what they need from the other modules. Not here:
//! any operation of the trade.

pub mod authentication;
pub mod body;
pub mod client_address;
pub mod context;
pub mod cookies;
mod cross_origin;
mod document;
mod edge;
mod field_errors;
pub mod http_metrics;
pub mod idempotent;
pub mod if_match;
mod library_errors;
pub mod money;
pub mod nullable;
mod pages;
pub mod paging;
pub mod rate_limits;
mod response_headers;
mod routes;
pub mod server;
pub mod service;
pub mod test_clock;
pub mod text;
pub mod tier_name;
pub mod timestamp;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use poem::{Endpoint, IntoEndpoint, Response};
use poem_openapi::OpenApi;

pub use context::Context;
pub use document::Document;

use authentication::Authenticator;
use client_address::{MalformedNetwork, TrustedProxies};
use cross_origin::CrossOrigin;
use edge::Edge;
use http_metrics::RouteMetrics;
use pages::Pages;
use routes::{Marks, Routes};
use service::{Probe, ServiceApi};

use crate::config::HttpSettings;

/// Served even under overload: whoever watches the service has to see it.
const ALWAYS: [&str; 3] = ["/livez", "/readyz", "/metrics"];

/// What the edge needs besides the operations.
pub struct Parts {
    /// How HTTP is served.
    pub settings: HttpSettings,
    /// Finds out who is asking.
    pub authenticator: Authenticator,
    /// Finds out whether this replica is ready.
    pub probe: Arc<dyn Probe>,
    /// Renders the metrics for Prometheus.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
    /// The public keys of login tokens, a JWK set.
    pub jwks: Arc<dyn Fn() -> String + Send + Sync>,
    /// Patterns of paths whose GET acts, such as `/buy_ticket/{token}`: it is not done for a
    /// prefetch.
    pub acting_gets: Vec<&'static str>,
    /// Paths that sign out: who is out already is rid of the cookies all the same.
    pub sign_outs: Vec<&'static str>,
}

/// The operations `apis` (those of one context, or a tuple of several) behind the edge.
///
/// # Errors
/// [`MalformedNetwork`] if `TRUSTED_PROXIES` can not be read.
pub fn endpoint<A: OpenApi + 'static>(
    apis: A,
    parts: Parts,
) -> Result<impl Endpoint<Output = Response> + 'static, MalformedNetwork> {
    let own = ServiceApi { probe: parts.probe, jwks: parts.jwks };
    let service = document::service((own, apis));
    let pages = Pages::new(document::<A>, parts.metrics);
    let (acting, sign_outs) = (&parts.acting_gets, &parts.sign_outs);
    let marks = Marks { acting, sign_outs, always: &ALWAYS };
    Ok(Edge {
        routes: Routes::of::<(ServiceApi, A)>(&pages.paths(), marks),
        operations: service.into_endpoint(),
        pages,
        authenticator: parts.authenticator,
        proxies: TrustedProxies::parse(&parts.settings.trusted_proxies)?,
        cross_origin: CrossOrigin::new(
            &parts.settings.allowed_origins,
            &parts.settings.public_url(),
        ),
        deadline: parts.settings.request_timeout(),
        in_flight: AtomicUsize::new(0),
        unmatched: RouteMetrics::default(),
    })
}

/// Describes the operations of `A` and of the service itself.
pub fn document<A: OpenApi>() -> Document {
    document::describe::<(ServiceApi, A)>()
}
