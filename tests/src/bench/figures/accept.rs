//! How many requests for a link are accepted per second: 201 is the promise that the request is stored. Beside pgbench
//! storing one event for each.

use anyhow::Result;

use crate::bench::http::get;
use crate::bench::load::closed;
use crate::bench::pgbench::{self, Pgbench};
use crate::bench::rounds::{Reference, Row, Series, in_turns};
use crate::bench::stage::Stage;

use super::{requests, turn};

/// As a guest, then with a login.
///
/// # Errors
/// If a request is not accepted.
pub async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let pgbench = Pgbench::prepare(stage).await?;
    let row = |name, (ours, others)| {
        let reference = Reference { what: pgbench::NAME, series: Series(others) };
        Row { name, unit: "1/s", ours: Series(ours), reference: Some(reference) }
    };
    let as_guest = async |lasting| {
        let request = get("/request_for_ticketing_link", None);
        closed(stage.address, lasting, 201, move |_| Some(request.clone())).await
    };
    let with_login = async |lasting| {
        let requests = requests(stage);
        let request = move |number| turn(&requests, number).map(|(request, _)| request.clone());
        closed(stage.address, lasting, 201, request).await
    };
    let reference = async |lasting| pgbench.run(lasting).await;
    Ok(vec![
        row("requests accepted, guest", in_turns(stage, as_guest, reference).await?),
        row("requests accepted, Bearer", in_turns(stage, with_login, reference).await?),
    ])
}
