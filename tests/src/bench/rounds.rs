//! Rounds: everything that is compared takes turns, each on a machine where nothing of the others
//! is left to do.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use super::stage::Stage;

/// How often, how long and on how much everything is measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Plan {
    /// Rounds of each figure.
    pub rounds: usize,
    /// How long each side of a round takes.
    pub lasting: Duration,
    /// How long flows have to be sustained.
    pub sustained: Duration,
    /// Events stored while requests are accepted, ascending, in whole streams of
    /// [`super::history::EVENTS_OF_A_USED_LINK`].
    pub stored: [usize; 3],
    /// Events that a projection is rebuilt from, in such streams too.
    pub rebuilt: usize,
}

impl Plan {
    /// What is worth comparing.
    pub const FULL: Self = Self {
        rounds: 5,
        lasting: Duration::from_secs(3),
        sustained: Duration::from_secs(60),
        stored: [10_000, 1_000_000, 5_000_000],
        rebuilt: 200_000,
    };
    /// To see that everything works.
    pub const QUICK: Self = Self {
        rounds: 2,
        lasting: Duration::from_secs(1),
        sustained: Duration::from_secs(6),
        stored: [10_000, 20_000, 100_000],
        rebuilt: 20_000,
    };
    /// Before the first round each side runs this long, uncounted: caches, plans and connections
    /// are there.
    pub const WARM_UP: Duration = Duration::from_millis(500);
}

/// Measures `sides` in turns: another one begins each round. `measure` is told which side and how
/// long to take; it does not begin before the system has nothing left to do. Answers what each side
/// measured, in the order of `sides`.
///
/// # Errors
/// The first of any.
pub async fn in_turns<S: Copy, T, const N: usize>(
    stage: &Stage,
    sides: [S; N],
    mut measure: impl AsyncFnMut(S, Duration) -> Result<T>,
) -> Result<[Vec<T>; N]> {
    let Plan { rounds, lasting, .. } = stage.plan;
    for side in sides {
        stage.settled().await?;
        measure(side, Plan::WARM_UP).await.context("warming up")?;
    }
    let mut measured = [const { Vec::new() }; N];
    for round in 0..rounds {
        let mut turns: Vec<_> = sides.into_iter().zip(&mut measured).collect();
        turns.rotate_left(round % N.max(1));
        for (side, series) in turns {
            stage.settled().await?;
            series.push(measure(side, lasting).await?);
        }
    }
    stage.settled().await?;
    Ok(measured)
}
