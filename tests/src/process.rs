//! A child process in a session of its own, with a log file and a pid file.
//!
//! Its own session means that Ctrl-C in the terminal does not reach it: whoever started it decides
//! when it stops. Not here: when it is ready (each server knows) and starting it again
//! ([`crate::supervise`]).

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::account::Account;
use crate::log_file;
use crate::process_table::Mark;

/// How long what descends from an ended process may still take to vanish before it is killed.
const STRAGGLERS: Duration = Duration::from_secs(5);
/// How often the process table is looked at while waiting for somebody else's child.
const GLANCE: Duration = Duration::from_millis(20);

/// How to start a process; the same every time.
#[derive(Clone, Debug)]
pub struct Launch {
    /// What people call it.
    pub name: String,
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables set for it; an empty value removes the variable.
    pub variables: Vec<(String, OsString)>,
    /// Whether it sees only [`Launch::variables`] (servers) or this program's variables too
    /// (services).
    pub clean: bool,
    /// Where it runs.
    pub folder: PathBuf,
    /// As whom; `None` is as this program.
    pub account: Option<Account>,
    /// Where its output goes, appended.
    pub log: PathBuf,
    /// Where its process is noted while it runs, for a later launcher to find.
    pub pid_file: PathBuf,
}

impl Launch {
    /// Starts the process.
    ///
    /// # Errors
    /// If the program can not be executed or the log can not be written.
    pub fn start(&self) -> Result<Process> {
        let (mut command, log_from) = self.command(true)?;
        let child = command.spawn().with_context(|| format!("starting {}", self.name))?;
        let Some(mark) = child.id().and_then(|pid| Mark::of(pid.cast_signed())) else {
            bail!("{} ended at once", self.name);
        };
        let process = Process { launch: self.clone(), child, mark, log_from };
        let note = serde_json::to_vec(&process.mark)?;
        fs::write(&self.pid_file, note)
            .with_context(|| format!("writing {}", self.pid_file.display()))?;
        Ok(process)
    }

    /// Runs it to its end as an ordinary child of the terminal (Ctrl-C reaches it).
    ///
    /// # Errors
    /// If it can not be executed, or answers with failure: then with the last lines it wrote.
    pub async fn run(&self) -> Result<()> {
        let (mut command, log_from) = self.command(false)?;
        let status = command
            .kill_on_drop(true)
            .status()
            .await
            .with_context(|| format!("running {}", self.name))?;
        if !status.success() {
            bail!("{} failed ({status}){}", self.name, log_file::quote(&self.log, log_from));
        }
        Ok(())
    }

    fn command(&self, own_session: bool) -> Result<(Command, u64)> {
        let (log, log_from) = log_file::open(&self.log)
            .with_context(|| format!("opening the log {}", self.log.display()))?;
        let mut command = if own_session {
            // `setsid` replaces itself by the program, so the process id stays the same.
            let mut command = Command::new("setsid");
            command.arg(&self.program);
            command
        } else {
            Command::new(&self.program)
        };
        if self.clean {
            command.env_clear();
        }
        for (name, value) in &self.variables {
            if value.is_empty() {
                command.env_remove(name);
            } else {
                command.env(name, value);
            }
        }
        if let Some(account) = self.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
            .args(&self.arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok((command, log_from))
    }
}

/// A running child. Dropped, it is killed at once with all its descendants.
#[derive(Debug)]
pub struct Process {
    launch: Launch,
    child: Child,
    mark: Mark,
    log_from: u64,
}

impl Process {
    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.mark.pid
    }

    /// Whether it still runs.
    pub fn is_alive(&self) -> bool {
        self.mark.is_alive()
    }

    /// Waits for its end. May be called and given up as often as one likes.
    ///
    /// # Errors
    /// If the kernel does not tell.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        self.child.wait().await.with_context(|| format!("waiting for {}", self.launch.name))
    }

    /// Waits until `ready` answers true.
    ///
    /// # Errors
    /// If the process ends before, or `limit` passes: with the last lines it wrote.
    pub async fn until_ready<Answer: Future<Output = bool> + Send>(
        &mut self,
        limit: Duration,
        ready: impl Fn() -> Answer + Send,
    ) -> Result<()> {
        /// A server is asked this often whether it is ready.
        const ASK: Duration = Duration::from_millis(50);
        let started = Instant::now();
        while !ready().await {
            if let Ok(status) = timeout(ASK, self.child.wait()).await {
                bail!("{} ended ({}){}", self.launch.name, status?, self.last_words());
            }
            if started.elapsed() > limit {
                let seconds = limit.as_secs();
                bail!("{} is not ready after {seconds} s{}", self.launch.name, self.last_words());
            }
        }
        Ok(())
    }

    /// The last lines it wrote, introduced by where they stand; empty if it wrote nothing.
    pub fn last_words(&self) -> String {
        log_file::quote(&self.launch.log, self.log_from)
    }

    /// Asks it to end by `signal`; kills it when `limit` has passed or `hurry` is given. When this
    /// answers, neither it nor anything that descended from it is left.
    ///
    /// # Errors
    /// If something survives even being killed (a process stuck in the kernel).
    pub async fn stop(
        mut self,
        signal: Signal,
        limit: Duration,
        hurry: &CancellationToken,
    ) -> Result<()> {
        let family = self.mark.family();
        self.mark.signal(signal);
        tokio::select! {
            _ = self.child.wait() => {}
            () = sleep(limit) => {}
            () = hurry.cancelled() => {}
        }
        self.finish(family).await
    }

    /// Kills it with everything that descends from it, as a power failure would, and waits until
    /// all are gone.
    ///
    /// # Errors
    /// As [`Process::stop`].
    pub async fn kill(mut self) -> Result<()> {
        let family = self.mark.kill_family();
        self.finish(family).await
    }

    /// Kills it alone and waits until those who descend from it have noticed and ended by
    /// themselves; who stays is killed after a few seconds.
    ///
    /// # Errors
    /// As [`Process::stop`].
    pub async fn kill_alone(mut self) -> Result<()> {
        let family = self.mark.family();
        self.mark.signal(Signal::KILL);
        let _ = self.child.wait().await;
        self.finish(family).await
    }

    async fn finish(&mut self, mut family: Vec<Mark>) -> Result<()> {
        if self.mark.is_alive() {
            family = self.mark.kill_family();
        }
        let _ = self.child.wait().await;
        family.extend(self.mark.family());
        gone(&self.launch.name, &family).await?;
        let _ = fs::remove_file(&self.launch.pid_file);
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.mark.kill_family().is_empty() {
            let _ = fs::remove_file(&self.launch.pid_file);
        }
    }
}

/// Stops what an earlier launcher, itself killed, left running according to `pid_file`. Answers
/// whether there was anything.
///
/// # Errors
/// If the pid file can not be read, or the process survives being killed.
pub async fn stop_leftover(pid_file: &Path, signal: Signal, limit: Duration) -> Result<bool> {
    let note = match fs::read(pid_file) {
        Ok(note) => note,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => {
            return Err(error).with_context(|| format!("reading {}", pid_file.display()));
        }
    };
    // A note cut short by a full disk names nobody.
    let Ok(mark) = serde_json::from_slice::<Mark>(&note) else { return Ok(false) };
    let mut family = mark.family();
    let found = !family.is_empty();
    mark.signal(signal);
    let asked = Instant::now();
    while mark.is_alive() && asked.elapsed() < limit {
        sleep(GLANCE).await;
    }
    // What outlives its parent was orphaned by a kill, or is as stuck as its parent is.
    family.extend(mark.kill_family());
    gone(&pid_file.display().to_string(), &family).await?;
    let _ = fs::remove_file(pid_file);
    Ok(found)
}

/// Whether the process noted in `pid_file` runs.
pub fn runs(pid_file: &Path) -> bool {
    fs::read(pid_file)
        .ok()
        .and_then(|note| serde_json::from_slice::<Mark>(&note).ok())
        .is_some_and(|mark| mark.is_alive())
}

/// Waits until none of `family` is left; kills who stays.
async fn gone(name: &str, family: &[Mark]) -> Result<()> {
    let since = Instant::now();
    while family.iter().any(Mark::is_alive) {
        if since.elapsed() > STRAGGLERS * 2 {
            bail!("{name} can not be stopped: a process of it does not end even when killed");
        }
        if since.elapsed() > STRAGGLERS {
            family.iter().for_each(|member| member.signal(Signal::KILL));
        }
        sleep(GLANCE).await;
    }
    Ok(())
}
