//! One connection through the proxy: two sockets, one task, bytes in both directions.
//!
//! A single loop instead of two copying tasks: a fault on the way of one side may have to speak to
//! the other. It reads from a side only while what waits for the other is small, so a slow reader
//! slows the writer down as without a proxy. Not here: what the bytes mean.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::conversation::{Conversation, Flow, Garbled, Outgoing, Protocol, Side};
use super::faults::Faults;

/// Bytes read in one go.
const READ: usize = 64 * 1024;
/// Bytes that may wait for a side before no more is read for it.
const WAITING: usize = 256 * 1024;
/// Bytes that may wait for a side before nothing is read from it either: forged answers to what it
/// says would pile up. Beyond [`WAITING`], so that the two directions do not block each other.
const WAITING_FORGED: usize = 2 * WAITING;
/// How long the end of a connection waits for the other side to take what was still to be sent.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Forwards between `client` and `server` until either ends, a fault ends both, or `ended` is
/// cancelled: then both sides see a reset, as from a crash.
pub(super) async fn forward(
    client: TcpStream,
    server: SocketAddr,
    protocol: Protocol,
    faults: Arc<Faults>,
    ended: CancellationToken,
) {
    let forwarding = async {
        wait_for_sound(&faults).await;
        let Ok(server) = TcpStream::connect(server).await else {
            return reset(&client);
        };
        let wire = Wire { client: &client, server: &server };
        if wire.without_delay().is_err() {
            return;
        }
        tokio::select! {
            () = wire.talk(protocol, &faults) => {}
            () = ended.cancelled() => reset(&server),
        }
    };
    tokio::select! {
        // First the inner one, which resets the server too.
        biased;
        () = forwarding => {}
        () = ended.cancelled() => {}
    }
    if ended.is_cancelled() {
        reset(&client);
    }
}

/// The socket will be closed with a reset. A socket on which that can not be set is gone already.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

/// Returns at once unless the proxy is silent; then when it speaks again.
async fn wait_for_sound(faults: &Faults) {
    let mut silent = faults.silent.subscribe();
    if *silent.borrow_and_update() {
        faults.silenced.count();
        // It can not fail: the sender is in `faults`.
        let _ = silent.wait_for(|silent| !silent).await;
    }
}

/// The two sockets.
struct Wire<'a> {
    client: &'a TcpStream,
    server: &'a TcpStream,
}

/// What a socket is ready for.
enum Ready {
    Read(Side),
    Write,
    Silence,
}

impl Wire<'_> {
    fn without_delay(&self) -> io::Result<()> {
        self.client.set_nodelay(true)?;
        self.server.set_nodelay(true)
    }

    fn stream(&self, side: Side) -> &TcpStream {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }

    async fn talk(&self, protocol: Protocol, faults: &Arc<Faults>) {
        let mut conversation = Conversation::begin(protocol, Arc::clone(faults));
        let mut out = Outgoing::default();
        let mut buffer = vec![0; READ];
        // An error of a socket is its end, and ends the connection as its closing does.
        while let Ok(ready) = self.ready(&out, faults).await {
            let flow = match ready {
                Ready::Silence => {
                    wait_for_sound(faults).await;
                    Flow::Continue
                }
                Ready::Write => Flow::Continue,
                Ready::Read(side) => match self.stream(side).try_read(&mut buffer) {
                    Ok(0) => Flow::End,
                    Ok(count) => {
                        let said = buffer.get(..count).unwrap_or_default();
                        let flow = conversation.hear(side, said, &mut out);
                        flow.unwrap_or_else(|Garbled(what)| {
                            tracing::warn!(what, ?side, ?protocol, "the proxy can not follow");
                            faults.garbled.count();
                            Flow::End
                        })
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => Flow::Continue,
                    Err(_) => Flow::End,
                },
            };
            // At once, without asking first: the other side is mostly ready, and waits.
            let written = [Side::Client, Side::Server].map(|side| self.write(side, out.to(side)));
            if flow == Flow::End {
                self.last_words(&mut out).await;
                return;
            }
            if written.iter().any(Result::is_err) {
                return;
            }
        }
    }

    /// Waits until there is something to do.
    async fn ready(&self, out: &Outgoing, faults: &Faults) -> io::Result<Ready> {
        let mut silent = faults.silent.subscribe();
        let (to_client, to_server) = (out.to_client.len(), out.to_server.len());
        let room_from_client = to_server < WAITING && to_client < WAITING_FORGED;
        let room_from_server = to_client < WAITING && to_server < WAITING_FORGED;
        tokio::select! {
            biased;
            _ = silent.wait_for(|silent| *silent) => Ok(Ready::Silence),
            done = self.client.writable(), if to_client > 0 => done.map(|()| Ready::Write),
            done = self.server.writable(), if to_server > 0 => done.map(|()| Ready::Write),
            done = self.either_readable(room_from_client, room_from_server) => done,
        }
    }

    /// Fair between the two, so that neither a flood from the one keeps the other unheard.
    async fn either_readable(&self, client: bool, server: bool) -> io::Result<Ready> {
        tokio::select! {
            done = self.client.readable(), if client => done.map(|()| Ready::Read(Side::Client)),
            done = self.server.readable(), if server => done.map(|()| Ready::Read(Side::Server)),
            // Both are full: it is for the writing to go on.
            else => std::future::pending().await,
        }
    }

    /// Writes what `side` takes now.
    fn write(&self, side: Side, waiting: &mut BytesMut) -> io::Result<()> {
        while !waiting.is_empty() {
            match self.stream(side).try_write(waiting) {
                Ok(count) => waiting.advance(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends what was heard before the end. Whoever does not take it in time had its chance.
    async fn last_words(&self, out: &mut Outgoing) {
        for side in [Side::Client, Side::Server] {
            let sending = async {
                while !out.to(side).is_empty() {
                    self.stream(side).writable().await?;
                    self.write(side, out.to(side))?;
                }
                io::Result::Ok(())
            };
            let _ = timeout(LAST_WORDS, sending).await;
        }
    }
}
