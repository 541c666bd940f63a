//! How many checks of an open link are answered per second, beside an empty handler: what one read costs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;

use crate::bench::http::{Connection, get};
use crate::bench::load::closed;
use crate::bench::rounds::{Reference, Row, Series, in_turns};
use crate::bench::stage::Stage;

use super::{EMPTY_HANDLER, empty, requests, turn};

/// Links that are checked in turns.
const LINKS: u64 = 500;

/// Checks of open links, each by the account it belongs to.
///
/// # Errors
/// If a check is not answered, or a link is not open.
pub async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let checks = open_links(stage).await?;
    let ours = async |lasting: Duration| {
        let checks = Arc::clone(&checks);
        closed(stage.address, lasting, 200, move |number| turn(&checks, number).cloned()).await
    };
    let (ours, others) = in_turns(stage, ours, async |lasting| empty(stage, lasting).await).await?;
    let reference = Some(Reference { what: EMPTY_HANDLER, series: Series(others) });
    let name = "checks of an open link";
    Ok(vec![Row { name, unit: "1/s", ours: Series(ours), reference }])
}

/// The checks of links that are open.
async fn open_links(stage: &Stage) -> Result<Arc<[Bytes]>> {
    let requests = requests(stage);
    let mut connection = Connection::open(stage.address).await?;
    let mut checks = Vec::new();
    for number in 0..LINKS {
        let (request, token) = turn(&requests, number).context("an account")?;
        let made = connection.call(request).await?.expect(201)?;
        let id = made.member("request_id").context("an answer without an id")?;
        checks.push(get(&format!("/check_ticketing_link?request_id={id}"), Some(token)));
    }
    stage.settled().await?;
    for check in &checks {
        let checked = connection.call(check).await?.expect(200)?;
        checked.member("link").with_context(|| format!("not open: {}", checked.body))?;
    }
    Ok(checks.into())
}
