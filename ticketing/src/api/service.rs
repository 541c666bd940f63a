//! What operators and other services ask of this one: whether it lives, whether it is ready, its public keys, and what a
//! problem code means. Not here: how readiness is found out, that is for whoever composes the service.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use poem_openapi::param::Path;
use poem_openapi::payload::{Json, PlainText};
use poem_openapi::types::Any;
use poem_openapi::{ApiResponse, Object, OpenApi, Tags};
use serde_json::Value;

use crate::api_error::{ApiError, Code};

#[derive(Tags)]
enum Tag {
    /// Health, keys and the meaning of problems.
    #[oai(rename = "service")]
    Service,
}

/// Whether this replica can take commands, and what works less well than it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// Whether commands can be taken.
    pub ready: bool,
    /// Each part and its state; `ok` or what is wrong with it.
    pub parts: BTreeMap<String, String>,
}

/// Finds out whether this replica is ready.
#[async_trait]
pub trait Probe: Send + Sync {
    /// The present state; quick, and never an error.
    async fn readiness(&self) -> Readiness;
}

/// Whether this replica is ready.
#[derive(Object)]
#[oai(example)]
struct Health {
    /// `ready`, `degraded` or `not_ready`.
    status: String,
    /// Each part and its state: `ok`, or what is wrong with it.
    parts: BTreeMap<String, String>,
}

impl poem_openapi::types::Example for Health {
    fn example() -> Self {
        let parts = [("postgres", "ok"), ("broker", "not connected")];
        let parts = parts.into_iter().map(|(name, state)| (name.to_owned(), state.to_owned()));
        Self { status: "degraded".to_owned(), parts: parts.collect() }
    }
}

#[derive(ApiResponse)]
enum ReadinessAnswer {
    /// Commands are taken
    #[oai(status = 200)]
    Ready(Json<Health>),
    /// Commands can not be taken
    #[oai(status = 503)]
    NotReady(Json<Health>),
}

/// The service's own operations.
pub(super) struct ServiceApi {
    pub(super) probe: Arc<dyn Probe>,
    pub(super) jwks: Arc<dyn Fn() -> String + Send + Sync>,
}

#[OpenApi(tag = "Tag::Service")]
impl ServiceApi {
    /// Whether the process lives
    ///
    /// Answers as long as the process can answer at all.
    #[oai(path = "/livez", method = "get", operation_id = "livez")]
    async fn livez(&self) -> PlainText<&'static str> {
        PlainText("ok")
    }

    /// Whether this replica can take commands
    ///
    /// 503 while it starts, drains, or has no Postgres. Otherwise 200, naming what works less well than it should.
    #[oai(path = "/readyz", method = "get", operation_id = "readyz")]
    async fn readyz(&self) -> ReadinessAnswer {
        let Readiness { ready, parts } = self.probe.readiness().await;
        let degraded = parts.values().any(|state| state != "ok");
        let status = match (ready, degraded) {
            (false, _) => "not_ready",
            (true, true) => "degraded",
            (true, false) => "ready",
        };
        let health = Json(Health { status: status.to_owned(), parts });
        if ready { ReadinessAnswer::Ready(health) } else { ReadinessAnswer::NotReady(health) }
    }

    /// The public keys of login tokens
    ///
    /// A JWK set (RFC 7517). Keys change; read it again when a token names a key that is not in it.
    #[oai(path = "/.well-known/jwks.json", method = "get", operation_id = "jwks")]
    async fn jwks(&self) -> Json<Any<Value>> {
        Json(Any(serde_json::from_str(&(self.jwks)()).unwrap_or_default()))
    }

    /// What a problem code means
    ///
    /// Every problem's `type` leads here.
    ///
    /// Errors: `not_found`.
    #[oai(path = "/problems/:code", method = "get", operation_id = "problem")]
    async fn problem(
        &self,
        /// The code
        #[oai(example = "example_code")]
        code: Path<String>,
    ) -> Result<PlainText<String>, ApiError> {
        let unknown = || ApiError::new(Code::NotFound, "No problem has this code");
        let code = Code::find(&code.0).ok_or_else(unknown)?;
        let (status, title, meaning) = (code.status(), code.title(), code.meaning());
        Ok(PlainText(format!("{title}\nHTTP status {status}\n\n{meaning}\n")))
    }
}

fn example_code() -> String {
    Code::LinkNotYetOpen.as_str().to_owned()
}
