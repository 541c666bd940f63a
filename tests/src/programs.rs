//! Where the programs of Postgres and RabbitMQ are on this machine. Installing them:
//! [`crate::install`].

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Folders that hold programs on Debian, for children that do not get this program's own `PATH`.
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Oldest Postgres that knows `idle_session_timeout`, which the relay's leadership rests on.
const OLDEST_POSTGRES: u32 = 14;

/// An installed Postgres.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresPrograms {
    /// Its major version, 14 at least.
    pub version: u32,
    /// Makes a new data folder.
    pub initdb: PathBuf,
    /// The server.
    pub postgres: PathBuf,
}

/// An installed RabbitMQ with the Erlang it runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RabbitMqPrograms {
    /// The script that becomes the server, not Debian's wrapper that insists on its own user and
    /// folders.
    pub server: PathBuf,
    /// Erlang's name service.
    pub epmd: PathBuf,
    /// `PATH` for both.
    pub path: String,
}

/// Postgres in `PATH` or where Debian keeps it: of major version `wanted` (that of existing data),
/// else the newest.
pub fn postgres(wanted: Option<u32>) -> Option<PostgresPrograms> {
    let in_path = in_path("postgres").and_then(|program| program.canonicalize().ok());
    let in_path = in_path.and_then(|program| Some(program.parent()?.to_owned()));
    let debian = children("/usr/lib/postgresql").map(|version| version.join("bin"));
    in_path
        .into_iter()
        .chain(debian)
        .filter_map(|folder| postgres_in(&folder))
        .filter(|found| wanted.is_none_or(|version| version == found.version))
        .max_by_key(|found| found.version)
}

fn postgres_in(folder: &Path) -> Option<PostgresPrograms> {
    let (initdb, postgres) = (folder.join("initdb"), folder.join("postgres"));
    if !initdb.is_file() || !postgres.is_file() {
        return None;
    }
    let answer = Command::new(&postgres).arg("--version").output().ok()?;
    let version = major_version(&String::from_utf8_lossy(&answer.stdout))?;
    (version >= OLDEST_POSTGRES).then_some(PostgresPrograms { version, initdb, postgres })
}

/// The major version in `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)`.
fn major_version(answer: &str) -> Option<u32> {
    let number = answer.split_once("(PostgreSQL)")?.1.split_whitespace().next()?;
    let digits = number.split(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// RabbitMQ where Debian keeps it, or in `PATH`.
pub fn rabbitmq() -> Option<RabbitMqPrograms> {
    let debian = Some(PathBuf::from("/usr/lib/rabbitmq/bin/rabbitmq-server"));
    let server = [debian, in_path("rabbitmq-server")]
        .into_iter()
        .flatten()
        .filter_map(|program| program.canonicalize().ok())
        // The real script stands beside the one it reads; a wrapper does not.
        .find(|program| program.with_file_name("rabbitmq-env").is_file())?;
    let erlang = in_path("erl")?;
    let own_epmd = children("/usr/lib/erlang").map(|runtime| runtime.join("bin/epmd"));
    let epmd = in_path("epmd").into_iter().chain(own_epmd).find(|program| program.is_file())?;
    let path = format!("{}:{USUAL_PATH}", erlang.parent()?.display());
    Some(RabbitMqPrograms { server, epmd, path })
}

/// The program that a shell would run for `name`.
pub fn in_path(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let answer = Command::new("sh")
        .args(["-c", "command -v \"$1\"", "sh"])
        .arg(name)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let path = PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim_end());
    path.is_absolute().then_some(path)
}

fn children(folder: &str) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_every_packaging() {
        for (answer, version) in [
            ("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n", Some(15)),
            ("postgres (PostgreSQL) 18beta1\n", Some(18)),
            ("postgres (EnterpriseDB) x\n", None),
        ] {
            assert_eq!(major_version(answer), version, "{answer}");
        }
    }

    #[test]
    fn a_program_is_found_as_a_shell_finds_it() {
        assert!(in_path("sh").is_some_and(|path| path.is_file()));
        assert_eq!(in_path("turnstile-no-such-program"), None);
    }
}
