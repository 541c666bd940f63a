//! How many checks are answered per second, beside an empty handler: of a link that is open (what
//! one read costs), and of one that has its verdict and still waits for its time.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;

use crate::bench::http::{Connection, get};
use crate::bench::load::closed;
use crate::bench::rounds::in_turns;
use crate::bench::row::{Row, Series, Target};
use crate::bench::stage::Stage;

use super::{CHECK, EMPTY_HANDLER, REQUEST, empty, turn};

/// Links that are checked in turns.
const LINKS: usize = 500;

#[derive(Clone, Copy)]
enum Side {
    Open,
    Waiting,
    Reference,
}

/// Checks, each by the account it belongs to.
///
/// # Errors
/// If a check is not answered, or does not say what it should.
pub async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let open = checks(stage, &stage.accounts.premium).await?;
    let waiting = checks(stage, std::slice::from_ref(&stage.accounts.standard)).await?;
    expect(stage, &open, "link").await?;
    expect(stage, &waiting, "opens_at").await?;
    let measured = in_turns(stage, [Side::Open, Side::Waiting, Side::Reference], {
        async |side, lasting| {
            let checks = match side {
                Side::Open => Arc::clone(&open),
                Side::Waiting => Arc::clone(&waiting),
                Side::Reference => return empty(stage, lasting).await,
            };
            closed(stage.address, lasting, 200, move |number| turn(&checks, number).cloned()).await
        }
    });
    let measured = measured.await?;
    // They still do, so every answer in between was of this kind.
    expect(stage, &open, "link").await?;
    expect(stage, &waiting, "opens_at").await?;
    let [open, waiting, reference] = measured.map(Series);
    let row = |name, ours, target| {
        let row = Row::new(name, "1/s", ours).beside(EMPTY_HANDLER, &reference);
        row.should_be(Target::RatioAtLeast(target))
    };
    Ok(vec![row("checks of an open link", open, 0.35), row("checks, still waiting", waiting, 0.5)])
}

/// Checks of new requests by these accounts in turns.
pub(super) async fn checks(stage: &Stage, tokens: &[String]) -> Result<Arc<[Bytes]>> {
    let mut connection = Connection::open(stage.address).await?;
    let mut checks = Vec::with_capacity(LINKS);
    for token in tokens.iter().cycle().take(LINKS) {
        let made = connection.call(&get(REQUEST, Some(token))).await?.expect(201)?;
        let id = made.member("request_id").context("an answer without an id")?;
        checks.push(get(&format!("{CHECK}{id}"), Some(token)));
    }
    stage.settled().await?;
    Ok(checks.into())
}

/// Fails unless every answer has this member.
async fn expect(stage: &Stage, checks: &[Bytes], member: &str) -> Result<()> {
    let mut connection = Connection::open(stage.address).await?;
    for check in checks {
        let checked = connection.call(check).await?.expect(200)?;
        ensure!(checked.member(member).is_some(), "no {member}: {}", checked.body);
    }
    Ok(())
}
