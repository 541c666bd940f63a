//! A TCP proxy that can lose what the server says, for faults that no process can be killed at the
//! right moment for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A proxy in front of one server.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) port: u16,
    state: Arc<State>,
}

struct State {
    server: SocketAddr,
    deaf: AtomicBool,
    lost: AtomicUsize,
}

impl Proxy {
    pub(super) async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state =
            Arc::new(State { server, deaf: AtomicBool::new(false), lost: AtomicUsize::new(0) });
        let accepting = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, Arc::clone(&accepting)));
            }
        });
        Self { port, state }
    }

    /// From now on the server's next answer is lost and its connection cut; `false` ends that.
    pub(super) fn lose_answers(&self, lose: bool) {
        self.state.deaf.store(lose, Ordering::SeqCst);
    }

    /// How many answers were lost.
    pub(super) fn lost(&self) -> usize {
        self.state.lost.load(Ordering::SeqCst)
    }
}

async fn forward(mut client: TcpStream, state: Arc<State>) {
    let Ok(mut server) = TcpStream::connect(state.server).await else { return };
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let ask = tokio::io::copy(&mut from_client, &mut to_server);
    let answer = async {
        let mut buffer = vec![0; 65_536];
        loop {
            match from_server.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) if state.deaf.load(Ordering::SeqCst) => {
                    state.lost.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                Ok(count) => {
                    if to_client.write_all(&buffer[..count]).await.is_err() {
                        return;
                    }
                }
            }
        }
    };
    tokio::select! {
        _ = ask => {}
        () = answer => {}
    }
}
