//! Servers of others that the product talks to, real ones from package registries: an OpenID
//! provider, and one that speaks like Stripe. Installed once into `target/peers`, with exactly the
//! versions of `.config/peers`.
//!
//! Not here: what tests ask of them (`openid.rs`, `stripe.rs`).

pub(crate) mod openid;
pub(crate) mod stripe;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use tests::say::note;
use tests::{install, ports};

use crate::harness::eventually;

/// Ends with its input, which ends with this program in whatever way that ends.
const UNTIL_INPUT_ENDS: &str = r#""$@" & peer=$!; cat > /dev/null; kill "$peer""#;

/// A peer that runs; ends when dropped.
pub(crate) struct Peer {
    pub(crate) url: String,
    process: Child,
}

impl Peer {
    /// Runs a program that listens on a port, in a folder; its output goes into a log there.
    async fn start(folder: &Path, port: u16, command: &[&str]) -> Self {
        let log = fs::File::create(folder.join(format!("{port}.log"))).expect("a log");
        let process = Command::new("setsid")
            .args(["sh", "-c", UNTIL_INPUT_ENDS, "sh"])
            .args(command)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("a peer");
        let url = format!("http://127.0.0.1:{port}");
        let peer = Self { url, process };
        let address = ("127.0.0.1", port);
        let listens = async || tokio::net::TcpStream::connect(address).await.is_ok();
        eventually("the peer listens", listens).await;
        peer
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
    let draft = folder.with_extension(std::process::id().to_string());
    let draft_lists = draft.join("lists");
    fs::create_dir_all(&draft_lists).expect("a folder");
    for list in lists {
        fs::copy(sources.join(list), draft_lists.join(list)).expect("copied");
    }
    fill(&draft);
    let _ = fs::remove_dir_all(&folder);
    fs::rename(&draft, &folder).expect("moved");
    folder
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
