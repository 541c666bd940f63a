//! Installing Debian's Postgres and RabbitMQ when the machine has none, saying so.
//!
//! The packages would start servers of their own, now and at every start of the machine. Both is
//! prevented: only the programs are wanted. Not here: finding them ([`crate::programs`]).

use std::fs;
use std::io::IsTerminal;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::account::is_root;
use crate::programs::{self, PostgresPrograms, RabbitMqPrograms, in_path};

/// Debian asks this script whether a package may start its service (invoke-rc.d(8)).
const POLICY: &str = "/usr/sbin/policy-rc.d";
/// "Action forbidden by policy" (invoke-rc.d(8)).
const POLICY_FORBIDS: &str = "#!/bin/sh\nexit 101\n";

/// Postgres, installed if need be; of major version `wanted` if given. `tell` hears what is being
/// done.
///
/// # Errors
/// If there is none and none can be installed: with what to do.
pub fn postgres(wanted: Option<u32>, tell: fn(String)) -> Result<PostgresPrograms> {
    if let Some(found) = programs::postgres(wanted) {
        return Ok(found);
    }
    let package = wanted.map_or("postgresql".to_owned(), |version| format!("postgresql-{version}"));
    install("Postgres", &package, tell)?;
    programs::postgres(wanted).with_context(|| match wanted {
        Some(version) => {
            format!("the data were written by Postgres {version}: install that version")
        }
        None => "Postgres 14 or later is needed".to_owned(),
    })
}

/// RabbitMQ, installed if need be. `tell` hears what is being done.
///
/// # Errors
/// If there is none and none can be installed: with what to do.
pub fn rabbitmq(tell: fn(String)) -> Result<RabbitMqPrograms> {
    if let Some(found) = programs::rabbitmq() {
        return Ok(found);
    }
    install("RabbitMQ", "rabbitmq-server", tell)?;
    programs::rabbitmq().context("RabbitMQ was installed but can not be found")
}

/// A program of a Debian package that tests need, installed if need be. `tell` hears what is being
/// done.
///
/// # Errors
/// If there is none and none can be installed: with what to do.
pub fn program(name: &str, package: &str, tell: fn(String)) -> Result<PathBuf> {
    if let Some(found) = in_path(name) {
        return Ok(found);
    }
    install(name, package, tell)?;
    in_path(name).with_context(|| format!("{package} was installed but {name} can not be found"))
}

fn install(name: &str, package: &str, tell: fn(String)) -> Result<()> {
    if in_path("apt-get").is_none() {
        bail!("{name} is not installed: install it, so that its programs are in PATH");
    }
    let Some(rights) = rights() else {
        bail!("{name} is missing and this user may not install it: sudo apt-get install {package}");
    };
    tell(format!(
        "{name} is not installed: installing the Debian package {package} (a minute or so) …"
    ));
    let _forbidden = ServicesForbidden::begin(rights)?;
    // A list of packages that is too old is the usual reason for a failure; one that can not be
    // renewed is not.
    let _ = run(rights, &["apt-get", "-qq", "update"]);
    run(
        rights,
        &[
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "-qq",
            "-y",
            "--no-install-recommends",
            "install",
            package,
        ],
    )
    .with_context(|| format!("installing {package} (by hand: apt-get install {package})"))?;
    // The service of every version of Postgres is called alike. Works with systemd and without.
    let service = if package.starts_with("postgresql") { "postgresql" } else { package };
    let _ = run(rights, &["update-rc.d", service, "disable"]);
    tell(format!("{name} is installed; its own service was neither started nor enabled."));
    Ok(())
}

/// What stands before a command that needs root: nothing, or `sudo`.
type Rights = &'static [&'static str];

fn rights() -> Option<Rights> {
    if is_root() {
        return Some(&[]);
    }
    in_path("sudo")?;
    // Without a terminal sudo could not ask for the password.
    let allowed = std::io::stdin().is_terminal() || run(&["sudo", "-n"], &["true"]).is_ok();
    allowed.then_some(&["sudo"])
}

fn run(rights: Rights, command: &[&str]) -> Result<()> {
    let words: Vec<&str> = rights.iter().chain(command).copied().collect();
    let Some((program, arguments)) = words.split_first() else { bail!("no command") };
    let answer = Command::new(program).args(arguments).stdin(Stdio::null()).output()?;
    if !answer.status.success() {
        bail!("{} ({})", String::from_utf8_lossy(&answer.stderr).trim(), answer.status);
    }
    Ok(())
}

/// While this lives no package may start a service. A policy the machine already has is left as it
/// is.
struct ServicesForbidden {
    rights: Rights,
    ours: bool,
}

impl ServicesForbidden {
    fn begin(rights: Rights) -> Result<Self> {
        let ours = !Path::new(POLICY).exists();
        if ours {
            let draft = std::env::temp_dir().join(format!("policy-{}", uuid::Uuid::new_v4()));
            fs::write(&draft, POLICY_FORBIDS).context("writing a policy-rc.d")?;
            fs::set_permissions(&draft, fs::Permissions::from_mode(0o755))?;
            let source = draft.display().to_string();
            run(rights, &["install", "-m", "755", &source, POLICY])?;
            fs::remove_file(&draft)?;
        }
        Ok(Self { rights, ours })
    }
}

impl Drop for ServicesForbidden {
    fn drop(&mut self) {
        if self.ours {
            let _ = run(self.rights, &["rm", "-f", POLICY]);
        }
    }
}
