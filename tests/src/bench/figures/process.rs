//! What the two services cost to run: from start to ready, memory at rest, while requests are
//! accepted and after logins. Beside the process of the empty handler. Broker and database are
//! there before.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{Instant, interval};

use crate::bench::accounts;
use crate::bench::empty_server::EmptyServer;
use crate::bench::http::{Connection, get};
use crate::bench::load::closed;
use crate::bench::row::{Row, Series, Target};
use crate::bench::stage::Stage;
use crate::bench::usage::{memory, most_memory};
use crate::service::Service;

use super::{EMPTY_HANDLER, REQUEST, empty};

/// How often it is asked whether a service is ready.
const ASK: Duration = Duration::from_millis(2);
const START_LIMIT: Duration = Duration::from_secs(60);
/// Of each of the accounts: a password hash takes 19 MiB for a moment, and should give them back.
const LOGINS_EACH: usize = 4;
const MILLISECONDS: f64 = 1_000.0;
/// Start to ready, ms.
const START: f64 = 1_000.0;

/// One service, or the empty handler beside it.
#[derive(Default)]
struct Process {
    start: Series,
    rest: Series,
    busy: Series,
    peak: Series,
    logged_in: Series,
}

impl Process {
    async fn at_rest(&mut self, begun: Instant, pid: i32) -> Result<()> {
        self.start.0.push(begun.elapsed().as_secs_f64() * MILLISECONDS);
        self.rest.0.push(memory(pid)?.resident);
        Ok(())
    }

    fn after_load(&mut self, pid: i32, most: f64) -> Result<()> {
        self.busy.0.push(most);
        self.peak.0.push(memory(pid)?.peak);
        Ok(())
    }
}

/// Every round starts both services and the empty handler afresh.
///
/// # Errors
/// If one does not start, or a request is not accepted.
pub async fn measure(stage: &mut Stage) -> Result<Vec<Row>> {
    let [mut ticketing, mut rules, mut handler] = <[Process; 3]>::default();
    for _ in 0..stage.plan.rounds {
        stage.settled().await?;
        let rules_bind = stage.system.wiring.rules_bind;
        let begun = restart(&mut stage.system.rules, rules_bind).await?;
        let rules_pid = pid(&mut stage.system.rules)?;
        rules.at_rest(begun, rules_pid).await?;
        let begun = restart(&mut stage.system.ticketing, stage.address).await?;
        let ticketing_pid = pid(&mut stage.system.ticketing)?;
        ticketing.at_rest(begun, ticketing_pid).await?;
        let begun = Instant::now();
        stage.empty = EmptyServer::start().await?;
        ready(stage.empty.address).await?;
        let handler_pid = i32::try_from(stage.empty.pid().context("the empty server runs")?)?;
        handler.at_rest(begun, handler_pid).await?;

        stage.settled().await?;
        let request = get(REQUEST, None);
        let lasting = stage.plan.lasting;
        let accepting = closed(stage.address, lasting, 201, move |_| Some(request.clone()));
        let accepting = async {
            let rate = accepting.await?;
            // What was accepted is worked off: that is load too.
            stage.settled().await.map(|()| rate)
        };
        let [most_ticketing, most_rules] =
            most_memory([ticketing_pid, rules_pid], accepting).await?;
        ticketing.after_load(ticketing_pid, most_ticketing)?;
        rules.after_load(rules_pid, most_rules)?;
        log_in_again(stage.address).await?;
        ticketing.logged_in.0.push(memory(ticketing_pid)?.resident);
        let [most] = most_memory([handler_pid], empty(stage, lasting)).await?;
        handler.after_load(handler_pid, most)?;
    }
    Ok(rows(ticketing, rules, handler))
}

fn rows(ticketing: Process, rules: Process, handler: Process) -> Vec<Row> {
    let row = |name, unit, ours, beside: &Series| {
        Row::new(name, unit, ours).beside(EMPTY_HANDLER, beside)
    };
    let start = |name, ours| row(name, "ms", ours, &handler.start).should_be(Target::AtMost(START));
    let memory = |name, ours, beside: &Series, most| {
        row(name, "MiB", ours, beside).should_be(Target::AtMost(most))
    };
    let (rest, busy, peak) = (&handler.rest, &handler.busy, &handler.peak);
    vec![
        start("ticketing: start to ready", ticketing.start),
        start("rules: start to ready", rules.start),
        memory("ticketing: memory at rest", ticketing.rest, rest, 60.0),
        memory("rules: memory at rest", rules.rest, rest, 20.0),
        memory("ticketing: memory under load", ticketing.busy, busy, 200.0),
        memory("rules: memory under load", rules.busy, busy, 40.0),
        row("ticketing: memory after 32 logins", "MiB", ticketing.logged_in, busy),
        row("ticketing: peak memory", "MiB", ticketing.peak, peak),
        row("rules: peak memory", "MiB", rules.peak, peak),
    ]
}

/// Logs every account in again and again, one after the other.
async fn log_in_again(address: SocketAddr) -> Result<()> {
    let mut connection = Connection::open(address).await?;
    for login in (0..LOGINS_EACH).flat_map(|_| accounts::logins()) {
        connection.call(&login).await?.expect(200)?;
    }
    Ok(())
}

/// Stops a service and starts it again; answers when it was started, as soon as it is ready.
async fn restart(service: &mut Service, address: SocketAddr) -> Result<Instant> {
    service.stop().await?;
    let begun = Instant::now();
    service.spawn()?;
    ready(address).await?;
    Ok(begun)
}

/// Waits until `/readyz` is answered with 200.
async fn ready(address: SocketAddr) -> Result<()> {
    let ask = get("/readyz", None);
    let mut pause = interval(ASK);
    let asking = async {
        loop {
            if let Ok(mut connection) = Connection::open(address).await
                && connection.call(&ask).await.is_ok_and(|answer| answer.status == 200)
            {
                return;
            }
            pause.tick().await;
        }
    };
    tokio::time::timeout(START_LIMIT, asking).await.context("it does not get ready")
}

fn pid(service: &mut Service) -> Result<i32> {
    Ok(service.process().context("the service runs")?.pid())
}
