//! Which user of the machine a server runs as. Both servers refuse or should not have the rights of
//! root, so root lends them the account their Debian package made; everybody else runs them as
//! themselves.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// A user and their group, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub uid: u32,
    /// Their primary group.
    pub gid: u32,
}

/// Whether this program has the rights of root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

impl Account {
    /// The account that a server with its data in `data` runs as: `None` means as whoever runs this
    /// program.
    ///
    /// For root it is the owner of existing data, else `preferred`, else `nobody`.
    ///
    /// # Errors
    /// If the machine's list of users can not be read or names none of them.
    pub fn for_server(data: &Path, preferred: &str) -> Result<Option<Self>> {
        if !is_root() {
            return Ok(None);
        }
        if let Ok(metadata) = data.metadata()
            && metadata.uid() != 0
        {
            return Ok(Some(Self { uid: metadata.uid(), gid: metadata.gid() }));
        }
        let users = std::fs::read_to_string("/etc/passwd").context("the list of users")?;
        match find(&users, preferred).or_else(|| find(&users, "nobody")) {
            Some(account) => Ok(Some(account)),
            None => bail!("this machine has neither a user {preferred} nor a user nobody"),
        }
    }

    /// Whether this account can enter `folder`, every folder above it included.
    pub fn can_enter(self, folder: &Path) -> bool {
        use std::os::unix::process::CommandExt;
        // Asking the kernel as that user is right about access lists and mounts too; reading modes
        // is not.
        Command::new("test")
            .arg("-x")
            .arg(folder)
            .current_dir("/")
            .uid(self.uid)
            .gid(self.gid)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

/// Makes `folder` (and what is above it) if need be and gives it to `account`, private to it.
///
/// # Errors
/// If it can not be made or handed over.
pub fn private_folder(folder: &Path, account: Option<Account>) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let made = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        if let Some(account) = account {
            chown(folder, Some(account.uid), Some(account.gid))?;
        }
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
    };
    made().with_context(|| format!("preparing {}", folder.display()))
}

fn find(users: &str, name: &str) -> Option<Account> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Account { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/bash\n\
        postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash\n\
        broken:x\n";

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        assert_eq!(find(USERS, "postgres"), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(find(USERS, "post"), None);
    }

    #[test]
    fn a_broken_line_is_no_user() {
        assert_eq!(find(USERS, "broken"), None);
    }
}
