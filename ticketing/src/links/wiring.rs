//! How this context hangs together: its log with relay, projection, consumer and sweep, and its
//! routes.

use std::sync::Arc;

use chrono::TimeDelta;
use shared_events::topology::{
    EVALUATE_LINK_REQUESTS, LINKS_EVENTS, LINKS_LOG, PROJECT_LINKS, Queue, RECORD_VERDICTS,
};
use tokio::sync::OnceCell;

use super::check::Checks;
use super::consumer::RecordVerdicts;
use super::http::{LinksAdminApi, LinksApi};
use super::link_token::{LinkKeys, LinkKeysError};
use super::status::{LinkStatusProjection, LinkStatuses};
use super::sweep;
use crate::api::idempotent::Idempotent;
use crate::api::rate_limits::RateLimits;
use crate::config::Settings;
use crate::platform::Platform;
use crate::platform::commands::Commands;
use crate::platform::event_store::EventStore;
use crate::platform::inbox::Inbox;
use crate::platform::projections::{Builder, Progress};
use crate::platform::relay::{Relay, RelayWorker, Route};

const FED: [Queue; 2] = [EVALUATE_LINK_REQUESTS, PROJECT_LINKS];
const ROUTE: Route = Route { exchange: LINKS_EVENTS, queues: &FED };

/// The routes of this context.
pub type Routes = (LinksApi, LinksAdminApi);

/// What runs in the background for this context.
pub struct Links {
    store: EventStore,
    relay: Relay,
    relay_worker: RelayWorker,
    builder: Builder,
    inbox: Inbox<RecordVerdicts>,
    statuses: LinkStatuses,
    resend_after: TimeDelta,
}

impl Links {
    /// Wires the context and its routes; starts only its log's writer.
    ///
    /// # Errors
    /// [`LinkKeysError`] if the rule service's public keys can not be read.
    pub fn wire(
        platform: &Platform,
        settings: &Settings,
        limits: Arc<RateLimits>,
    ) -> Result<(Routes, Self), LinkKeysError> {
        let store = EventStore::open(LINKS_LOG, platform.database.clone());
        let commands = Commands::new(store.clone());
        let statuses = LinkStatuses::new(store.clone());
        let keys = Arc::new(LinkKeys::open(&settings.link_keys_file)?);
        let (relay, relay_worker) = Relay::new(store.clone(), platform.broker.clone(), ROUTE);
        let builder = Builder::new(
            Arc::new(LinkStatusProjection),
            platform.database.clone(),
            Arc::clone(&platform.dead_letters),
        );
        let handler = RecordVerdicts {
            commands: commands.clone(),
            keys: Arc::clone(&keys),
            clock: platform.clock.clone(),
            history: OnceCell::new(),
        };
        let inbox = Inbox::new(
            &RECORD_VERDICTS,
            handler,
            platform.retries.clone(),
            Arc::clone(&platform.dead_letters),
        );
        let checks =
            Checks::new(statuses.clone(), Arc::clone(store.signal()), platform.clock.clone());
        let api = LinksApi {
            commands,
            checks,
            keys,
            idempotent: Idempotent::new(platform.database.clone()),
            limits,
            clock: platform.clock.clone(),
            public_url: settings.http.public_url().into(),
        };
        let admin = LinksAdminApi { statuses: statuses.clone() };
        let resend_after = TimeDelta::seconds(settings.resend_after_seconds.into());
        let links = Self { store, relay, relay_worker, builder, inbox, statuses, resend_after };
        Ok(((api, admin), links))
    }

    /// How far its projection is.
    pub fn progress(&self) -> Progress {
        self.builder.progress()
    }

    /// Its log.
    pub fn store(&self) -> &EventStore {
        &self.store
    }

    /// Starts everything that runs in the background.
    pub fn start(self, platform: &Platform) {
        let Platform { database, clock, broker, workers, .. } = platform;
        let stop = || workers.stop_signal();
        let signal = Arc::clone(self.store.signal());
        workers.spawn_droppable("links signal", signal.run(database.clone()));
        workers.spawn("links relay", self.relay_worker.run(stop()));
        workers.spawn("links projection", self.builder.run(broker.clone(), stop()));
        workers.spawn("links verdicts", self.inbox.run(broker.clone(), stop()));
        let sweep = sweep::run(self.statuses, self.relay, clock.clone(), self.resend_after, stop());
        workers.spawn("links sweep", sweep);
    }
}
