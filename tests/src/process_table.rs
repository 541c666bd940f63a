//! The machine's processes as `/proc` shows them: who descends from whom, and whether a process is
//! still the one that was meant. Process ids are used again by the kernel, so a process is known by
//! its id and its start.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// One process, for certain: it is never confused with a later one that got the same id, nor with
/// one of before a restart of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The process id.
    pub pid: i32,
    /// When it started, in the kernel's ticks since the machine did.
    start: u64,
    /// Which run of the machine.
    boot: String,
}

impl Mark {
    /// Marks the process that has `pid` now; `None` if there is none.
    pub fn of(pid: i32) -> Option<Self> {
        Stat::read(pid).map(|stat| Self { pid, start: stat.start, boot: boot_id() })
    }

    /// Whether it still runs. One that ended and only waits to be noticed by its parent does not.
    pub fn is_alive(&self) -> bool {
        self.boot == boot_id()
            && Stat::read(self.pid)
                .is_some_and(|stat| stat.start == self.start && !stat.has_ended())
    }

    /// Sends `signal` if it still runs. A process that ends meanwhile is no failure.
    pub fn signal(&self, signal: Signal) {
        if self.is_alive()
            && let Some(pid) = Pid::from_raw(self.pid)
        {
            let _ = kill_process(pid, signal);
        }
    }

    /// It and its family, as far as they run: who descends from it, and who belongs to the session
    /// it leads. The session finds those whose parent has died: the kernel gives them another
    /// parent, but no other session.
    pub fn family(&self) -> Vec<Self> {
        let boot = boot_id();
        if self.boot != boot {
            return Vec::new();
        }
        let all: Vec<Stat> = all();
        let mut family: Vec<&Stat> = all
            .iter()
            .filter(|stat| stat.start >= self.start)
            .filter(|stat| stat.pid == self.pid || stat.session == self.pid)
            .collect();
        let mut next = 0;
        while let Some(parent) = family.get(next).map(|stat| stat.pid) {
            let known: Vec<i32> = family.iter().map(|stat| stat.pid).collect();
            family.extend(
                all.iter().filter(|stat| stat.parent == parent && !known.contains(&stat.pid)),
            );
            next += 1;
        }
        family
            .into_iter()
            .filter(|stat| !stat.has_ended())
            .map(|stat| Self { pid: stat.pid, start: stat.start, boot: boot.clone() })
            .collect()
    }

    /// Ends it and its family at once, as a power failure would. They may take a moment to vanish.
    /// Answers whom it ended.
    pub fn kill_family(&self) -> Vec<Self> {
        // Stopped first, so that it can not start another child between the listing and the end.
        self.signal(Signal::STOP);
        let family = self.family();
        for member in &family {
            member.signal(Signal::KILL);
        }
        family
    }
}

/// What `/proc/<pid>/stat` says (proc(5)).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    pid: i32,
    state: char,
    parent: i32,
    session: i32,
    start: u64,
}

impl Stat {
    fn read(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(line: &str) -> Option<Self> {
        /// `starttime` is field 22, the session field 6.
        const START_AFTER_SESSION: usize = 22 - 6 - 1;
        // The name stands in brackets and may itself hold spaces and brackets.
        let (before, after) = line.rsplit_once(')')?;
        let pid = before.split_whitespace().next()?.parse().ok()?;
        let mut fields = after.split_whitespace();
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        let session = fields.nth(1)?.parse().ok()?;
        let start = fields.nth(START_AFTER_SESSION)?.parse().ok()?;
        Some(Self { pid, state, parent, session, start })
    }

    fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }
}

fn all() -> Vec<Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(Stat::read)
        .collect()
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let line = "42 (a) b (c)) S 7 41 40 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2 3";
        let stat = Stat { pid: 42, state: 'S', parent: 7, session: 40, start: 987_654 };
        assert_eq!(Stat::parse(line), Some(stat));
    }

    #[test]
    fn a_process_is_alive_until_its_parent_sees_it_end() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("spawned");
        let mark = Mark::of(child.id().cast_signed()).expect("marked");
        assert!(mark.is_alive());
        mark.kill_family();
        child.wait().expect("ended");
        assert!(!mark.is_alive());
    }

    #[test]
    fn another_process_with_the_same_id_is_not_the_one_that_was_meant() {
        let own = std::process::id().cast_signed();
        let mark = Mark::of(own).expect("marked");
        assert!(mark.is_alive());
        assert!(!Mark { start: mark.start + 1, ..mark.clone() }.is_alive());
        assert!(!Mark { boot: "another".into(), ..mark }.is_alive());
    }

    /// A shell with two children, all running, in a session of its own.
    fn shell_with_two_children() -> (std::process::Child, Mark) {
        let mut shell = std::process::Command::new("setsid")
            .args(["sh", "-c", "sleep 60 & sleep 60 & echo started; wait"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("spawned");
        let mut said = [0; 8];
        std::io::Read::read_exact(shell.stdout.as_mut().expect("piped"), &mut said).expect("said");
        let mark = Mark::of(shell.id().cast_signed()).expect("marked");
        (shell, mark)
    }

    #[test]
    fn the_children_are_ended_with_their_parent() {
        let (mut shell, mark) = shell_with_two_children();
        let own = Mark::of(std::process::id().cast_signed()).expect("marked");
        assert!(mark.family().iter().all(|member| own.family().contains(member)));
        assert_eq!(mark.kill_family().len(), 3);
        shell.wait().expect("ended");
        assert!(!mark.is_alive());
    }

    #[test]
    fn children_are_family_even_when_their_parent_has_died() {
        let (mut shell, mark) = shell_with_two_children();
        mark.signal(Signal::KILL);
        shell.wait().expect("ended");
        assert_eq!(mark.kill_family().len(), 2);
    }
}
