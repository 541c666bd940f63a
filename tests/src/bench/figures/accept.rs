//! How many requests for a link are accepted per second: 201 is the promise that the request is
//! stored. With the relay running, and paused, which is what accepting alone costs. Beside pgbench
//! storing one event for each.

use anyhow::Result;
use shared_events::topology::LINKS_LOG;

use crate::bench::http::get;
use crate::bench::load::closed;
use crate::bench::pgbench::{self, Pgbench};
use crate::bench::relay::PausedRelay;
use crate::bench::rounds::in_turns;
use crate::bench::row::{Row, Series, Target};
use crate::bench::stage::Stage;

use super::{REQUEST, requests, turn};

const GUEST: Target = Target::RatioAtLeast(1.3);
const BEARER: Target = Target::RatioAtLeast(1.0);

#[derive(Clone, Copy)]
enum Side {
    Guest,
    Bearer,
    GuestAlone,
    BearerAlone,
    Reference,
}

/// As a guest and with a login.
///
/// # Errors
/// If a request is not accepted.
pub async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let pgbench = Pgbench::prepare(stage).await?;
    let as_guest = async |lasting| {
        let request = get(REQUEST, None);
        closed(stage.address, lasting, 201, move |_| Some(request.clone())).await
    };
    let with_login = async |lasting| {
        let requests = requests(stage);
        let request = move |number| turn(&requests, number).map(|(request, _)| request.clone());
        closed(stage.address, lasting, 201, request).await
    };
    let sides = [Side::Guest, Side::Bearer, Side::GuestAlone, Side::BearerAlone, Side::Reference];
    let measured = in_turns(stage, sides, async |side, lasting| {
        if let Side::Reference = side {
            return pgbench.run(lasting).await;
        }
        let paused = match side {
            Side::GuestAlone | Side::BearerAlone => {
                Some(PausedRelay::begin(&stage.system.wiring.database_url, LINKS_LOG).await?)
            }
            _ => None,
        };
        let rate = match side {
            Side::Guest | Side::GuestAlone => as_guest(lasting).await?,
            _ => with_login(lasting).await?,
        };
        if let Some(paused) = paused {
            paused.end().await?;
        }
        Ok(rate)
    });
    let [guest, bearer, guest_alone, bearer_alone, reference] = measured.await?.map(Series);
    let row = |name, ours, target| {
        Row::new(name, "1/s", ours).beside(pgbench::NAME, &reference).should_be(target)
    };
    Ok(vec![
        row("requests accepted, guest", guest, GUEST),
        row("requests accepted, Bearer", bearer, BEARER),
        row("… guest, relay paused", guest_alone, GUEST),
        row("… Bearer, relay paused", bearer_alone, BEARER),
    ])
}
