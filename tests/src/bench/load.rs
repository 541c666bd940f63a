//! Load: closed loops (each of N clients asks again when it is answered) for rates, open loops
//! (asked at fixed times, whatever is answered) for latencies. Times of an open loop count from
//! when a call was due, so a stall is charged to every call it delays (no coordinated omission).

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::http::Connection;

/// Clients of a closed loop, and of pgbench beside it.
pub const CLIENTS: usize = 64;

/// Calls per second of [`CLIENTS`] clients, each on a connection of its own, for `lasting` or until
/// `request` has nothing more for a call's number. Every answer has to have the status `expected`.
///
/// # Errors
/// At the first answer with another status, with its body.
pub async fn closed<R>(
    address: SocketAddr,
    lasting: Duration,
    expected: u16,
    request: R,
) -> Result<f64>
where
    R: Fn(u64) -> Option<Bytes> + Send + Sync + 'static,
{
    let request = Arc::new(request);
    clients(address, CLIENTS, lasting, move |mut connection, number| {
        let request = Arc::clone(&request);
        async move {
            let Some(bytes) = request(number) else { return Ok(None) };
            connection.call(&bytes).await?.expect(expected)?;
            Ok(Some(connection))
        }
    })
    .await
}

/// Sends each of the requests once, [`CLIENTS`] at a time: how many per second. Every answer has to
/// have the status `expected`.
///
/// # Errors
/// At the first answer with another status, with its body.
pub async fn each(address: SocketAddr, expected: u16, requests: Arc<[Bytes]>) -> Result<f64> {
    let request = move |number| requests.get(usize::try_from(number).ok()?).cloned();
    closed(address, Duration::MAX, expected, request).await
}

/// Tasks per second of `count` clients: each performs `task` with its connection and the task's
/// number, again and again for `lasting`, or until it answers `None`. What was begun is finished,
/// and its time counts.
///
/// # Errors
/// The first of any task.
pub async fn clients<T, Done>(
    address: SocketAddr,
    count: usize,
    lasting: Duration,
    task: T,
) -> Result<f64>
where
    T: Fn(Connection, u64) -> Done + Clone + Send + Sync + 'static,
    Done: Future<Output = Result<Option<Connection>>> + Send,
{
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        connections.push(Connection::open(address).await?);
    }
    let numbers = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let mut all = JoinSet::new();
    for mut connection in connections {
        let (task, numbers) = (task.clone(), Arc::clone(&numbers));
        all.spawn(async move {
            let mut done = 0_u64;
            while begun.elapsed() < lasting {
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                match task(connection, number).await? {
                    Some(back) => connection = back,
                    None => break,
                }
                done += 1;
            }
            anyhow::Ok(done)
        });
    }
    let mut done = 0;
    while let Some(client) = all.join_next().await {
        done += client.context("a client")??;
    }
    Ok(done as f64 / begun.elapsed().as_secs_f64())
}

/// Latencies in microseconds, three digits of precision.
pub type Latencies = Histogram<u64>;

/// Performs `task` at `rate` per second for `lasting`, on as many connections as are needed;
/// answers how long after its due time each was done.
///
/// # Errors
/// The first of any task.
pub async fn open<T, Done>(
    address: SocketAddr,
    rate: u32,
    lasting: Duration,
    task: T,
) -> Result<Latencies>
where
    T: Fn(Connection, u64) -> Done + Clone + Send + Sync + 'static,
    Done: Future<Output = Result<Connection>> + Send,
{
    let idle = Arc::new(Mutex::new(VecDeque::new()));
    let begun = Instant::now();
    let mut all = JoinSet::new();
    for number in 0_u64.. {
        let due = begun + Duration::from_secs_f64(number as f64 / f64::from(rate));
        if due.duration_since(begun) >= lasting {
            break;
        }
        sleep_until(due).await;
        let (task, idle) = (task.clone(), Arc::clone(&idle));
        all.spawn(async move {
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let connection = match kept {
                Some(connection) => connection,
                None => Connection::open(address).await?,
            };
            let connection = task(connection, number).await?;
            let latency = due.elapsed();
            idle.lock().unwrap_or_else(PoisonError::into_inner).push_back(connection);
            anyhow::Ok(latency)
        });
    }
    let mut latencies = Latencies::new(3)?;
    while let Some(latency) = all.join_next().await {
        latencies.record(microseconds(latency.context("a call")??))?;
    }
    Ok(latencies)
}

/// A duration as [`Latencies`] records it.
pub fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
