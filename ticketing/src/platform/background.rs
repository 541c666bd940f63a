//! What runs in the background for one log: its writer's signal, its relay, its projections, and
//! what its context adds: consumers, deadlines, other work. Put together when the service is wired,
//! started when the schema is there. [`Following`] is the same without a log of its own. Not here:
//! what any of it does.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use shared_events::topology::Queue;
use tokio_util::sync::CancellationToken;

use super::Platform;
use super::consuming::OfThisHistory;
use super::deadlines::{Alarm, DeadlineHandler, DeadlineWorker};
use super::erasure::Leaving;
use super::event_store::EventStore;
use super::inbox::{Handler, Inbox};
use super::log_signal;
use super::projections::{Builder, Progress, Projection};
use super::relay::{Relay, Route};

/// What a worker does until it is told to stop.
type Work = Box<dyn FnOnce(CancellationToken) -> WorkFuture + Send>;
type WorkFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a context keeps besides its projections, for readiness.
#[derive(Clone)]
pub struct Part {
    /// What operators know it as.
    pub name: &'static str,
    /// What is wrong with it at present; `None` if nothing is.
    pub wrong: Arc<dyn Fn() -> Option<&'static str> + Send + Sync>,
}

/// The background of one log; [`start`] sets it going.
pub struct Background {
    platform: Platform,
    store: EventStore,
    relay: Relay,
    progress: Vec<Progress>,
    parts: Vec<Part>,
    leaving: Vec<Arc<dyn Leaving>>,
    deadlines: Vec<Box<dyn DeadlineHandler>>,
    work: Vec<(String, Work)>,
}

/// What runs behind a context that writes no log but follows those of others; [`start`] sets it
/// going.
pub struct Following {
    platform: Platform,
    name: &'static str,
    progress: Vec<Progress>,
    work: Vec<(String, Work)>,
}

impl Following {
    /// Prepares projections, whatever logs they read. Who writes a log feeds their queues: it names
    /// them in its route.
    pub fn open(
        platform: &Platform,
        name: &'static str,
        projections: Vec<Arc<dyn Projection>>,
    ) -> Self {
        let mut following =
            Self { platform: platform.clone(), name, progress: Vec::new(), work: Vec::new() };
        for projection in projections {
            let (progress, name, work) = projecting(&following.platform, projection);
            following.progress.push(progress);
            following.work.push((format!("{} {name}", following.name), work));
        }
        following
    }

    /// How far its projections are.
    pub fn progress(&self) -> &[Progress] {
        &self.progress
    }

    /// Has something else done; it must end soon after the token is cancelled and not before.
    /// Operators see it as `<context> <name>`.
    pub fn work<F>(&mut self, name: &str, run: impl FnOnce(CancellationToken) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let name = format!("{} {name}", self.name);
        self.work.push((name, Box::new(|stop| Box::pin(run(stop)))));
    }
}

/// What keeps a projection up to date: how far it is, its name, and the work.
fn projecting(platform: &Platform, projection: Arc<dyn Projection>) -> (Progress, String, Work) {
    let Platform { database, dead_letters, broker, .. } = platform;
    let name = format!("projection {}", projection.name());
    let builder = Builder::new(projection, database.clone(), Arc::clone(dead_letters));
    let (progress, broker) = (builder.progress(), broker.clone());
    (progress, name, Box::new(|stop| Box::pin(builder.run(broker, stop))))
}

impl Background {
    /// Opens a log: starts its writer, and prepares its relay along `route` and those of
    /// `projections` that read it.
    pub fn open(
        platform: &Platform,
        log: &'static str,
        route: Route,
        projections: &[Arc<dyn Projection>],
    ) -> Self {
        let store = EventStore::open(log, platform.database.clone());
        let (relay, relay_worker) = Relay::new(store.clone(), platform.broker.clone(), route);
        let mut background = Self {
            platform: platform.clone(),
            store,
            relay,
            progress: Vec::new(),
            parts: Vec::new(),
            leaving: Vec::new(),
            deadlines: Vec::new(),
            work: Vec::new(),
        };
        background.work("relay", |stop| relay_worker.run(stop));
        for projection in projections.iter().filter(|projection| projection.log() == log) {
            background.project(Arc::clone(projection));
        }
        background
    }

    fn project(&mut self, projection: Arc<dyn Projection>) {
        let (progress, name, work) = projecting(&self.platform, projection);
        self.progress.push(progress);
        self.work.push((format!("{} {name}", self.store.log()), work));
    }

    /// The log.
    pub fn store(&self) -> &EventStore {
        &self.store
    }

    /// Has events published again.
    pub fn relay(&self) -> &Relay {
        &self.relay
    }

    /// How far its projections are.
    pub fn progress(&self) -> &[Progress] {
        &self.progress
    }

    /// Has readiness tell what is wrong with a part, if anything is.
    pub fn report(
        &mut self,
        name: &'static str,
        wrong: impl Fn() -> Option<&'static str> + Send + Sync + 'static,
    ) {
        self.parts.push(Part { name, wrong: Arc::new(wrong) });
    }

    /// What is reported.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Has the messages of a queue handled; those that speak of another history are dropped.
    pub fn consume(&mut self, queue: &'static Queue, handler: impl Handler) {
        self.consume_from(self.store.log(), queue, handler);
    }

    /// The same for messages that speak of another log.
    pub fn consume_from(
        &mut self,
        log: &'static str,
        queue: &'static Queue,
        handler: impl Handler,
    ) {
        let Platform { database, retries, dead_letters, broker, .. } = &self.platform;
        let handler = OfThisHistory::new(handler, log, database.clone());
        let inbox = Inbox::new(queue, handler, retries.clone(), Arc::clone(dead_letters));
        let broker = broker.clone();
        self.work(queue.name, |stop| inbox.run(broker, stop));
    }

    /// Has a kind of deadline recorded when it is due.
    pub fn on_deadline(&mut self, handler: impl DeadlineHandler + 'static) {
        self.deadlines.push(Box::new(handler));
    }

    /// Has something ended when somebody leaves, before they are erased.
    pub fn on_leaving(&mut self, leaving: impl Leaving + 'static) {
        self.leaving.push(Arc::new(leaving));
    }

    /// What ends when somebody leaves.
    pub fn leaving(&self) -> &[Arc<dyn Leaving>] {
        &self.leaving
    }

    /// Has something else done; it must end soon after the token is cancelled and not before.
    /// Operators see it as `<log> <name>`.
    pub fn work<F>(&mut self, name: &str, run: impl FnOnce(CancellationToken) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let name = format!("{} {name}", self.store.log());
        self.work.push((name, Box::new(|stop| Box::pin(run(stop)))));
    }
}

/// Starts all of it.
pub fn start(platform: &Platform, all: Vec<Background>, following: Vec<Following>) {
    let Platform { database, clock, workers, .. } = platform;
    for (name, work) in following.into_iter().flat_map(|following| following.work) {
        workers.spawn(name, work(workers.stop_signal()));
    }
    let signals = all.iter().map(|background| Arc::clone(background.store.signal())).collect();
    workers.spawn_droppable("log signals", log_signal::follow(signals, database.clone()));
    let mut alarm = Alarm::new(database.clone(), clock.clone());
    for background in all {
        for (name, work) in background.work {
            workers.spawn(name, work(workers.stop_signal()));
        }
        for handler in background.deadlines {
            let worker = DeadlineWorker::new(database.clone(), clock.clone(), handler);
            let (name, woken) = (format!("deadlines {}", worker.kind()), alarm.wakes(&worker));
            workers.spawn(name, worker.run(woken, workers.stop_signal()));
        }
    }
    workers.spawn_droppable("alarm of the deadlines", alarm.run());
}
