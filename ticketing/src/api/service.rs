//! What operators and other services ask of this one: whether it lives, whether it is ready, its
//! public keys, and what a problem code means. Not here: how readiness is found out, that is for
//! whoever composes the service.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use poem_openapi::param::Path;
use poem_openapi::payload::{Json, PlainText};
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi, Tags};
use serde::Deserialize;

use crate::api_error::{ApiError, Code};

/// After how long a replica that is not ready may be, seconds.
const ASK_AGAIN_SECONDS: u64 = 1;

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

impl Example for Health {
    fn example() -> Self {
        let parts = [("postgres", "ok"), ("broker", "not connected")];
        let parts = parts.into_iter().map(|(name, state)| (name.to_owned(), state.to_owned()));
        Self { status: "degraded".to_owned(), parts: parts.collect() }
    }
}

/// Public keys (RFC 7517).
#[derive(Default, Deserialize, Object)]
#[oai(rename = "KeySet", example)]
struct KeySet {
    /// Those that sign, will sign, or signed tokens that may still be valid.
    keys: Vec<PublicKey>,
}

/// A public key for ES256 (RFC 7518, section 6.2).
#[derive(Deserialize, Object)]
struct PublicKey {
    /// `EC`
    kty: String,
    /// `P-256`
    crv: String,
    /// One coordinate, base64url.
    x: String,
    /// The other coordinate, base64url.
    y: String,
    /// The key's id: its thumbprint (RFC 7638).
    kid: String,
    /// `ES256`
    alg: String,
    /// `sig`
    #[oai(rename = "use")]
    #[serde(rename = "use")]
    key_use: String,
}

impl Example for KeySet {
    fn example() -> Self {
        let key = PublicKey {
            kty: "EC".to_owned(),
            crv: "P-256".to_owned(),
            x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU".to_owned(),
            y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0".to_owned(),
            kid: "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U".to_owned(),
            alg: "ES256".to_owned(),
            key_use: "sig".to_owned(),
        };
        Self { keys: vec![key] }
    }
}

#[derive(ApiResponse)]
enum LivenessAnswer {
    /// The process lives
    #[oai(status = 200)]
    Lives(PlainText<&'static str>),
}

#[derive(ApiResponse)]
enum ReadinessAnswer {
    /// Commands are taken
    #[oai(status = 200)]
    Ready(Json<Health>),
    /// Commands can not be taken
    #[oai(status = 503)]
    NotReady(
        Json<Health>,
        /// After how many seconds asking again can help
        #[oai(header = "Retry-After")]
        u64,
    ),
}

#[derive(ApiResponse)]
enum KeysAnswer {
    /// The keys
    #[oai(status = 200)]
    Keys(Json<KeySet>),
}

#[derive(ApiResponse)]
enum MeaningAnswer {
    /// What it means
    #[oai(status = 200)]
    Meaning(PlainText<String>),
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
    async fn livez(&self) -> LivenessAnswer {
        LivenessAnswer::Lives(PlainText("ok"))
    }

    /// Whether this replica can take commands
    ///
    /// 503 while it starts, drains, or has no Postgres. Otherwise 200, naming what works less well
    /// than it should.
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
        if ready {
            ReadinessAnswer::Ready(health)
        } else {
            ReadinessAnswer::NotReady(health, ASK_AGAIN_SECONDS)
        }
    }

    /// The public keys of login tokens
    ///
    /// A JWK set (RFC 7517). Keys change; read it again when a token names a key that is not in it.
    #[oai(path = "/.well-known/jwks.json", method = "get", operation_id = "jwks")]
    async fn jwks(&self) -> KeysAnswer {
        KeysAnswer::Keys(Json(serde_json::from_str(&(self.jwks)()).unwrap_or_default()))
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
    ) -> Result<MeaningAnswer, ApiError> {
        let unknown = || ApiError::new(Code::NotFound, "No problem has this code");
        let code = Code::find(&code.0).ok_or_else(unknown)?;
        let (status, title, meaning) = (code.status(), code.title(), code.meaning());
        let text = format!("{title}\nHTTP status {status}\n\n{meaning}\n");
        Ok(MeaningAnswer::Meaning(PlainText(text)))
    }
}

fn example_code() -> String {
    Code::LinkNotYetOpen.as_str().to_owned()
}
