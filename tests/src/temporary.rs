//! Homes that are deleted when they are dropped, with an end to everything that runs from them; and
//! the sweep of those that nobody could drop, because their program was killed.
//!
//! Homes of systems under test stand inside the home of the servers they use, so they end with it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use uuid::Uuid;

use crate::files::read_json;
use crate::home::{Home, HomeLock};
use crate::process_table::Mark;

const PREFIX: &str = "turnstile-servers-";
/// The folder, in the home of the servers, of the homes of the systems that use them.
const SYSTEMS: &str = "systems";
/// How long what was killed may take to vanish.
const VANISHING: Duration = Duration::from_secs(5);
const GLANCE: Duration = Duration::from_millis(20);
/// A younger home may belong to a program that has not locked it yet.
const SWEPT_AFTER: Duration = Duration::from_secs(60);

/// A home that ends when it is dropped.
#[derive(Debug)]
pub struct TemporaryHome {
    /// The home.
    pub home: Home,
    _lock: HomeLock,
}

impl TemporaryHome {
    /// Makes one under the machine's folder for temporary files.
    ///
    /// # Errors
    /// If it can not be made.
    pub fn make() -> Result<Self> {
        Self::at(&std::env::temp_dir().join(format!("{PREFIX}{}", Uuid::new_v4().simple())))
    }

    /// Makes one called `name` for a system that uses the servers of the home at `servers`.
    ///
    /// # Errors
    /// If it can not be made.
    pub fn of_system(servers: &Path, name: &str) -> Result<Self> {
        Self::at(&servers.join(SYSTEMS).join(name))
    }

    fn at(root: &Path) -> Result<Self> {
        let home = Home::open(root)?;
        let lock = home.lock()?.ok().context("a new home is locked")?;
        Ok(Self { home, _lock: lock })
    }
}

impl Drop for TemporaryHome {
    fn drop(&mut self) {
        end(&self.home);
    }
}

/// Ends what runs from homes whose program was killed, and deletes them. Best effort: what can not
/// be ended or is another user's stays.
pub fn sweep() {
    for entry in children(&std::env::temp_dir()) {
        let name = entry.file_name();
        let locked_at = entry.path().join("launcher.lock").metadata();
        let age = locked_at.and_then(|metadata| metadata.modified()).map(|time| time.elapsed());
        let is_old = age.is_ok_and(|age| age.is_ok_and(|age| age > SWEPT_AFTER));
        if !is_old || !name.to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        if let Ok(home) = Home::open(&entry.path())
            && let Ok(Ok(_lock)) = home.lock()
        {
            end(&home);
        }
    }
}

fn end(home: &Home) {
    let mut families = kill_noted(&home.root().join("run"));
    for system in children(&home.root().join(SYSTEMS)) {
        families.extend(kill_noted(&system.path().join("run")));
    }
    let killed = Instant::now();
    while families.iter().any(Mark::is_alive) && killed.elapsed() < VANISHING {
        std::thread::sleep(GLANCE);
    }
    let _ = home.clone().delete();
}

fn kill_noted(run: &Path) -> Vec<Mark> {
    children(run)
        .filter_map(|entry| read_json::<Mark>(&entry.path()).ok().flatten())
        .flat_map(|mark| mark.kill_family())
        .collect()
}

fn children(folder: &Path) -> impl Iterator<Item = fs::DirEntry> {
    fs::read_dir(folder).into_iter().flatten().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Launch;

    fn sleeper(home: &Home) -> Launch {
        Launch {
            name: "sleeper".into(),
            program: "sleep".into(),
            arguments: vec!["60".into()],
            variables: Vec::new(),
            clean: false,
            folder: ".".into(),
            account: None,
            log: home.log("sleeper"),
            pid_file: home.pid_file("sleeper"),
        }
    }

    #[tokio::test]
    async fn what_runs_from_a_system_ends_with_the_home_of_its_servers() {
        let servers = TemporaryHome::make().expect("made");
        let root = servers.home.root().to_owned();
        let system = TemporaryHome::of_system(&root, "system").expect("made");
        let process = sleeper(&system.home).start().expect("started");
        let mark = Mark::of(process.pid()).expect("runs");
        // As if its program had been killed: nothing is dropped.
        std::mem::forget((process, system));
        drop(servers);
        assert!(!mark.is_alive());
        assert!(!root.exists());
    }
}
