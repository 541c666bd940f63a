//! The rules file and its changes: read at start, looked at every second, read again when its
//! content differs. A file that can not be used changes nothing but a metric and one log line. Not
//! here: what rules look like (`rule_set.rs`).

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::rule_set::{DEFAULT_RULES, DEFAULT_RULES_NAME, RuleSet, RuleSetError};

/// How often the file is looked at. It is small and local, so it is simply read; its time stamp
/// would not tell of a change within the same second or of a moved mount.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A rules file has some hundred bytes; a larger one than this is none.
const LARGEST_FILE: u64 = 64 * 1024;

/// Why the rules could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RulesFileError {
    /// The file can not be read.
    #[error("{file}: {problem}")]
    Unreadable {
        /// Which file.
        file: String,
        /// What the system said.
        problem: String,
    },
    /// The file holds no rules.
    #[error(transparent)]
    Rules(#[from] RuleSetError),
}

/// The rules in force and the file they come from.
pub struct RulesFile {
    path: PathBuf,
    /// What was seen last, good or bad, so that each change is judged and reported once.
    seen: Result<String, String>,
    rules: watch::Sender<Arc<RuleSet>>,
}

/// What a look at the file found.
#[derive(Debug)]
pub enum Look {
    /// Nothing new.
    Same,
    /// Rules that can be used; they are in force now.
    Taken,
    /// Something that can not be used; the rules before it stay in force.
    Refused(RulesFileError),
}

/// The built-in rules, which never change.
///
/// # Errors
/// [`RuleSetError`] if they are not well-formed, which a test excludes.
pub fn built_in() -> Result<watch::Receiver<Arc<RuleSet>>, RuleSetError> {
    let rules = RuleSet::parse(DEFAULT_RULES_NAME, DEFAULT_RULES)?;
    Ok(watch::channel(Arc::new(rules)).1)
}

impl RulesFile {
    /// Reads the file for the first time. The receiver always holds the rules in force.
    ///
    /// # Errors
    /// [`RulesFileError`] if the file can not be used: a service does not start with rules nobody
    /// meant.
    pub fn open(path: PathBuf) -> Result<(Self, watch::Receiver<Arc<RuleSet>>), RulesFileError> {
        let name = path.display().to_string();
        let text = read(&path).map_err(|error| unreadable(&name, &error.to_string()))?;
        let rules = RuleSet::parse(&name, &text)?;
        let (sender, receiver) = watch::channel(Arc::new(rules));
        Ok((Self { path, seen: Ok(text), rules: sender }, receiver))
    }

    /// Looks at the file once.
    pub fn look(&mut self) -> Look {
        let found = read(&self.path).map_err(|error| error.to_string());
        if found == self.seen {
            return Look::Same;
        }
        self.seen = found;
        let name = self.path.display().to_string();
        let rules = match &self.seen {
            Ok(text) => RuleSet::parse(&name, text).map_err(RulesFileError::from),
            Err(problem) => Err(unreadable(&name, problem)),
        };
        match rules {
            Ok(rules) => {
                self.rules.send_replace(Arc::new(rules));
                Look::Taken
            }
            Err(error) => Look::Refused(error),
        }
    }

    /// Looks at the file every second until stopped, and says in log and metrics what it found.
    pub async fn watch(mut self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let before = self.rules.borrow().version().to_owned();
            match self.look() {
                Look::Same => {}
                Look::Taken => {
                    let version = self.rules.borrow().version().to_owned();
                    report_rules(Some(&before), &version);
                    tracing::info!(version, "new rules are in force");
                }
                Look::Refused(error) => {
                    report_refused();
                    tracing::error!(%error, version = before, "the rules before stay in force");
                }
            }
        }
    }
}

/// Tells the metrics which rules are in force, and that the file they came from was good.
pub fn report_rules(before: Option<&str>, version: &str) {
    if let Some(before) = before {
        metrics::gauge!("rules_rule_set_info", "version" => before.to_owned()).set(0.0);
    }
    metrics::gauge!("rules_rule_set_info", "version" => version.to_owned()).set(1.0);
    metrics::gauge!("rules_reload_failed").set(0.0);
}

fn report_refused() {
    metrics::gauge!("rules_reload_failed").set(1.0);
}

fn unreadable(file: &str, problem: &str) -> RulesFileError {
    RulesFileError::Unreadable { file: file.to_owned(), problem: problem.to_owned() }
}

fn read(path: &PathBuf) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LARGEST_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(io::Error::other("the file is too large for rules"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const OTHER: &str = r#"{"premium": "1h", "standard": "2h", "default": "never"}"#;

    /// A rules file of its own for each test, removed with it.
    struct Written(PathBuf);

    impl Written {
        fn new(text: &str) -> Self {
            let file = format!("rules-{}.json", uuid::Uuid::new_v4());
            let written = Self(std::env::temp_dir().join(file));
            written.write(text);
            written
        }

        fn write(&self, text: &str) {
            fs::write(&self.0, text).expect("written");
        }

        fn open(&self) -> (RulesFile, watch::Receiver<Arc<RuleSet>>) {
            RulesFile::open(self.0.clone()).expect("rules")
        }
    }

    impl Drop for Written {
        fn drop(&mut self) {
            drop(fs::remove_file(&self.0));
        }
    }

    #[test]
    fn the_built_in_rules_are_well_formed() {
        built_in().expect("rules");
    }

    #[test]
    fn a_changed_file_is_in_force_at_the_next_look() {
        let written = Written::new(DEFAULT_RULES);
        let (mut file, rules) = written.open();
        let before = rules.borrow().version().to_owned();
        assert!(matches!(file.look(), Look::Same));
        written.write(OTHER);
        assert!(matches!(file.look(), Look::Taken));
        assert_ne!(rules.borrow().version(), before);
        assert!(matches!(file.look(), Look::Same));
    }

    #[test]
    fn a_bad_file_keeps_the_rules_and_is_reported_once() {
        let written = Written::new(DEFAULT_RULES);
        let (mut file, rules) = written.open();
        let before = rules.borrow().clone();
        written.write(r#"{"premium": "soon", "standard": "2h", "default": "never"}"#);
        let Look::Refused(error) = file.look() else { panic!("taken") };
        assert!(error.to_string().contains("tier `premium`"), "{error}");
        assert!(matches!(file.look(), Look::Same));
        assert_eq!(*rules.borrow(), before);
    }

    #[test]
    fn a_missing_file_keeps_the_rules_until_it_is_back() {
        let written = Written::new(DEFAULT_RULES);
        let (mut file, rules) = written.open();
        let before = rules.borrow().clone();
        fs::remove_file(&written.0).expect("removed");
        assert!(matches!(file.look(), Look::Refused(RulesFileError::Unreadable { .. })));
        assert!(matches!(file.look(), Look::Same));
        assert_eq!(*rules.borrow(), before);
        written.write(OTHER);
        assert!(matches!(file.look(), Look::Taken));
    }

    #[test]
    fn a_service_does_not_open_a_file_it_can_not_use() {
        let large = format!("{OTHER}{}", " ".repeat(64 * 1024));
        for text in ["", "{}", &large] {
            let written = Written::new(text);
            assert!(RulesFile::open(written.0.clone()).is_err());
        }
    }
}
