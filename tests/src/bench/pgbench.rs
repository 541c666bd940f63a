//! The reference for everything that is stored: pgbench, inserting one event a transaction into a
//! copy of the events table with the same indexes, prepared, with as many clients, in the same
//! database.

use std::path::PathBuf;
use std::process::Stdio;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use super::load::CLIENTS;
use super::stage::Stage;
use crate::programs;

/// The copy: a schema of its own, so that nothing of the system ever sees it.
const TABLE: &str = "create schema if not exists reference; \
    create table if not exists reference.events (like public.events including all); \
    create sequence if not exists reference.positions";
/// What one request to `ticketing` stores, written directly. The stream's id begins with the time,
/// as those of `ticketing` do: pages of the index are touched one after the other.
const INSERT: &str = "insert into reference.events (log, position, event_id, aggregate, \
    aggregate_id, sequence, event_type, event_version, recorded_at, correlation, payload) \
    values ('links', nextval('reference.positions'), gen_random_uuid(), 'link_request', \
    (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') \
        || substr(replace(gen_random_uuid()::text, '-', ''), 13))::uuid, \
    1, 'Requested', '1.0', now(), gen_random_uuid(), \
    '{\"type\": \"Requested\", \"requester\": \"guest\", \"tier\": \"default\", \
    \"requested_at\": \"2026-11-21T09:30:00.123456Z\"}');\n";

/// Seconds; in less a busy machine may not even connect all clients.
pub const SHORTEST: u64 = 2;

/// What it is called in the table.
pub const NAME: &str = "pgbench, one insert each";

/// pgbench, ready to run.
#[derive(Debug)]
pub struct Pgbench {
    program: PathBuf,
    script: PathBuf,
    url: String,
}

impl Pgbench {
    /// Makes the table and the script.
    ///
    /// # Errors
    /// If pgbench is not there or the table can not be made.
    pub async fn prepare(stage: &Stage) -> Result<Self> {
        let server = programs::postgres(None).context("Postgres' programs")?;
        let beside = Some(server.initdb.with_file_name("pgbench")).filter(|file| file.is_file());
        let program = beside.or_else(|| programs::in_path("pgbench"));
        let program = program.context("pgbench is needed: it comes with Postgres")?;
        stage.database.batch_execute(TABLE).await?;
        let wiring = &stage.system.wiring;
        let script = wiring.home.root().join("insert.sql");
        std::fs::write(&script, INSERT)?;
        Ok(Self { program, script, url: wiring.database_url.clone() })
    }

    /// Transactions per second for `lasting`, in whole seconds, at least [`SHORTEST`].
    ///
    /// # Errors
    /// If it fails, or one transaction does.
    pub async fn run(&self, lasting: Duration) -> Result<f64> {
        let output = Command::new(&self.program)
            .args(["--no-vacuum", "--protocol=prepared"])
            .arg(format!("--jobs={}", available_parallelism().map_or(1, usize::from)))
            .arg(format!("--client={CLIENTS}"))
            .arg(format!("--time={}", lasting.as_secs().max(SHORTEST)))
            .arg("--file")
            .arg(&self.script)
            .arg(&self.url)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .context("pgbench")?;
        let said = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            bail!("pgbench: {}", String::from_utf8_lossy(&output.stderr));
        }
        transactions_per_second(&said).with_context(|| format!("what pgbench said: {said}"))
    }
}

fn transactions_per_second(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_what_pgbench_says() {
        let said = "latency average = 3.1 ms\ntps = 20412.5 (without initial connection time)\n";
        assert_eq!(transactions_per_second(said), Some(20_412.5));
        assert_eq!(transactions_per_second("pgbench: error"), None);
    }
}
