//! Links that are issued, open and unused, written straight into history: asking for as many would
//! take longer than using them. The tokens are signed with the system's own key, so `ticketing` can
//! not tell them from any other.

use std::fs;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use shared_events::verdict::{
    LINK_TOKEN_AUDIENCE, LINK_TOKEN_ISSUER, LINK_TOKEN_TYPE, LinkTokenClaims,
};
use shared_events::{RequestId, TokenId};
use uuid::Uuid;

use super::history::{self, OPEN, Stream};
use super::stage::Stage;

/// One link.
#[derive(Clone, Debug)]
pub struct Link {
    /// Which request.
    pub id: Uuid,
    /// The token it carries.
    pub token: String,
}

/// Makes `count` links of guests. `ticketing` is stopped meanwhile; afterwards it projects them
/// from the store. They are not relayed: nobody has anything left to decide about them.
///
/// # Errors
/// If a service or Postgres refuses anything.
pub async fn issued_links(stage: &mut Stage, count: usize) -> Result<Vec<Link>> {
    stage.settled().await?;
    stage.system.ticketing.stop().await?;
    let links = write(stage, count).await;
    stage.system.ticketing.start().await?;
    stage.settled().await?;
    // What was written at once is tidied up at once, not while something is measured.
    for tidy in ["vacuum analyze events", "vacuum analyze link_status", "checkpoint"] {
        stage.database.batch_execute(tidy).await?;
    }
    links
}

async fn write(stage: &mut Stage, count: usize) -> Result<Vec<Link>> {
    let key = Signer::of(stage)?;
    let transaction = stage.database.transaction().await?;
    let (head, now) = history::head(&transaction).await?;
    let streams: Vec<_> = std::iter::repeat_with(Stream::new).take(count).collect();
    let head =
        history::write(&transaction, (head, now), &history::open_link(now), &streams).await?;
    history::relayed(&transaction, head).await?;
    transaction.commit().await?;
    let link = |&Stream { id, token }: &Stream| Ok(Link { id, token: key.sign(id, token, now)? });
    streams.iter().map(link).collect()
}

/// Signs as the rule service of this system does.
struct Signer {
    key: EncodingKey,
    header: Header,
}

impl Signer {
    fn of(stage: &Stage) -> Result<Self> {
        let home = &stage.system.wiring.home;
        let pem = fs::read(home.key("link.pem")).context("the link key")?;
        let key = EncodingKey::from_ec_pem(&pem)?;
        let public: JwkSet = serde_json::from_slice(&fs::read(home.key("link.jwks.json"))?)?;
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(LINK_TOKEN_TYPE.to_owned());
        header.kid = public.keys.first().and_then(|key| key.common.key_id.clone());
        Ok(Self { key, header })
    }

    fn sign(&self, request: Uuid, token: Uuid, now: DateTime<Utc>) -> Result<String> {
        let claims = LinkTokenClaims {
            iss: LINK_TOKEN_ISSUER.to_owned(),
            aud: LINK_TOKEN_AUDIENCE.to_owned(),
            sub: RequestId(request),
            jti: TokenId(token),
            nbf: now.timestamp(),
            exp: (now + OPEN).timestamp(),
        };
        Ok(encode(&self.header, &claims, &self.key)?)
    }
}
