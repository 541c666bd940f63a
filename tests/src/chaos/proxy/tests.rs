//! What a proxy does with connections, whatever is said on them: on sockets of this process.

use std::io::ErrorKind;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::*;

/// Nothing here takes this long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long nothing has to come to count as silence, and nothing be taken to count as full.
const MOMENT: Duration = Duration::from_millis(300);
/// A request to cancel: Postgres' protocol after which nothing is read any more.
const OPENING: [u8; 16] = [0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 1, 0, 0, 0, 2];

async fn proxy() -> (Proxy, TcpListener) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap(), Protocol::Postgres).await.unwrap();
    (proxy, listener)
}

async fn dial(proxy: &Proxy) -> TcpStream {
    let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await.unwrap();
    client.write_all(&OPENING).await.unwrap();
    client
}

/// The server's end of a connection, its opening read.
async fn answer(listener: &TcpListener) -> TcpStream {
    let (mut server, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    hears(&mut server, &OPENING).await;
    server
}

async fn connected(proxy: &Proxy, listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = dial(proxy).await;
    (client, answer(listener).await)
}

async fn hears(stream: &mut TcpStream, what: &[u8]) {
    let mut heard = vec![0; what.len()];
    timeout(PATIENCE, stream.read_exact(&mut heard)).await.unwrap().unwrap();
    assert_eq!(heard, what);
}

async fn hears_nothing(stream: &mut TcpStream) {
    assert!(timeout(MOMENT, stream.read(&mut [0])).await.is_err());
}

/// Waits for the end of a stream; whether it was a reset.
async fn is_reset(stream: &mut TcpStream) -> bool {
    match timeout(PATIENCE, stream.read(&mut [0])).await.unwrap() {
        Ok(count) => {
            assert_eq!(count, 0, "something came before the end");
            false
        }
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[tokio::test]
async fn what_is_said_arrives_and_an_end_follows_it() {
    let (proxy, listener) = proxy().await;
    let (mut client, mut server) = connected(&proxy, &listener).await;
    client.write_all(b"question").await.unwrap();
    hears(&mut server, b"question").await;
    server.write_all(b"answer").await.unwrap();
    drop(server);
    hears(&mut client, b"answer").await;
    assert!(!is_reset(&mut client).await);
    assert_eq!(proxy.fired(), Fired::default());
}

#[tokio::test]
async fn a_cut_resets_both_sides_of_every_connection() {
    let (proxy, listener) = proxy().await;
    let mut both = [connected(&proxy, &listener).await, connected(&proxy, &listener).await];
    assert_eq!(proxy.cut(), 2);
    for (client, server) in &mut both {
        assert!(is_reset(client).await && is_reset(server).await);
    }
    assert_eq!((proxy.cut(), proxy.fired().cut), (0, 2));
    connected(&proxy, &listener).await;
}

#[tokio::test]
async fn in_silence_nothing_passes_and_afterwards_all_of_it_does() {
    let (proxy, listener) = proxy().await;
    let (mut client, mut server) = connected(&proxy, &listener).await;
    proxy.silence(true);
    client.write_all(b"question").await.unwrap();
    server.write_all(b"answer").await.unwrap();
    let mut later = dial(&proxy).await;
    tokio::join!(hears_nothing(&mut client), hears_nothing(&mut server), hears_nothing(&mut later));
    proxy.silence(false);
    hears(&mut server, b"question").await;
    hears(&mut client, b"answer").await;
    answer(&listener).await;
    assert_eq!(proxy.fired(), Fired { silenced: 2, ..Fired::default() });
}

#[tokio::test]
async fn a_silent_connection_can_be_cut() {
    let (proxy, listener) = proxy().await;
    let (mut client, mut server) = connected(&proxy, &listener).await;
    proxy.silence(true);
    let mut later = dial(&proxy).await;
    hears_nothing(&mut later).await;
    assert_eq!(proxy.cut(), 2);
    assert!(is_reset(&mut client).await && is_reset(&mut server).await);
    assert!(is_reset(&mut later).await);
}

#[tokio::test]
async fn a_refused_connection_is_closed_and_an_open_one_stays() {
    let (proxy, listener) = proxy().await;
    let (mut client, mut server) = connected(&proxy, &listener).await;
    proxy.refuse(true);
    let mut refused = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await.unwrap();
    is_reset(&mut refused).await;
    client.write_all(b"still").await.unwrap();
    hears(&mut server, b"still").await;
    proxy.clear();
    connected(&proxy, &listener).await;
    assert_eq!(proxy.fired(), Fired { refused: 1, ..Fired::default() });
}

#[tokio::test]
async fn dropping_the_last_clone_ends_everything() {
    let (proxy, listener) = proxy().await;
    let clone = proxy.clone();
    let (mut client, mut server) = connected(&proxy, &listener).await;
    drop(proxy);
    client.write_all(b"still").await.unwrap();
    hears(&mut server, b"still").await;
    let (port, shared) = (clone.port(), Arc::downgrade(&clone.shared));
    drop(clone);
    assert!(is_reset(&mut client).await && is_reset(&mut server).await);
    // The tasks are what holds it now.
    let ended = async {
        while shared.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, ended).await.expect("no task is left");
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err());
}

#[tokio::test]
async fn a_server_that_does_not_read_slows_its_client_down_and_nothing_is_lost() {
    /// More than the buffers of both sockets hold.
    const FAR_TOO_MUCH: usize = 128 << 20;
    let (proxy, listener) = proxy().await;
    let (mut client, mut server) = connected(&proxy, &listener).await;
    let part: Vec<u8> = (0..=250).cycle().take(251 * 256).collect();
    let mut said = 0;
    while let Ok(taken) = timeout(MOMENT, client.write(&part[said % part.len()..])).await {
        said += taken.unwrap();
        assert!(said < FAR_TOO_MUCH, "it takes without end");
    }
    // The other direction is not held up by it.
    server.write_all(b"answer").await.unwrap();
    hears(&mut client, b"answer").await;
    drop(client);
    let mut heard = Vec::new();
    timeout(PATIENCE, server.read_to_end(&mut heard)).await.unwrap().unwrap();
    assert_eq!(heard.len(), said);
    assert!(heard.iter().zip(part.iter().cycle()).all(|(heard, said)| heard == said));
}

#[tokio::test]
async fn while_the_server_is_away_connections_end() {
    let (proxy, listener) = proxy().await;
    drop(listener);
    let mut client = dial(&proxy).await;
    is_reset(&mut client).await;
}
