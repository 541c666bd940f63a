//! Servers of others that the product talks to, real ones from package registries: an OpenID
//! provider, one that speaks like Stripe, and an SMTP server. Installed once into `target/peers`,
//! with exactly the versions of `.config/peers`.
//!
//! Not here: what tests ask of them (`openid.rs`, `stripe.rs`, `smtp.rs`), and what they show of
//! themselves (`certificates.rs`).

pub(crate) mod certificates;
pub(crate) mod openid;
pub(crate) mod smtp;
pub(crate) mod stripe;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use tests::say::note;
use tests::{install, ports};
use uuid::Uuid;

use crate::harness::{eventually, servers};

/// Ends with the peer, and the peer with its input, which ends with this program in whatever way
/// that ends.
const UNTIL_INPUT_ENDS: &str =
    r#"exec 3<&0; "$@" & peer=$!; { cat <&3 > /dev/null; kill "$peer"; } & wait "$peer""#;

/// A peer that runs; ends when dropped.
pub(crate) struct Peer {
    pub(crate) url: String,
    process: Child,
}

impl Peer {
    /// Runs a program that listens on a port, in a folder; its output goes into a log beside those
    /// of the servers, which vanishes with them.
    async fn start(folder: &Path, port: u16, command: &[&str]) -> Self {
        let path = servers().home.join("logs").join(format!("peer-{port}.log"));
        let log = fs::File::create(&path).expect("a log");
        let process = Command::new("setsid")
            .args(["sh", "-c", UNTIL_INPUT_ENDS, "sh"])
            .args(command)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("a peer");
        let process = Mutex::new(process);
        let is_over = || process.lock().expect("whole").try_wait().expect("a process").is_some();
        let listens = async || {
            if is_over() {
                panic!("a peer has ended: {}", fs::read_to_string(&path).unwrap_or_default());
            }
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        };
        eventually("the peer listens", listens).await;
        let process = process.into_inner().expect("whole");
        Self { url: format!("http://127.0.0.1:{port}"), process }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    ports::free_one().expect("a free port")
}

/// A folder below `target/peers` that `fill` has filled with what these lists name. Made aside and
/// moved, so that it is there as a whole or not at all; made anew when a list has changed.
fn installed(name: &str, lists: &[&str], fill: impl FnOnce(&Path)) -> PathBuf {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let folder = all.join("target/peers").join(name);
    let (sources, copies) = (all.join(".config/peers"), folder.join("lists"));
    let read = |folder: &Path, list| fs::read_to_string(folder.join(list)).unwrap_or_default();
    if lists.iter().all(|list| read(&copies, list) == read(&sources, list)) {
        return folder;
    }
    let draft = Draft::beside(&folder);
    let draft_lists = draft.0.join("lists");
    fs::create_dir_all(&draft_lists).expect("a folder");
    for list in lists {
        fs::copy(sources.join(list), draft_lists.join(list)).expect("copied");
    }
    fill(&draft.0);
    let _ = fs::remove_dir_all(&folder);
    fs::rename(&draft.0, &folder).expect("moved");
    folder
}

/// What is to stand beside a file or a folder until it is whole; gone if it never is.
struct Draft(PathBuf);

impl Draft {
    fn beside(path: &Path) -> Self {
        Self(path.with_extension(Uuid::new_v4().simple().to_string()))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
        let _ = fs::remove_file(&self.0);
    }
}

/// Writes a file as a whole: whoever reads it meanwhile finds all of it, the old or the new.
fn write_whole(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return;
    }
    let draft = Draft::beside(path);
    fs::write(&draft.0, text).expect("written");
    fs::rename(&draft.0, path).expect("moved");
}

#[track_caller]
fn run(command: &mut Command) {
    let answer = command.stdin(Stdio::null()).output().expect("a program");
    let said = String::from_utf8_lossy(&answer.stderr);
    assert!(answer.status.success(), "{command:?}: {said}");
}

/// The programs of Debian's package that a peer needs, installed if need be.
fn program(name: &str, package: &str) -> PathBuf {
    install::program(name, package, note).expect("installed")
}

/// The folder whose `node_modules` hold what `package.json` names.
fn node_modules() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        installed("node", &["package.json", "package-lock.json"], |folder| {
            let npm = program("npm", "npm");
            for list in ["package.json", "package-lock.json"] {
                fs::copy(folder.join("lists").join(list), folder.join(list)).expect("copied");
            }
            let quiet = ["ci", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"];
            run(Command::new(npm).args(quiet).current_dir(folder));
        })
    })
}

/// The folder into which what `requirements.txt` names is installed, for `PYTHONPATH`.
fn python_packages() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        installed("python", &["requirements.txt"], |folder| {
            program("pip3", "python3-pip");
            let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
            let list = folder.join("lists/requirements.txt");
            let mut pip = Command::new("python3");
            run(pip.args(quiet).arg("--target").arg(folder).arg("-r").arg(list));
        })
    })
}
