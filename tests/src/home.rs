//! The private home (`TURNSTILE_HOME`, default `.turnstile`): what is where in it, and that only
//! one launcher at a time runs from it.
//!
//! ```text
//! ports.json       the ports, chosen once and kept
//! passwords.json   of the broker's users
//! launcher.lock    held while a launcher runs
//! keys/            signing keys of both services
//! logs/            one file a program
//! run/             which process is which (pid files)
//! servers/         data of Postgres and RabbitMQ; a link if their accounts can not enter the home
//! ```

use std::fs::{self, File, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use uuid::Uuid;

use crate::account::{Account, is_root};
use crate::files::{read_json, write_private};
use crate::ports::{self, Ports};

/// Where root puts the servers' data if their accounts can not enter the home (one under `/root`,
/// say). Not `/var/tmp`: that is everybody's, and swept.
const ELSEWHERE: &str = "/var/lib/turnstile";

/// A private home.
#[derive(Clone, Debug)]
pub struct Home {
    root: PathBuf,
}

/// Held by the one launcher that runs from a home. The kernel lets go of it even if the launcher is
/// killed.
#[derive(Debug)]
pub struct HomeLock(
    #[expect(dead_code, reason = "the lock lasts as long as the file is open")] File,
);

/// Where one server keeps everything.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its data.
    pub folder: PathBuf,
    /// Logs of all programs.
    pub logs: PathBuf,
    /// Pid files of all programs.
    pub run: PathBuf,
}

impl Home {
    /// The home at `root`, made if it is new.
    ///
    /// # Errors
    /// If it can not be made.
    pub fn open(root: &Path) -> Result<Self> {
        let make = || -> std::io::Result<PathBuf> {
            fs::create_dir_all(root)?;
            let root = root.canonicalize()?;
            for folder in ["logs", "run", "keys"] {
                fs::create_dir_all(root.join(folder))?;
            }
            fs::set_permissions(root.join("keys"), fs::Permissions::from_mode(0o700))?;
            Ok(root)
        };
        let root = make().with_context(|| {
            format!(
                "the home {} can not be used; choose another with TURNSTILE_HOME",
                root.display()
            )
        })?;
        Ok(Self { root })
    }

    /// Where it is, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether a database was ever made here.
    pub fn has_data(&self) -> bool {
        self.root.join("servers/postgres/data").exists()
    }

    /// Makes this program the one launcher of the home; `Err` with the process id of the one that
    /// is.
    ///
    /// # Errors
    /// The outer one if the home can not be written.
    pub fn lock(&self) -> Result<std::result::Result<HomeLock, String>> {
        let path = self.root.join("launcher.lock");
        let held = || format!("writing {}", path.display());
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .with_context(held)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).with_context(held)?;
                file.write_all(std::process::id().to_string().as_bytes()).with_context(held)?;
                Ok(Ok(HomeLock(file)))
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).with_context(held)?;
                Ok(Err(holder))
            }
            Err(TryLockError::Error(error)) => Err(error).with_context(held),
        }
    }

    /// The ports this home uses, if it ever chose any.
    ///
    /// # Errors
    /// If the file is there but can not be read.
    pub fn known_ports(&self) -> Result<Option<Ports>> {
        read_json(&self.root.join("ports.json"))
    }

    /// The ports to use, to be called while nothing of this home runs: those it always had, except
    /// the ones that somebody took meanwhile. Answers also how many had to be chosen anew.
    ///
    /// # Errors
    /// If they can not be read, found or written.
    pub fn ports(&self) -> Result<(Ports, usize)> {
        let (ports, renewed) = match self.known_ports()? {
            None => (Ports::choose()?, 0),
            Some(mut ports) => match ports.renew(ports::is_free_here)? {
                0 => return Ok((ports, 0)),
                renewed => (ports, renewed),
            },
        };
        write_private(&self.root.join("ports.json"), &serde_json::to_vec_pretty(&ports)?)?;
        Ok((ports, renewed))
    }

    /// The place of the server called `name`. `tell` hears if its data have to be kept outside the
    /// home.
    ///
    /// # Errors
    /// If there is no place that its account could enter.
    pub fn site(&self, name: &str, tell: fn(String)) -> Result<Site> {
        let servers = self.servers(name, tell)?;
        Ok(Site {
            folder: servers.join(name),
            logs: self.root.join("logs"),
            run: self.root.join("run"),
        })
    }

    fn servers(&self, account: &str, tell: fn(String)) -> Result<PathBuf> {
        let link = self.root.join("servers");
        if !link.exists() {
            let enters = Account::for_server(&link, account)?
                .is_none_or(|account| account.can_enter(&self.root));
            if enters {
                make_enterable(&link)?;
            } else {
                self.keep_elsewhere(&link, tell)?;
            }
        }
        let servers = link.canonicalize().with_context(|| link.display().to_string())?;
        if let Some(account) = Account::for_server(&servers.join(account), account)?
            && !account.can_enter(&servers)
        {
            bail!(
                "user {} of the servers can not enter {}; choose another home with TURNSTILE_HOME",
                account.uid,
                servers.display()
            );
        }
        Ok(servers)
    }

    fn keep_elsewhere(&self, link: &Path, tell: fn(String)) -> Result<()> {
        // A name of its own for each home: a home that is deleted and made anew must not find its
        // old data.
        let target = Path::new(ELSEWHERE).join(Uuid::new_v4().simple().to_string());
        make_enterable(&target)?;
        symlink(&target, link).with_context(|| link.display().to_string())?;
        tell(format!(
            "The servers do not run as root and can not enter {}: their data are in {}.",
            self.root.display(),
            target.display()
        ));
        Ok(())
    }

    /// The file that a program called `name` logs to.
    pub fn log(&self, name: &str) -> PathBuf {
        self.root.join("logs").join(format!("{name}.log"))
    }

    /// The file that notes which process `name` is.
    pub fn pid_file(&self, name: &str) -> PathBuf {
        self.root.join("run").join(format!("{name}.pid"))
    }

    /// A file or folder among the signing keys.
    pub fn key(&self, name: &str) -> PathBuf {
        self.root.join("keys").join(name)
    }

    /// Deletes the home with all data. Nothing of it may run.
    ///
    /// # Errors
    /// If something of it can not be deleted.
    pub fn delete(self) -> Result<()> {
        if is_root()
            && let Ok(target) = fs::read_link(self.root.join("servers"))
        {
            fs::remove_dir_all(&target).with_context(|| target.display().to_string())?;
        }
        fs::remove_dir_all(&self.root).with_context(|| self.root.display().to_string())
    }
}

/// Whatever the umask is: the servers' accounts must pass through; what is inside is private to
/// each.
fn make_enterable(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)
        .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(0o711)))
        .with_context(|| folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> Home {
        let name = format!("turnstile-home-{}", Uuid::new_v4().simple());
        Home::open(&std::env::temp_dir().join(name)).expect("made")
    }

    #[test]
    fn ports_are_chosen_once_and_kept() {
        let home = home();
        assert_eq!(home.known_ports().expect("read"), None);
        let (chosen, renewed) = home.ports().expect("chosen");
        assert_eq!(renewed, 0);
        assert_eq!(home.ports().expect("kept"), (chosen, 0));
        home.delete().expect("deleted");
    }

    #[test]
    fn a_home_has_one_launcher_at_a_time() {
        let home = home();
        let lock = home.lock().expect("written").expect("free");
        assert_eq!(home.lock().expect("read").expect_err("held"), std::process::id().to_string());
        drop(lock);
        assert!(home.lock().expect("written").is_ok());
        home.delete().expect("deleted");
    }

    #[test]
    fn a_damaged_file_is_named() {
        let home = home();
        let path = home.root().join("ports.json");
        fs::write(&path, "{").expect("written");
        let error = format!("{:#}", home.ports().expect_err("damaged"));
        assert!(error.contains("ports.json is damaged"), "{error}");
        home.delete().expect("deleted");
    }
}
