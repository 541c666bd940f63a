//! A line of the table: what was measured, what it stands beside, and what it should reach.

use std::fmt;

use serde::Serialize;

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
    pub what: String,
    /// Its values, in the figure's unit.
    pub series: Series,
}

/// What a figure should reach; medians are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// At least this part of the reference.
    RatioAtLeast(f64),
    /// At most this multiple of the reference.
    RatioAtMost(f64),
    /// At least this, in the figure's unit.
    AtLeast(f64),
    /// At most this, in the figure's unit.
    AtMost(f64),
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RatioAtLeast(ratio) => write!(out, "≥ {ratio:.2} x"),
            Self::RatioAtMost(ratio) => write!(out, "≤ {ratio:.2} x"),
            Self::AtLeast(value) => write!(out, "≥ {value}"),
            Self::AtMost(value) => write!(out, "≤ {value}"),
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// Of which both series are.
    pub unit: &'static str,
    /// Ours.
    pub ours: Series,
    /// What it stands beside, if there is something comparable.
    pub reference: Option<Reference>,
    /// What it should reach, if anything was promised.
    pub target: Option<Target>,
}

impl Row {
    /// A row that stands alone and promises nothing.
    pub fn new(name: impl Into<String>, unit: &'static str, ours: Series) -> Self {
        Self { name: name.into(), unit, ours, reference: None, target: None }
    }

    /// The row beside a reference.
    #[must_use]
    pub fn beside(self, what: impl Into<String>, series: &Series) -> Self {
        let reference = Reference { what: what.into(), series: series.clone() };
        Self { reference: Some(reference), ..self }
    }

    /// The row with what it should reach.
    #[must_use]
    pub fn should_be(self, target: Target) -> Self {
        Self { target: Some(target), ..self }
    }

    /// Our median as a part of the reference's.
    pub fn ratio(&self) -> Option<f64> {
        let reference = self.reference.as_ref()?.series.median();
        (reference > 0.0).then(|| self.ours.median() / reference)
    }

    /// Whether the target is reached; `None` without one. What was not measured reaches nothing.
    pub fn is_met(&self) -> Option<bool> {
        let value = (!self.ours.0.is_empty()).then(|| self.ours.median());
        Some(match self.target? {
            Target::RatioAtLeast(least) => self.ratio().is_some_and(|ratio| ratio >= least),
            Target::RatioAtMost(most) => self.ratio().is_some_and(|ratio| ratio <= most),
            Target::AtLeast(least) => value.is_some_and(|value| value >= least),
            Target::AtMost(most) => value.is_some_and(|value| value <= most),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        Series(values.to_vec())
    }

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        assert_eq!(series(&[9.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(series(&[4.0, 1.0, 2.0, 9.0]).median(), 3.0);
        assert_eq!(series(&[7.0]).median(), 7.0);
        assert_eq!(series(&[]).median(), 0.0);
        assert_eq!((series(&[3.0, 1.0]).min(), series(&[3.0, 1.0]).max()), (1.0, 3.0));
    }

    #[test]
    fn a_ratio_needs_a_reference() {
        let alone = Row::new("a", "b", series(&[3.0]));
        assert_eq!(alone.ratio(), None);
        assert_eq!(alone.beside("c", &series(&[6.0])).ratio(), Some(0.5));
    }

    #[test]
    fn a_target_is_reached_or_missed() {
        let row = Row::new("a", "b", series(&[3.0])).beside("c", &series(&[6.0]));
        let met = |target| row.clone().should_be(target).is_met();
        assert_eq!(row.is_met(), None);
        assert_eq!(met(Target::RatioAtLeast(0.5)), Some(true));
        assert_eq!(met(Target::RatioAtLeast(0.51)), Some(false));
        assert_eq!(met(Target::RatioAtMost(0.49)), Some(false));
        assert_eq!(met(Target::AtLeast(3.1)), Some(false));
        assert_eq!(met(Target::AtMost(3.0)), Some(true));
    }

    #[test]
    fn nothing_measured_reaches_nothing() {
        let row = Row::new("a", "b", series(&[])).beside("c", &series(&[6.0]));
        assert_eq!(row.clone().should_be(Target::AtMost(3.0)).is_met(), Some(false));
        let alone = Row::new("a", "b", series(&[1.0]));
        assert_eq!(alone.should_be(Target::RatioAtMost(3.0)).is_met(), Some(false));
    }
}
