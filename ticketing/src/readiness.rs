//! Whether this replica can take commands, and what works less well than it should. Found out in
//! the background, so that asking is quick and never waits for what is down.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use crate::api::service::{Probe, Readiness};
use crate::platform::Platform;
use crate::platform::background::{Background, Following, Part};
use crate::platform::projections::Progress;

/// How often Postgres is asked, and how long it may take.
const PERIOD: Duration = Duration::from_millis(500);
const LIMIT: Duration = Duration::from_secs(2);
/// A projection further behind than this is reported; less is the normal delay under load, in
/// events.
const LAGGING: i64 = 1_000;

/// What is known of this replica.
pub struct Health {
    platform: Platform,
    projections: Vec<Progress>,
    parts: Vec<Part>,
    started: Arc<AtomicBool>,
    draining: AtomicBool,
    postgres: AtomicBool,
}

impl Health {
    /// Not started, so not ready.
    pub fn new(
        platform: Platform,
        background: &[Background],
        following: &[Following],
    ) -> Arc<Self> {
        let own = background.iter().flat_map(Background::progress);
        let others = following.iter().flat_map(Following::progress);
        let projections = own.chain(others).cloned().collect();
        let parts = background.iter().flat_map(Background::parts).cloned().collect();
        Arc::new(Self {
            platform,
            projections,
            parts,
            started: Arc::default(),
            draining: AtomicBool::new(false),
            postgres: AtomicBool::new(false),
        })
    }

    /// Whether [`Health::start`] was called.
    pub fn started(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.started)
    }

    /// The schema is there and the clock is set: commands can be taken.
    pub fn start(&self) {
        self.postgres.store(true, Ordering::Relaxed);
        self.started.store(true, Ordering::Relaxed);
    }

    /// The process is about to stop: no more commands, please.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Asks Postgres from time to time, until cancelled.
    pub async fn run(self: Arc<Self>) {
        let mut period = tokio::time::interval(PERIOD);
        loop {
            period.tick().await;
            let answer = tokio::time::timeout(LIMIT, async {
                let client = self.platform.database.get().await.ok()?;
                client.batch_execute("select 1").await.ok()
            });
            let answers = matches!(answer.await, Ok(Some(())));
            if self.postgres.swap(answers, Ordering::Relaxed) != answers {
                tracing::info!(answers, "whether Postgres answers has changed");
            }
            let (used, waiting) = self.platform.database.pool_usage();
            metrics::gauge!("ticketing_database_pool_used").set(used as f64);
            metrics::gauge!("ticketing_database_pool_waiting").set(waiting as f64);
        }
    }
}

#[async_trait]
impl Probe for Health {
    async fn readiness(&self) -> Readiness {
        let mut parts = BTreeMap::new();
        let mut tell = |name: &str, well: bool, otherwise: &str| {
            let state = if well { "ok" } else { otherwise };
            parts.insert(name.to_owned(), state.to_owned());
            well
        };
        let started = self.started.load(Ordering::Relaxed);
        let serving = !self.draining.load(Ordering::Relaxed);
        let ready = [
            tell("service", started && serving, if serving { "starting" } else { "stopping" }),
            tell("postgres", self.postgres.load(Ordering::Relaxed), "does not answer"),
            tell("clock", self.platform.clock.agrees_with_database(), "differs from Postgres"),
        ];
        let disconnected = self.platform.broker.disconnected();
        tell("broker", disconnected.is_empty(), &format!("no {}", disconnected.join(", no ")));
        for progress in &self.projections {
            let name = format!("projection {}", progress.name());
            let lag = progress.lag();
            if progress.has_stopped() {
                tell(&name, false, "has stopped at an event it can not read");
            } else {
                tell(&name, lag < LAGGING, &format!("{lag} events behind"));
            }
        }
        for part in &self.parts {
            let wrong = (part.wrong)();
            tell(part.name, wrong.is_none(), wrong.unwrap_or_default());
        }
        Readiness { ready: ready.iter().all(|well| *well), parts }
    }
}
