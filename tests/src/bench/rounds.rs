//! Rounds: ours and the reference in turns, each on a machine where nothing of the other is left to do; and what comes
//! out of them.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use super::stage::Stage;

/// How often and how long everything is measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Plan {
    /// Rounds of each figure.
    pub rounds: usize,
    /// How long each side of a round takes.
    pub lasting: Duration,
}

impl Plan {
    /// What is worth comparing.
    pub const FULL: Self = Self { rounds: 5, lasting: Duration::from_secs(3) };
    /// To see that everything works.
    pub const QUICK: Self = Self { rounds: 2, lasting: Duration::from_secs(1) };
    /// Before the first round each side runs this long, uncounted: caches, plans and connections are there.
    pub const WARM_UP: Duration = Duration::from_millis(500);
}

/// The values of all rounds, in the order measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Series(pub Vec<f64>);

impl Series {
    /// The middle value; of an even number the mean of the two in the middle. 0 if there is none.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let upper = sorted.get(middle).copied().unwrap_or_default();
        if sorted.len().is_multiple_of(2) {
            let lower = middle.checked_sub(1).and_then(|index| sorted.get(index));
            lower.map_or(upper, |lower| f64::midpoint(*lower, upper))
        } else {
            upper
        }
    }

    /// The smallest value.
    pub fn min(&self) -> f64 {
        self.0.iter().copied().reduce(f64::min).unwrap_or_default()
    }

    /// The largest value.
    pub fn max(&self) -> f64 {
        self.0.iter().copied().reduce(f64::max).unwrap_or_default()
    }
}

/// What a figure is compared with.
#[derive(Clone, Debug)]
pub struct Reference {
    /// What it is.
    pub what: &'static str,
    /// Its values, in the figure's unit.
    pub series: Series,
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub name: &'static str,
    /// Of which both series are.
    pub unit: &'static str,
    /// Ours.
    pub ours: Series,
    /// What it stands beside, if there is something comparable.
    pub reference: Option<Reference>,
}

impl Row {
    /// Our median as a part of the reference's.
    pub fn ratio(&self) -> Option<f64> {
        let reference = self.reference.as_ref()?.series.median();
        (reference > 0.0).then(|| self.ours.median() / reference)
    }
}

/// Measures `ours` and `reference` in turns: first the one first, then the other. Both are told how long to take.
/// Neither begins before the system has nothing left to do.
///
/// # Errors
/// The first of either.
pub async fn in_turns<T, U>(
    stage: &Stage,
    mut ours: impl AsyncFnMut(Duration) -> Result<T>,
    mut reference: impl AsyncFnMut(Duration) -> Result<U>,
) -> Result<(Vec<T>, Vec<U>)> {
    let Plan { rounds, lasting } = stage.plan;
    stage.settled().await?;
    ours(Plan::WARM_UP).await.context("warming up")?;
    stage.settled().await?;
    reference(Plan::WARM_UP).await.context("the reference, warming up")?;
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        for own_turn in [round.is_multiple_of(2), !round.is_multiple_of(2)] {
            stage.settled().await?;
            if own_turn {
                own.push(ours(lasting).await?);
            } else {
                others.push(reference(lasting).await.context("the reference")?);
            }
        }
    }
    stage.settled().await?;
    Ok((own, others))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        let series = |values: &[f64]| Series(values.to_vec());
        assert_eq!(series(&[9.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(series(&[4.0, 1.0, 2.0, 9.0]).median(), 3.0);
        assert_eq!(series(&[7.0]).median(), 7.0);
        assert_eq!(series(&[]).median(), 0.0);
        assert_eq!((series(&[3.0, 1.0]).min(), series(&[3.0, 1.0]).max()), (1.0, 3.0));
    }

    #[test]
    fn a_ratio_needs_a_reference() {
        let alone = Row { name: "a", unit: "b", ours: Series(vec![3.0]), reference: None };
        assert_eq!(alone.ratio(), None);
        let series = Series(vec![6.0]);
        let beside = Row { reference: Some(Reference { what: "c", series }), ..alone };
        assert_eq!(beside.ratio(), Some(0.5));
    }
}
