//! What the full profile has shown so far, kept beside the built programs: a run that is stopped
//! goes on with the faults that are missing or were not survived. Another seed begins anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::controls::{Control, Shown};
use super::fault::Fault;
use super::session::Run;
use crate::files::read_json;

/// What was shown of a fault.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// On which day (UTC).
    pub date: String,
    /// How often it was planned.
    pub planned: usize,
    /// How often it happened.
    pub fired: u64,
    /// How long its promise took, each time, shortest first.
    pub took: Vec<Duration>,
    /// How many calls the workload has made meanwhile.
    pub calls: usize,
    /// What was wrong; nothing if it was survived.
    pub failures: Vec<String>,
}

impl Row {
    /// What a run of this fault alone has shown.
    pub fn of(run: &Run, date: String) -> Self {
        let mut took: Vec<Duration> =
            run.outcomes.iter().flat_map(|one| one.took.clone()).collect();
        took.sort_unstable();
        Self {
            date,
            planned: run.outcomes.iter().map(|one| one.planned).sum(),
            fired: run.outcomes.iter().map(|one| one.fired).sum(),
            took,
            calls: run.outcomes.iter().map(|one| one.calls).sum(),
            failures: run.failures(),
        }
    }

    /// A run that could not be finished.
    pub fn failed(why: String, date: String) -> Self {
        let (took, failures) = (Vec::new(), vec![why]);
        Self { date, planned: 0, fired: 0, took, calls: 0, failures }
    }

    /// Whether it was survived at least so often.
    pub fn is_survived(&self, times: u32) -> bool {
        self.failures.is_empty() && self.planned >= times as usize
    }

    /// The one in the middle and the longest.
    pub fn median_and_worst(&self) -> Option<(Duration, Duration)> {
        Some((*self.took.get(self.took.len() / 2)?, *self.took.last()?))
    }
}

/// Everything shown with one seed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// What all of it follows from.
    pub seed: u64,
    /// The faults that are done.
    pub faults: BTreeMap<Fault, Row>,
    /// The controls that are done.
    pub controls: BTreeMap<Control, Shown>,
}

impl State {
    /// What was kept in `folder`, if it belongs to `seed` (whatever was kept, if none is asked
    /// for); else a new one.
    ///
    /// # Errors
    /// If what is kept can not be read.
    pub fn open(folder: &Path, seed: Option<u64>, fresh: impl Fn() -> u64) -> Result<Self> {
        let kept: Option<Self> = read_json(&file(folder))?;
        let fits = |kept: &Self| seed.is_none_or(|seed| seed == kept.seed);
        Ok(match kept.filter(fits) {
            Some(kept) => kept,
            None => Self { seed: seed.unwrap_or_else(fresh), ..Self::default() },
        })
    }

    /// Keeps it.
    ///
    /// # Errors
    /// If it can not be written.
    pub fn keep(&self, folder: &Path) -> Result<()> {
        let path = file(folder);
        let draft = path.with_extension("draft");
        std::fs::write(&draft, serde_json::to_vec_pretty(self)?)
            .and_then(|()| std::fs::rename(&draft, &path))
            .with_context(|| format!("writing {}", path.display()))
    }

    /// Forgets what was kept.
    ///
    /// # Errors
    /// If it can not be deleted.
    pub fn forget(folder: &Path) -> Result<()> {
        match std::fs::remove_file(file(folder)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("full.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(milliseconds: &[u64]) -> Row {
        Row {
            date: "2026-01-01".into(),
            planned: 1,
            fired: 1,
            took: milliseconds.iter().copied().map(Duration::from_millis).collect(),
            calls: 1,
            failures: Vec::new(),
        }
    }

    #[test]
    fn what_was_kept_goes_on_unless_the_seed_is_another() {
        let folder = std::env::temp_dir().join(format!("turnstile-state-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder).expect("made");
        let mut state = State::open(&folder, None, || 7).expect("new");
        state.faults.insert(Fault::KillRules, row(&[1]));
        state.keep(&folder).expect("kept");
        for same in [None, Some(7)] {
            assert_eq!(State::open(&folder, same, || 8).expect("kept").faults.len(), 1);
        }
        assert!(State::open(&folder, Some(9), || 8).expect("new").faults.is_empty());
        State::forget(&folder).expect("deleted");
        assert_eq!(State::open(&folder, None, || 8).expect("new").seed, 8);
        std::fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn what_failed_or_happened_less_often_than_promised_is_not_survived() {
        assert!(row(&[1]).is_survived(1) && !row(&[1]).is_survived(2));
        let failed = Row { failures: vec!["lost".into()], ..row(&[1]) };
        assert!(!failed.is_survived(1));
    }

    #[test]
    fn median_and_worst_of_several() {
        let both =
            |all: &[u64]| row(all).median_and_worst().map(|(m, w)| [m, w].map(|d| d.as_millis()));
        assert_eq!(both(&[1, 2, 9]), Some([2, 9]));
        assert_eq!(both(&[]), None);
    }
}
