//! Links that are issued, open and unused, written straight into history: asking for as many would take longer than
//! using them. The tokens are signed with the system's own key, so `ticketing` can not tell them from any other.

use std::fs;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::DomainEvent;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use shared_events::topology::LINKS_LOG;
use shared_events::verdict::{
    LINK_TOKEN_AUDIENCE, LINK_TOKEN_ISSUER, LINK_TOKEN_TYPE, LinkTokenClaims,
};
use shared_events::{LinkRequestEvent, Outcome, RequestId, Requester, Tier, TokenId};
use tokio_postgres::Transaction;
use uuid::Uuid;

use super::stage::Stage;

/// How long the links stay open.
const OPEN: TimeDelta = TimeDelta::hours(1);
/// Links written by one statement.
const CHUNK: usize = 5_000;
/// The aggregate they are.
const AGGREGATE: &str = "link_request";

/// One link.
#[derive(Clone, Debug)]
pub struct Link {
    /// Which request.
    pub id: Uuid,
    /// The token it carries.
    pub token: String,
}

/// Makes `count` links of guests. `ticketing` is stopped meanwhile; afterwards it projects them from the store. They
/// are not relayed: nobody has anything left to decide about them.
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
    let head = "select coalesce(max(position), 0), now() from events where log = $1";
    let head = transaction.query_one(head, &[&LINKS_LOG]).await?;
    let (mut head, now): (i64, DateTime<Utc>) = (head.try_get(0)?, head.try_get(1)?);
    let mut links = Vec::with_capacity(count);
    while links.len() < count {
        let mut tokens = Vec::with_capacity(CHUNK);
        let mut ids = Vec::with_capacity(CHUNK);
        for _ in links.len()..count.min(links.len() + CHUNK) {
            let (id, token) = (Uuid::now_v7(), Uuid::new_v4());
            links.push(Link { id, token: key.sign(id, token, now)? });
            ids.push(id);
            tokens.push(token);
        }
        for (sequence, event) in (1_i64..).zip(events(now)) {
            insert(&transaction, &event, (head, sequence), &ids, &tokens, now).await?;
        }
        head += 3 * i64::try_from(ids.len())?;
    }
    let relayed = "update relay_cursors set position = $2 where log = $1";
    if transaction.execute(relayed, &[&LINKS_LOG, &head]).await? != 1 {
        bail!("the log has no relay");
    }
    transaction.commit().await?;
    Ok(links)
}

/// The events before a link can be used. The token differs in each stream.
fn events(now: DateTime<Utc>) -> [LinkRequestEvent; 3] {
    [
        LinkRequestEvent::Requested {
            requester: Requester::Guest,
            tier: Tier::Default,
            requested_at: now,
        },
        LinkRequestEvent::RuleEvaluated {
            rule: "instant".to_owned(),
            rule_set_version: "bench".to_owned(),
            outcome: Outcome::Opens { opens_at: now, closes_at: now + OPEN },
        },
        LinkRequestEvent::LinkIssued { token_id: TokenId(Uuid::nil()) },
    ]
}

/// Writes one event of each stream; the streams lie one behind the other in the log.
async fn insert(
    transaction: &Transaction<'_>,
    event: &LinkRequestEvent,
    (head, sequence): (i64, i64),
    ids: &[Uuid],
    tokens: &[Uuid],
    now: DateTime<Utc>,
) -> Result<()> {
    let text = "insert into events (log, position, event_id, aggregate, aggregate_id, sequence, \
            event_type, event_version, recorded_at, correlation, payload) \
        select $1, $2 + 3 * (s.nth - 1) + $3, gen_random_uuid(), $4, s.id, $3, $5, $6, $7, s.id, \
            replace($8, $9, s.token::text)::jsonb \
        from unnest($10::uuid[], $11::uuid[]) with ordinality s(id, token, nth)";
    let (kind, version) = (event.event_type(), event.event_version());
    let payload = serde_json::to_string(event)?;
    let any_token = Uuid::nil().to_string();
    let count = transaction
        .execute(
            text,
            &[
                &LINKS_LOG, &head, &sequence, &AGGREGATE, &kind, &version, &now, &payload,
                &any_token, &ids, &tokens,
            ],
        )
        .await?;
    if count != u64::try_from(ids.len())? {
        bail!("{count} of {} events were written", ids.len());
    }
    Ok(())
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
