//! What the kernel says of a process and of the machine.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use tokio::time::interval;

/// How often memory is looked at while it is watched.
const LOOK: Duration = Duration::from_millis(50);

/// Memory of a process, MiB.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Memory {
    /// Resident now (`VmRSS`).
    pub resident: f64,
    /// The most that ever was (`VmHWM`).
    pub peak: f64,
}

/// The memory of a running process.
///
/// # Errors
/// If it does not run.
pub fn memory(pid: i32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("a running process")?;
    let resident = mebibytes(&status, "VmRSS:").context("VmRSS")?;
    let peak = mebibytes(&status, "VmHWM:").context("VmHWM")?;
    Ok(Memory { resident, peak })
}

/// Performs `work` while watching processes: the most resident memory of each seen meanwhile, MiB.
///
/// # Errors
/// If the work fails or a process ends.
pub async fn most_memory<const N: usize>(
    pids: [i32; N],
    work: impl Future<Output = Result<f64>>,
) -> Result<[f64; N]> {
    let mut most = [0.0_f64; N];
    let mut look = interval(LOOK);
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done.map(|_rate| most),
            _ = look.tick() => {
                for (pid, most) in pids.into_iter().zip(&mut most) {
                    *most = most.max(memory(pid)?.resident);
                }
            }
        }
    }
}

/// The load averages of the machine, as the kernel writes them.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn mebibytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_of_a_process_is_at_least_what_it_has() {
        let own = i32::try_from(std::process::id()).expect("a process id");
        let memory = memory(own).expect("runs");
        assert!(memory.resident > 0.0 && memory.peak >= memory.resident, "{memory:?}");
    }

    #[test]
    fn kibibytes_become_mebibytes() {
        assert_eq!(mebibytes("Name:\tx\nVmRSS:\t    2048 kB\n", "VmRSS:"), Some(2.0));
        assert_eq!(mebibytes("Name:\tx\n", "VmRSS:"), None);
    }
}
