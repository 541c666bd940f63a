//! The figures, one file each.

pub mod accept;
pub mod buy;
pub mod check;
pub mod flows;
pub mod latency;
pub mod process;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;

use super::http::{Connection, get};
use super::stage::Stage;

/// How often a check is repeated before a link is given up. Each waits for the verdict a while by itself.
const CHECKS: usize = 400;
/// The reference for what ends at the broker.
const QUORUM_QUEUE: &str = "quorum queue, one hop";
/// The reference for what is not stored.
const EMPTY_HANDLER: &str = "empty poem handler";

/// What asks for links: one request for each account, made beforehand.
fn requests(stage: &Stage) -> Arc<[(Bytes, String)]> {
    let path = "/request_for_ticketing_link";
    stage.tokens.iter().map(|token| (get(path, Some(token)), token.clone())).collect()
}

/// Asks for a link and checks it until it is there.
async fn flow(
    mut connection: Connection,
    (request, token): &(Bytes, String),
) -> Result<Connection> {
    let made = connection.call(request).await?.expect(201)?;
    let id = made.member("request_id").context("an answer without an id")?;
    let check = get(&format!("/check_ticketing_link?request_id={id}"), Some(token));
    for _ in 0..CHECKS {
        let checked = connection.call(&check).await?.expect(200)?;
        if checked.member("link").is_some() {
            return Ok(connection);
        }
    }
    anyhow::bail!("no link after {CHECKS} checks")
}

/// One of several, in turns.
fn turn<T>(all: &[T], number: u64) -> Option<&T> {
    all.get(usize::try_from(number).ok()? % all.len().max(1))
}

/// As [`super::load::closed`] against the empty handler.
async fn empty(stage: &Stage, lasting: Duration) -> Result<f64> {
    let request = get("/", None);
    super::load::closed(stage.empty.address, lasting, 200, move |_| Some(request.clone())).await
}
