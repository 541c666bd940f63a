//! How many logins per second: each verifies a password, which is meant to be expensive. Beside
//! Argon2id alone on as many threads as the service gives it. Meanwhile other routes have to be
//! served: the slowest hundredth of checks at a modest rate.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::{Context, Result};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::bench::accounts;
use crate::bench::load::{closed, open};
use crate::bench::rounds::in_turns;
use crate::bench::row::{Row, Series, Target};
use crate::bench::stage::Stage;

use super::{check, milliseconds, turn};

/// As `ticketing` hashes: KiB, passes, lanes.
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// Checks per second meanwhile.
const CHECKS: u32 = 100;
const REFERENCE: &str = "Argon2id alone";

/// Logins and, of each round of them, the checks meanwhile; of the reference no checks.
///
/// # Errors
/// If a login or a check is refused.
pub async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let logins: Arc<[Bytes]> = accounts::logins().into();
    let checks = check::checks(stage, &stage.accounts.premium).await?;
    let password = Password::new()?;
    let measured = in_turns(stage, [true, false], async |ours, lasting| {
        if !ours {
            return Ok((password.verified(lasting).await?, None));
        }
        let (logins, checks) = (Arc::clone(&logins), Arc::clone(&checks));
        let logins =
            closed(stage.address, lasting, 200, move |number| turn(&logins, number).cloned());
        let checks = open(stage.address, CHECKS, lasting, move |mut connection, number| {
            let check = turn(&checks, number).cloned();
            async move {
                connection.call(&check.context("a link")?).await?.expect(200)?;
                Ok(connection)
            }
        });
        let (rate, latencies) = tokio::try_join!(logins, checks)?;
        Ok((rate, Some(milliseconds(&latencies, 0.99))))
    });
    let [ours, reference] = measured.await?;
    let (rates, waits): (_, Vec<_>) = ours.into_iter().unzip();
    let reference = Series(reference.into_iter().map(|(rate, _)| rate).collect());
    Ok(vec![
        Row::new("logins", "1/s", Series(rates))
            .beside(REFERENCE, &reference)
            .should_be(Target::RatioAtLeast(0.9)),
        Row::new(
            "checks at 100/s meanwhile, p99",
            "ms",
            Series(waits.into_iter().flatten().collect()),
        )
        .should_be(Target::AtMost(100.0)),
    ])
}

/// A password and its hash.
struct Password {
    hash: Arc<str>,
}

impl Password {
    fn new() -> Result<Self> {
        let hash = argon2()?.hash_password(accounts::password().as_bytes());
        Ok(Self {
            hash: hash.map_err(|error| anyhow::anyhow!("hashing: {error}"))?.to_string().into(),
        })
    }

    /// Verifications per second on a pool as the service has.
    async fn verified(&self, lasting: Duration) -> Result<f64> {
        let threads =
            available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1));
        let begun = Instant::now();
        let mut all = JoinSet::new();
        for _ in 0..threads {
            let hash = Arc::clone(&self.hash);
            all.spawn_blocking(move || {
                let (argon2, mut done) = (argon2()?, 0_u64);
                while begun.elapsed() < lasting {
                    let verified = argon2.verify_password(accounts::password().as_bytes(), &*hash);
                    verified.map_err(|error| anyhow::anyhow!("verifying: {error}"))?;
                    done += 1;
                }
                anyhow::Ok(done)
            });
        }
        let mut done = 0;
        while let Some(thread) = all.join_next().await {
            done += thread.context("a thread")??;
        }
        Ok(done as f64 / begun.elapsed().as_secs_f64())
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None);
    let params = params.map_err(|error| anyhow::anyhow!("the cost of a hash: {error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}
