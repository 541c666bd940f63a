//! Serves an endpoint over HTTP/1.1 and HTTP/2 (without TLS), with a limit on everything:
//! connections, the time until a request's header is complete, the time to finish when told to
//! stop. Not here: anything about a single request.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::uri::Scheme;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, Response};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// How long the header of a request may take, the idle time before it included.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long requests in flight may take when the server stops.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
/// Connections that wait to be accepted; the kernel may allow fewer.
const LISTEN_BACKLOG: u32 = 4096;
/// After a failed accept (out of descriptors, mostly) the next is tried this much later.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(50);
/// Requests of one HTTP/2 connection at once.
const HTTP2_STREAMS: u32 = 256;
/// An HTTP/2 peer that does not answer a ping is gone; it is asked this often.
const HTTP2_PING_EVERY: Duration = Duration::from_secs(20);
/// Descriptors for what is not an HTTP connection.
const OTHER_DESCRIPTORS: u64 = 512;

/// The service can not listen.
#[derive(Debug, thiserror::Error)]
#[error(
    "can not listen on {address}: another process may; set PORT or BIND_ADDRESS to another one"
)]
pub struct BindError {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// Listens on this address.
///
/// # Errors
/// [`BindError`] names the address and the setting.
pub fn listen(address: IpAddr, port: u16) -> Result<TcpListener, BindError> {
    let address = SocketAddr::new(address, port);
    let bind = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // A restart must not wait for the old connections' ends to be forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(LISTEN_BACKLOG)
    };
    bind().map_err(|source| BindError { address, source })
}

/// Serves `endpoint` until `shutdown` is cancelled; then accepts nothing more, lets requests in
/// flight finish for [`DRAIN_LIMIT`], and returns. At most `max_connections` are open; more wait in
/// the backlog.
pub async fn serve<E>(
    listener: TcpListener,
    endpoint: E,
    max_connections: usize,
    shutdown: CancellationToken,
) where
    E: Endpoint<Output = Response> + 'static,
{
    raise_descriptor_limit(max_connections);
    let endpoint = Arc::new(endpoint);
    let local =
        listener.local_addr().map_or_else(|_| LocalAddr::default(), |a| LocalAddr(a.into()));
    let places = Arc::new(Semaphore::new(max_connections));
    let draining = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                let (endpoint, local) = (Arc::clone(&endpoint), local.clone());
                let remote = RemoteAddr(Addr::SocketAddr(peer));
                let watcher = draining.watcher();
                tokio::spawn(async move {
                    serve_connection(stream, endpoint, local, remote, watcher).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_BACK_OFF).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_LIMIT, draining.shutdown()).await.is_err() {
        tracing::warn!("requests were still in flight at the drain limit");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, place))
}

async fn serve_connection<E>(
    stream: TcpStream,
    endpoint: Arc<E>,
    local: LocalAddr,
    remote: RemoteAddr,
    watcher: Watcher,
) where
    E: Endpoint<Output = Response> + 'static,
{
    let spoken = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request: http::Request<Incoming>| {
        spoken.store(true, Ordering::Relaxed);
        let request = (request, local.clone(), remote.clone(), Scheme::HTTP).into();
        let endpoint = Arc::clone(&endpoint);
        async move {
            let response = endpoint.get_response(request).await;
            Ok::<http::Response<_>, Infallible>(response.into())
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS)
        .keep_alive_interval(HTTP2_PING_EVERY)
        .keep_alive_timeout(HEADER_TIMEOUT);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(watcher.watch(connection));
    // While the protocol is still being recognised, the builder's own time limits do not run.
    let first_words = tokio::time::timeout(HEADER_TIMEOUT, connection.as_mut());
    let outcome = match first_words.await {
        Ok(outcome) => outcome,
        Err(_elapsed) if spoken.load(Ordering::Relaxed) => connection.await,
        Err(_elapsed) => return,
    };
    if let Err(error) = outcome {
        tracing::debug!(error, "a connection ended early");
    }
}

/// Each connection takes a descriptor; the default limit of many systems is 1,024.
fn raise_descriptor_limit(max_connections: usize) {
    let connections = u64::try_from(max_connections).unwrap_or(u64::MAX);
    let wanted = connections.saturating_add(OTHER_DESCRIPTORS);
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let current = Some(limit.maximum.map_or(wanted, |maximum| maximum.min(wanted)));
    if setrlimit(Resource::Nofile, Rlimit { current, ..limit }).is_err() || current != Some(wanted)
    {
        tracing::warn!(wanted, ?current, "fewer descriptors than MAX_CONNECTIONS needs");
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use poem::endpoint::make;
    use poem::{IntoResponse, Request};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Notify;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

    fn start<E>(
        endpoint: E,
        max: usize,
    ) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>)
    where
        E: Endpoint<Output = Response> + 'static,
    {
        let listener = listen(Ipv4Addr::LOCALHOST.into(), 0).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let server = tokio::spawn(serve(listener, endpoint, max, shutdown.clone()));
        (address, shutdown, server)
    }

    async fn ask(address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_request_in_flight_is_finished_and_a_new_connection_refused_after_the_stop() {
        let (begun, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (begin, may_finish) = (Arc::clone(&begun), Arc::clone(&finish));
        let slow = make(move |_: Request| {
            let (begin, may_finish) = (Arc::clone(&begin), Arc::clone(&may_finish));
            async move {
                begin.notify_one();
                may_finish.notified().await;
                "done".into_response()
            }
        });
        let (address, shutdown, server) = start(slow, 10);
        let asked = tokio::spawn(ask(address));
        begun.notified().await;
        shutdown.cancel();
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        finish.notify_one();
        assert!(asked.await.unwrap().ends_with("done"));
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_over_the_limit_waits_until_another_ends() {
        let (address, _shutdown, _server) = start(make(|_| async { "hi".into_response() }), 1);
        let first = TcpStream::connect(address).await.unwrap();
        let second = tokio::spawn(ask(address));
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop(first);
        assert!(second.await.unwrap().ends_with("hi"));
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_named() {
        let taken = listen(Ipv4Addr::LOCALHOST.into(), 0).unwrap().local_addr().unwrap();
        let _held = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let occupied = _held.local_addr().unwrap().port();
        let error = listen(Ipv4Addr::LOCALHOST.into(), occupied).unwrap_err();
        assert!(error.to_string().contains("PORT"), "{error} {taken}");
    }
}
