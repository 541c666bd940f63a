//! A TCP proxy between the services and Postgres or RabbitMQ that understands just enough of their
//! protocols to break them at the right place: a reply lost after the commit, a confirm that never
//! arrives, a connection cut in the middle of a frame.
//!
//! Deliberately not here: when which fault is due (that is the plan of a chaos run), and what has
//! to hold under it. The services contain no weakened mode: what a control breaks, a proxy's
//! [`Sabotage`] breaks from outside.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

mod amqp;
mod channel;
mod confirms;
mod connection;
mod conversation;
mod faults;
mod frame;
mod message;
mod postgres;

pub use conversation::Protocol;
use faults::Faults;
pub use faults::{Fired, Sabotage};

/// Pause when a connection can not be accepted, mostly for want of file descriptors: the next try
/// at once would fail too.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A proxy in front of one server; cheap to clone. When the last clone is dropped it stops
/// listening and resets every connection.
///
/// The faults that take a `count` strike the next `count` times that they can, whatever was planned
/// before; 0 takes them back. [`Proxy::fired`] tells what has come of it.
#[derive(Clone)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    _running: Arc<DropGuard>,
}

struct Shared {
    server: SocketAddr,
    protocol: Protocol,
    faults: Arc<Faults>,
    /// The open connections by number.
    open: Mutex<BTreeMap<u64, CancellationToken>>,
    ended: CancellationToken,
}

impl Proxy {
    /// Listens on a free port of the loopback address and forwards to `server`, which need not be
    /// there yet: while it is not, connections are closed as soon as they are made.
    ///
    /// # Errors
    /// If there is no port to listen on.
    pub async fn start(server: SocketAddr, protocol: Protocol) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("a port for the proxy")?;
        let port = listener.local_addr()?.port();
        let ended = CancellationToken::new();
        let shared = Arc::new(Shared {
            server,
            protocol,
            faults: Arc::default(),
            open: Mutex::default(),
            ended: ended.clone(),
        });
        tokio::spawn(Arc::clone(&shared).accept(listener));
        Ok(Self { port, shared, _running: Arc::new(ended.drop_guard()) })
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends every fault: what is planned is dropped, silence and refusal stop. Sabotage stays, and
    /// so do the counts.
    pub fn clear(&self) {
        self.shared.faults.clear();
    }

    /// Closes every connection now, with a reset to both sides; answers how many there were. Bytes
    /// on their way are lost.
    pub fn cut(&self) -> usize {
        let open = std::mem::take(&mut *self.shared.open());
        for connection in open.values() {
            connection.cancel();
            self.shared.faults.cut.count();
        }
        open.len()
    }

    /// While on, nothing passes in either direction, not even the end of a connection; connections
    /// stay open, new ones are accepted and hear nothing. Afterwards what was said is passed on.
    pub fn silence(&self, on: bool) {
        self.shared.faults.silent.send_replace(on);
    }

    /// While on, new connections are closed as soon as they are made.
    pub fn refuse(&self, on: bool) {
        self.shared.faults.refusing.store(on, Ordering::SeqCst);
    }

    /// Postgres: loses answers to statements that have been committed, and closes their connection
    /// instead.
    ///
    /// It strikes on a connection whose application name begins with `ticketing writer`, when an
    /// answer to an executed statement is complete, successful and leaves no transaction open. One
    /// that follows a loss is mostly the writer's own question what became of its batch: `1` lets
    /// it find out, `2` makes it tell its callers that it does not know.
    pub fn lose_commit_replies(&self, count: usize) {
        self.shared.faults.commit_replies.plan(count);
    }

    /// AMQP: publisher confirms (`basic.ack` of the broker) vanish. A later confirm of several at
    /// once may cover a lost one.
    pub fn lose_confirms(&self, count: usize) {
        self.shared.faults.confirms.plan(count);
    }

    /// AMQP: acknowledgements of consumers (`basic.ack` of the client) vanish. The broker keeps the
    /// messages as unacknowledged until a later ack covers them or the connection ends: it is
    /// [`Proxy::cut`] afterwards that has them delivered again.
    pub fn lose_acks(&self, count: usize) {
        self.shared.faults.acks.plan(count);
    }

    /// AMQP: frames with a part of a message's body, in either direction, are forwarded by half;
    /// then their connection is closed.
    pub fn cut_mid_frame(&self, count: usize) {
        self.shared.faults.frames.plan(count);
    }

    /// AMQP: while on, every message that a client publishes (up to 1 MiB) is sent three times,
    /// one right after the other. Only the first copy keeps its `mandatory` bit; the client hears
    /// one confirm, when all three are confirmed.
    pub fn repeat_publishes(&self, on: bool) {
        self.shared.faults.repeating.store(on, Ordering::SeqCst);
    }

    /// How often each fault has happened so far.
    pub fn fired(&self) -> Fired {
        self.shared.faults.fired()
    }

    /// Breaks an invariant from now on, for good. Open connections are cut, so that each connection
    /// is either wholly sabotaged or not at all.
    pub fn sabotage(&self, which: Sabotage) {
        self.shared.faults.sabotage(which);
        self.cut();
    }
}

impl Shared {
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        for number in 0.. {
            let accepted = tokio::select! {
                () = self.ended.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok(_) if self.faults.refusing.load(Ordering::SeqCst) => self.faults.refused.count(),
                Ok((client, _)) => self.open_connection(number, client),
                Err(error) => {
                    tracing::warn!(%error, "the proxy could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Registered before it is spawned: [`Proxy::cut`] misses none that was accepted.
    fn open_connection(self: &Arc<Self>, number: u64, client: TcpStream) {
        let ended = self.ended.child_token();
        self.open().insert(number, ended.clone());
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let faults = Arc::clone(&shared.faults);
            connection::forward(client, shared.server, shared.protocol, faults, ended).await;
            shared.open().remove(&number);
        });
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, CancellationToken>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
