//! What a process holds: descriptors and memory, as the kernel counts them.

use std::fs;

use anyhow::{Context, Result};
use serde::Serialize;

use super::World;
use crate::bench::usage::memory;

/// What a service holds at a moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Usage {
    /// Which service and replica.
    pub name: String,
    /// The process; another one has nothing to do with what this one held before.
    pub pid: i32,
    /// Open file descriptors.
    pub descriptors: usize,
    /// Resident memory, MiB.
    pub resident: f64,
}

/// What each running service holds now.
///
/// # Errors
/// If one ended.
pub fn of(world: &mut World) -> Result<Vec<Usage>> {
    let ticketing = world.ticketing.iter_mut().enumerate().map(|(n, one)| ("ticketing", n, one));
    let rules = world.rules.iter_mut().enumerate().map(|(n, one)| ("rules", n, one));
    let mut all = Vec::new();
    for (service, number, one) in ticketing.chain(rules) {
        let name = format!("{service}-{}", number + 1);
        let pid = one.process().with_context(|| format!("{name} does not run"))?.pid();
        let folder = format!("/proc/{pid}/fd");
        let descriptors = fs::read_dir(&folder).with_context(|| folder.clone())?.count();
        all.push(Usage { name, pid, descriptors, resident: memory(pid)?.resident });
    }
    Ok(all)
}
