//! Keeping things alive: what dies is started again, after a pause that grows while it keeps dying.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::postgres::Postgres;
use crate::process::Process;
use crate::rabbitmq::RabbitMq;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// What ran this long was well; its next death is a first one again.
const WELL_AFTER: Duration = Duration::from_secs(60);

/// Something that can be started, dies, and can be stopped.
pub trait Unit: Send + 'static {
    /// What people call it.
    fn name(&self) -> &str;
    /// Starts it; answers when it is ready.
    fn start(&mut self) -> impl Future<Output = Result<()>> + Send;
    /// Waits until it dies; answers how.
    fn ended(&mut self) -> impl Future<Output = String> + Send;
    /// Clears away what is left of it after it died.
    fn kill(&mut self) -> impl Future<Output = Result<()>> + Send;
    /// Stops it in good order, or at once when `hurry` is given.
    fn stop_or_kill(
        &mut self,
        hurry: &CancellationToken,
    ) -> impl Future<Output = Result<()>> + Send;
}

/// Watches over a started `unit` until `stop` is given, then stops it. `tell` hears of every death
/// and return.
///
/// # Errors
/// If it can not be stopped.
pub async fn supervise<U: Unit>(
    mut unit: U,
    stop: CancellationToken,
    hurry: CancellationToken,
    tell: fn(String),
) -> Result<()> {
    let mut pauses = Pauses::default();
    loop {
        let began = Instant::now();
        let how = tokio::select! {
            how = unit.ended() => how,
            () = stop.cancelled() => return unit.stop_or_kill(&hurry).await,
        };
        tell(format!("{} ended ({how}).", unit.name()));
        let mut pause = pauses.after(began.elapsed());
        loop {
            tell(format!("Starting {} again in {} s.", unit.name(), pause.as_secs()));
            let again = async {
                unit.kill().await?;
                sleep(pause).await;
                unit.start().await
            };
            let started = tokio::select! {
                started = again => started,
                () = stop.cancelled() => return unit.stop_or_kill(&hurry).await,
            };
            match started {
                Ok(()) => break,
                Err(error) => tell(format!("{error:#}.")),
            }
            pause = pauses.after(Duration::ZERO);
        }
        tell(format!("{} is back.", unit.name()));
    }
}

/// How long to wait before each start: 1, 2, 4, … 30 s.
#[derive(Debug, Default)]
struct Pauses {
    deaths: u32,
}

impl Pauses {
    fn after(&mut self, ran: Duration) -> Duration {
        if ran >= WELL_AFTER {
            self.deaths = 0;
        }
        let pause =
            FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.deaths)).min(LONGEST_PAUSE);
        self.deaths = self.deaths.saturating_add(1);
        pause
    }
}

/// Waits for the end of `process`; for ever if there is none.
pub async fn end_of(process: Option<&mut Process>) -> String {
    match process {
        Some(process) => match process.ended().await {
            Ok(status) => status.to_string(),
            Err(error) => format!("{error:#}"),
        },
        None => std::future::pending().await,
    }
}

impl Unit for Postgres {
    fn name(&self) -> &str {
        "Postgres"
    }
    async fn start(&mut self) -> Result<()> {
        Self::start(self).await
    }
    async fn ended(&mut self) -> String {
        end_of(self.process()).await
    }
    async fn kill(&mut self) -> Result<()> {
        Self::kill(self).await
    }
    async fn stop_or_kill(&mut self, hurry: &CancellationToken) -> Result<()> {
        Self::stop_or_kill(self, hurry).await
    }
}

impl Unit for RabbitMq {
    fn name(&self) -> &str {
        "RabbitMQ"
    }
    async fn start(&mut self) -> Result<()> {
        Self::start(self).await
    }
    async fn ended(&mut self) -> String {
        Self::ended(self).await
    }
    async fn kill(&mut self) -> Result<()> {
        Self::kill(self).await
    }
    async fn stop_or_kill(&mut self, hurry: &CancellationToken) -> Result<()> {
        Self::stop_or_kill(self, hurry).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound() {
        let mut pauses = Pauses::default();
        let seconds = [(); 8].map(|()| pauses.after(Duration::ZERO).as_secs());
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30, 30]);
    }

    #[test]
    fn what_ran_well_is_started_again_soon() {
        let mut pauses = Pauses::default();
        for _ in 0..5 {
            pauses.after(Duration::ZERO);
        }
        assert_eq!(pauses.after(WELL_AFTER), FIRST_PAUSE);
    }
}
